"""The fields of datasets. Rows are uploaded by HTTP: a question has no room for them."""

import strawberry

from prelo.app import datasets
from prelo.core.view import DatasetView
from prelo.entry.api.datasets import Listing, dataset_view, page_of
from prelo.entry.api.graphql.asking import (
    Connection,
    Id,
    Info,
    asks,
    cursor,
    first_of,
    name_of,
    or_null,
    page,
)
from prelo.entry.api.graphql.cost import FIRST, MAX_FIRST
from prelo.entry.api.graphql.types import shown
from prelo.entry.api.paging import placed

DATASET = or_null(shown(DatasetView))
DATASETS = or_null(Connection[shown(DatasetView)])


@strawberry.type
class Query:
    @strawberry.field(graphql_type=DATASET, description="What is in it, and when it expires.")
    async def dataset(self, info: Info, dataset_id: Id) -> DatasetView:
        here, who = asks(info, "GET /v1/datasets/{dataset}")
        name = name_of("dataset", dataset_id)
        return dataset_view(await datasets.find(name, who, here.ports))

    @strawberry.field(
        graphql_type=DATASETS,
        description=f"The datasets, newest first; `first` is at most {MAX_FIRST}.",
    )
    async def datasets(
        self, info: Info, first: int = FIRST, after: str | None = None
    ) -> Connection[DatasetView]:
        here, who = asks(info, "GET /v1/datasets")
        query = Listing(cursor=cursor(after), limit=first_of(first))
        return page(await page_of(query, here, who), after, placed, dataset_view)


@strawberry.type
class Mutation:
    @strawberry.mutation(
        description="Delete it, unless a queued or running job needs it. Answers its id."
    )
    async def delete_dataset(self, info: Info, dataset_id: Id) -> strawberry.ID | None:
        here, who = asks(info, "DELETE /v1/datasets/{dataset}")
        await datasets.forget(name_of("dataset", dataset_id), who, here.ports)
        return dataset_id
