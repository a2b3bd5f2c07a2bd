"""What the fields of all kinds share: who asks, what they send along, and the pages of what they get."""

import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, Optional, TypeVar
from uuid import UUID

import strawberry
from fastapi.requests import HTTPConnection
from strawberry.fastapi import BaseContext

from prelo.app import rates
from prelo.app.rates import Quota
from prelo.core.errors import FieldError, Invalid, NotFound
from prelo.core.model import Model
from prelo.core.request import Caller
from prelo.entry.api.graphql.cost import MAX_FIRST
from prelo.entry.api.graphql.types import given
from prelo.entry.api.paging import place_of
from prelo.entry.api.reading import KEYS, House, digest_of, is_key, validated
from prelo.entry.api.rights import may, shown_by
from prelo.ports import IdempotencyKey

T = TypeVar("T")
Row = TypeVar("Row")
Asked = TypeVar("Asked", bound=Model)
Id = Annotated[strawberry.ID, strawberry.argument(name="id")]
_LONGEST_ID = 100
_NUMBER = re.compile("[1-9][0-9]{0,14}")


class Asking(BaseContext):
    """Who asks and by what they show it, what is left of their requests, and what the fields work with."""

    def __init__(self, here: House, who: Caller, connection: HTTPConnection) -> None:
        super().__init__()
        self.here, self.who, self.connection = here, who, connection
        self.quota: Quota | None = connection.state.quota
        self._shown = shown_by(connection)

    async def let_in_again(self) -> None:
        """A connection lives longer than a key may, and asks more than once."""
        self.who = await self.here.doorman.caller(self._shown)
        self.quota = await self.here.rates.taken(self.who.tenant)
        rates.check(self.quota)


Info = strawberry.Info[Asking, None]


def asks(info: Info, place: str) -> tuple[House, Caller]:
    """What the field works with; it needs what the route at `place` does. Raises Forbidden."""
    here, who = info.context.here, info.context.who
    may(here, who, place)
    return here, who


def or_null(kind: Any) -> Any:
    """A field that was refused is null beside its error: what others of a question did is still told."""
    return Optional[kind]  # noqa: UP045  | knows no such types


@strawberry.type
class PageInfo:
    has_next_page: bool
    has_previous_page: bool
    start_cursor: str | None
    end_cursor: str | None


@strawberry.type
class Edge(Generic[T]):
    cursor: str
    node: T


@strawberry.type(description="A page. `after` its `endCursor` comes the next one.")
class Connection(Generic[T]):
    edges: list[Edge[T]]
    nodes: list[T]
    page_info: PageInfo


def page(
    found: tuple[Sequence[Row], str | None],
    after: str | None,
    place: Callable[[Row], str],
    view: Callable[[Row], T],
) -> Connection[T]:
    """The rows of a page as callers see them. `found`: with the cursor of the next page, if there is one."""
    rows, following = found
    edges = [Edge(cursor=place(row), node=view(row)) for row in rows]
    return Connection(
        edges=edges,
        nodes=[edge.node for edge in edges],
        page_info=PageInfo(
            has_next_page=following is not None,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        ),
    )


def first_of(count: int, most: int = MAX_FIRST) -> int:
    if not 1 <= count <= most:
        raise wrong("first", f"must be 1 to {most}")
    return count


def cursor(after: str | None) -> str | None:
    try:
        place_of(after)
    except Invalid as error:
        raise _no_cursor() from error
    return after


def number(after: str | None) -> int | None:
    """The cursor of what is numbered."""
    if after is None:
        return None
    if not _NUMBER.fullmatch(after):
        raise _no_cursor()
    return int(after)


def body(model: type[Asked], value: object) -> tuple[Asked, str]:
    """What REST's body of this kind would say, and its digest. Raises Invalid or NotJson."""
    wanted = given(model, value)
    digest = digest_of(wanted)
    return validated(model, wanted), digest


def changes(model: type[Model], value: object) -> dict[str, Any]:
    """As `body`, of what is changed: what it makes of the whole is not known here. Raises NotJson."""
    wanted = given(model, value)
    digest_of(wanted)
    return wanted


def key_of(key: str | None, digest: str) -> IdempotencyKey | None:
    if key is None:
        return None
    if not is_key(key):
        raise wrong("idempotencyKey", f"must be {KEYS}")
    return IdempotencyKey(key=key, digest=digest)


def uuid_of(what: str, text: str) -> str:
    """The id as it is on record. Raises NotFound for what is none."""
    try:
        return str(UUID(text))
    except ValueError as error:
        said = f"there is no {what} '{text[:_LONGEST_ID]}'; the id of a {what} is a UUID"
        raise NotFound(said) from error


def name_of(what: str, text: str) -> str:
    """An id that is no UUID. PostgreSQL cannot even look for a NUL, and what is long is not sent back."""
    if "\0" in text or len(text) > _LONGEST_ID:
        raise NotFound(f"there is no {what} '{text[:_LONGEST_ID]}'")
    return text


def wrong(argument: str, said: str) -> Invalid:
    return Invalid(f"{argument} {said}", (FieldError(pointer=f"/{argument}", detail=said),))


def _no_cursor() -> Invalid:
    said = "is no cursor of ours; take it from the 'endCursor' of the page before"
    return wrong("after", said)
