"""`prelo audit`: who did what, asked of a server."""

from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from prelo.entry.cli import given, say

if TYPE_CHECKING:
    from prelo.core.desk import NotedView

Job = Annotated[str | None, typer.Option("--job", metavar="JOB", help="About this job.")]
Actor = Annotated[
    str | None, typer.Option("--actor", metavar="NAME", help="By this one, as key:ID or oidc:SUB.")
]
Since = Annotated[
    datetime | None, typer.Option("--since", metavar="TIME", help="Done then or later.")
]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, metavar="N", help="At most so many.")]
_Until = Annotated[
    datetime | None, typer.Option("--until", metavar="TIME", help="Done then or before.")
]
_Tenant = Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Of this tenant.")]
_Acts = Annotated[
    list[str] | None,
    typer.Option(
        "--act",
        metavar="ACT",
        help="ask, download, cancel, retry, forget, replay, drop, key.create, key.rotate or key.revoke; "
        "repeat.",
    ),
]


def audit(  # noqa: PLR0913, PLR0917  the options of a command
    tenant: _Tenant = None,
    actor: Actor = None,
    act: _Acts = None,
    job: Job = None,
    since: Since = None,
    until: _Until = None,
    limit: Limit = 50,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """Who did what, newest first; needs a key with the scope admin."""
    marks = given.marks(tenant=tenant, actor=actor, act=act, job=job, since=since, until=until)
    with given.server(url, "prelo-cli") as client:
        found = list(islice(client.audit(**marks, limit=min(limit, 200)), limit))
    tell(found, json=json)


def tell(found: "Sequence[NotedView]", *, json: bool) -> None:
    if json:
        say.as_json([entry.model_dump(mode="json") for entry in found])
        return
    rows = [
        (f"{entry.at.astimezone():%Y-%m-%d %H:%M:%S}", entry.actor, entry.tenant, entry.action,
         entry.job_id or _of_key(entry.detail), str(entry.generation), _rest(entry.detail))
        for entry in found
    ]  # fmt: skip
    if rows:
        say.table(["AT", "ACTOR", "TENANT", "DID", "JOB OR KEY", ">GENERATION", "DETAIL"], rows)
    else:
        say.note("Nobody has done such a thing.")


def _of_key(detail: dict[str, Any]) -> str:
    return f"{detail.get('key', '-')} ({detail.get('name', '-')})"


def _rest(detail: dict[str, Any]) -> str:
    """`report=sales door=cli`, without what stands in a column of its own."""
    shown = {
        k: v for k, v in detail.items() if k not in {"key", "name"} and v not in (None, "", [])
    }
    return " ".join(f"{name}={value}" for name, value in shown.items()) or "-"
