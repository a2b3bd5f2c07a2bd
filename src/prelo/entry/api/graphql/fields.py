"""What can be asked by GraphQL: each field is one use case, as each route of REST is."""

import strawberry

from prelo.entry.api.graphql import datasets, desk, jobs, schedules, webhooks
from prelo.entry.api.graphql.jobs import Subscription

__all__ = ["Mutation", "Query", "Subscription"]


@strawberry.type
class Query(jobs.Query, schedules.Query, webhooks.Query, datasets.Query, desk.Query):
    pass


@strawberry.type
class Mutation(
    jobs.Mutation, schedules.Mutation, webhooks.Mutation, datasets.Mutation, desk.Mutation
):
    pass
