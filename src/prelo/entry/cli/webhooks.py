"""`prelo webhooks`: the endpoints that hear of jobs, and what was sent to them, asked over HTTP."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from prelo.entry.cli import given, jobs, say, shape

if TYPE_CHECKING:
    from prelo.core.webhook import DeliveryView, WebhookView

webhooks = typer.Typer(
    no_args_is_help=True, cls=shape.Group, help="Endpoints of yours that hear when jobs end."
)

_Id = Annotated[str, typer.Argument(metavar="WEBHOOK", help="The webhook's id, as wh_….")]
_To = Annotated[str, typer.Argument(metavar="URL", help="Where notices go: https, and public.")]
_NewUrl = Annotated[str | None, typer.Option("--to", metavar="URL", help="Where notices go.")]
_Description = Annotated[
    str | None, typer.Option("--description", metavar="TEXT", help="For people.")
]
_Jobs = Annotated[
    str | None,
    typer.Option("--jobs", metavar="named|all", help="Jobs that name it, or all of the tenant's."),
]
_Events = Annotated[
    list[str] | None,
    typer.Option(
        "--event", "-e", metavar="EVENT", help="Of all jobs: succeeded, failed, dead …; repeat."
    ),
]
_Grace = Annotated[
    float, typer.Option("--grace", min=0, metavar="SECONDS", help="So long the old one signs, too.")
]
_Delivery = Annotated[str | None, typer.Argument(metavar="DELIVERY", help="Its id; or say --dead.")]
_Dead = Annotated[bool, typer.Option("--dead", help="All that were given up.")]
_Limit = Annotated[
    int, typer.Option("--limit", "-n", min=1, max=200, metavar="N", help="At most so many.")
]
_STYLES = {"sent": "green", "waiting": "cyan", "dead": "bold red"}


@webhooks.command("list", cls=shape.Command)
def list_webhooks(url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """List your webhooks, oldest first."""
    from prelo.client import webhooks as steps

    with given.server(url) as client:
        found = client.do(steps.listing())
    if json:
        say.as_json([one.model_dump(mode="json") for one in found])
        return
    rows = [(one.id, one.jobs, _state(one), one.url, one.description or "-") for one in found]
    if rows:
        say.table(["WEBHOOK", "JOBS", "STATE", "URL", "DESCRIPTION"], rows)
    else:
        say.note("There are none. Make one: prelo webhooks add https://…")


@webhooks.command(cls=shape.Command)
def add(
    to: _To,
    description: _Description = None,
    jobs_: _Jobs = None,
    event: _Events = None,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """Make a webhook. Its secret is printed once, and never again."""
    from prelo.client import webhooks as steps

    chosen = _chosen(description=description, jobs=jobs_, events=event)
    with given.server(url) as client:
        _tell(client.do(steps.make(to, **chosen)), json=json)


@webhooks.command(cls=shape.Command)
def show(webhook: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """Show one webhook, without its secret."""
    from prelo.client import webhooks as steps

    with given.server(url) as client:
        _tell(client.do(steps.looking(webhook)), json=json)


@webhooks.command(cls=shape.Command)
def change(  # noqa: PLR0913, PLR0917  the options of a command
    webhook: _Id,
    to: _NewUrl = None,
    description: _Description = None,
    jobs_: _Jobs = None,
    event: _Events = None,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """Change what is given; the rest stays."""
    from prelo.client import webhooks as steps

    changes = _chosen(url=to, description=description, jobs=jobs_, events=event)
    with given.server(url) as client:
        _tell(client.do(steps.changing(webhook, **changes)), json=json)


@webhooks.command(cls=shape.Command)
def remove(webhook: _Id, url: given.Url = None) -> None:
    """Delete a webhook; what waits for it is not sent."""
    from prelo.client import webhooks as steps

    with given.server(url) as client:
        client.do(steps.deleting(webhook))
    say.line(f"{webhook} is deleted")


@webhooks.command(cls=shape.Command)
def rotate(
    webhook: _Id,
    grace: _Grace = 86_400,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """A new secret, printed once; the old one signs, too, for a day or --grace seconds."""
    from prelo.client import webhooks as steps

    with given.server(url) as client:
        _tell(client.do(steps.rotating(webhook, grace)), json=json)


@webhooks.command(cls=shape.Command)
def enable(webhook: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """Turn it on again, after a 410 turned it off."""
    from prelo.client import webhooks as steps

    with given.server(url) as client:
        _tell(client.do(steps.enabling(webhook)), json=json)


@webhooks.command("test", cls=shape.Command)
def ping(webhook: _Id, url: given.Url = None, json: given.Json = False) -> None:  # noqa: FBT002  a flag
    """Send a ping; `prelo webhooks deliveries` shows what became of it."""
    from prelo.client import webhooks as steps

    with given.server(url) as client:
        sent = client.do(steps.testing(webhook))
    if json:
        say.as_json(sent.model_dump(mode="json"))
    else:
        say.line(f"{sent.id} is on its way; see: prelo webhooks deliveries {webhook}")


@webhooks.command(cls=shape.Command)
def deliveries(
    webhook: _Id,
    limit: _Limit = 20,
    url: given.Url = None,
    json: given.Json = False,  # noqa: FBT002  a flag
) -> None:
    """What was sent, newest first, and what came of it."""
    from prelo.client import webhooks as steps

    with given.server(url) as client:
        found = client.do(steps.deliveries(webhook, limit)).deliveries
    if json:
        say.as_json([one.model_dump(mode="json") for one in found])
        return
    if found:
        columns = ["DELIVERY", "EVENT", "STATE", ">TRIES", ">STATUS", ">MS", ">AGE", "SAID"]
        say.table(columns, [_row(one) for one in found])
    else:
        say.note("Nothing was sent to it in the last 30 days.")


@webhooks.command(cls=shape.Command)
def replay(
    webhook: _Id,
    delivery: _Delivery = None,
    dead: _Dead = False,  # noqa: FBT002  a flag
    url: given.Url = None,
) -> None:
    """Send one again, whatever became of it; or, with --dead, all that were given up."""
    from prelo.client import webhooks as steps

    if (delivery is None) != dead:
        say.fail("name a delivery, or say --dead", say.WRONG)
    with given.server(url) as client:
        if delivery is None:
            count = client.do(steps.replaying_dead(webhook))
        else:
            count = int(bool(client.do(steps.replaying(webhook, delivery))))
    say.line(f"{count} on the way again")


def _chosen(**told: Any) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not None}


def _state(webhook: "WebhookView") -> Text:
    return Text("enabled", "green") if webhook.enabled else Text("off", "bold red")


def _tell(webhook: "WebhookView", *, json: bool) -> None:
    if json:
        say.as_json(webhook.model_dump(mode="json"))
        return
    until = webhook.old_secret_until
    say.line(webhook.id, "bold")
    facts: list[tuple[str, Any]] = [
        ("url", webhook.url), ("jobs", webhook.jobs), ("events", ", ".join(webhook.events)),
        ("about", webhook.description), ("off, as", webhook.why), ("secret", webhook.secret),
        ("old until", until and f"{until.astimezone():%Y-%m-%d %H:%M:%S}"),
    ]  # fmt: skip
    for name, value in facts:
        if value:
            say.line(f"  {name:<10}{value}")
    if webhook.secret:
        say.note("Keep the secret where the receiver reads it: it is not shown again.")


def _row(one: "DeliveryView") -> tuple[str | Text, ...]:
    last = one.tries[-1] if one.tries else None
    return (
        one.id,
        one.event,
        Text(one.state, style=_STYLES.get(one.state, "")),
        str(len(one.tries)),
        str((last and last.status) or "-"),
        str(last.ms) if last else "-",
        jobs.age(one.created_at),
        one.detail or "-",
    )
