"""A notice as a mail: the same for the same notice, however often it is made."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime, get_timezone_gmt
from babel.numbers import format_decimal
from jinja2 import Environment, PackageLoader, StrictUndefined

from prelo.adapters.notice_email.words import Words, said, words_of
from prelo.core.channel import is_address
from prelo.core.errors import Misconfigured
from prelo.core.notice import Facts, JobEvent, links
from prelo.core.table import Completeness
from prelo.couriers import Parcel

_SUBJECT = 150  # letters of a title, which may hold what a caller gave
_COLOURS: dict[JobEvent, tuple[str, str]] = {
    "succeeded": ("#1b7f4d", "#e3f4ea"),
    "failed": ("#b3261e", "#fbe9e7"),
    "dead": ("#b3261e", "#fbe9e7"),
    "cancelled": ("#5b6875", "#edf0f3"),
    "expired": ("#8a5a00", "#fdf1da"),
}
_KB = 1000
_ENGLISH = Locale("en")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("prelo.adapters.notice_email", ""),
        autoescape=lambda name: bool(name and name.endswith(".html")),  # noqa: S701  the text has no markup
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=False,
    )


def message(parcel: Parcel, sender: Address, base: str, *, attached: bool) -> bytes:
    """The mail, ready for a server, its file `attached` or linked. Its headers cannot be broken: the standard
    library refuses a line's end in one, and what comes from callers is one line before it gets there.
    """
    notice, facts = parcel.notice, parcel.notice.facts
    assert facts is not None  # noqa: S101  only webhooks are pinged
    assert notice.event != "ping"  # noqa: S101  as above
    told = _told(parcel, notice.event, facts, base, attached=attached)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = sender
    mail["To"] = Address(addr_spec=notice.target)
    mail["Subject"] = told["subject"]
    mail["Date"] = datetime.fromtimestamp(notice.created_at // 1000, UTC)
    # The same for every try: a server or a reader that has it already may drop it.
    mail["Message-ID"] = f"<{notice.id}@{sender.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence answers it
    mail.set_content(_rendered("mail.txt", told), cte="quoted-printable")
    mail.add_alternative(_rendered("mail.html", told), subtype="html", cte="quoted-printable")
    file = parcel.attachment
    if attached and file is not None:
        main, _, sub = file.media_type.partition(";")[0].partition("/")
        mail.add_attachment(file.content, maintype=main, subtype=sub, filename=one_line(file.name))
    mail["Content-Language"] = told["language"]  # last: what is called content moves into the parts
    return mail.as_bytes()


def sender_of(text: str) -> Address:
    """Read PRELO_MAIL_FROM. Raises Misconfigured."""
    name, address = parseaddr(text)
    if not is_address(address) or not text.isprintable():
        raise Misconfigured("PRELO_MAIL_FROM must be an address, as Reports <reports@example.com>")
    return Address(display_name=name, addr_spec=address)


def one_line(text: str) -> str:
    """What a caller gave, as a part of a header: without ends of lines and what cannot be seen."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:_SUBJECT]


def _rendered(name: Literal["mail.txt", "mail.html"], told: dict[str, Any]) -> str:
    return _environment().get_template(name).render(told)


def _told(
    parcel: Parcel, event: JobEvent, facts: Facts, base: str, *, attached: bool
) -> dict[str, Any]:
    words, language = words_of(parcel.locale)
    of = said(words, event)
    title = one_line(parcel.title) or facts.report
    ready, cut = event == "succeeded", facts.completeness == Completeness.TRUNCATED
    colour, tint = _COLOURS["expired" if ready and cut else event]
    where = links(parcel.notice, base)
    button = words.open_file if ready else words.open_job
    return {
        "language": language,
        "subject": of.subject.format(title=title),
        "badge": of.badge,
        "heading": of.heading,
        "title": title,
        "sentence": of.sentence,
        "cut": words.cut if ready and cut else "",
        "carried": (words.attached if attached else words.linked) if ready else "",
        "facts": _facts(parcel, facts, words),
        "button": "" if attached else button,
        "also": words.also,
        "link": where["file"] if ready else where["job"],
        "rights": words.rights,
        "why": words.why,
        "colour": colour,
        "tint": tint,
    }


def _facts(parcel: Parcel, facts: Facts, words: Words) -> Sequence[tuple[str, str]]:
    locale = _locale(parcel.locale)
    at = datetime.fromtimestamp(facts.finished_at / 1000, ZoneInfo(parcel.timezone))
    rows = [(words.report, f"{facts.report} · {facts.format.upper()}")]
    if facts.rows is not None:
        rows.append((words.rows, format_decimal(facts.rows, locale=locale)))
    if parcel.size is not None:
        rows.append((words.size, _size(parcel.size, locale)))
    if facts.completeness is not None:
        place = list(Completeness).index(Completeness(facts.completeness))
        rows.append((words.state, words.states[place]))
    if facts.error is not None:
        rows.append((words.reason, facts.error))
    rows.append(
        (words.finished, f"{format_datetime(at, 'medium', locale=locale)} {_zone(at, locale)}")
    )
    return rows


def _size(size: int, locale: Locale) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < _KB or unit == "MB":
            return (
                f"{format_decimal(size, '#,##0' if unit == 'bytes' else '#,##0.#', locale)} {unit}"
            )
        size = size / _KB  # pyright: ignore[reportAssignmentType]  a size in a larger unit
    return ""


def _zone(at: datetime, locale: Locale) -> str:
    """As UTC+02:00: names of zones are known to few."""
    return get_timezone_gmt(at, "long", locale)


def _locale(tag: str) -> Locale:
    try:
        return Locale.parse(tag.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return _ENGLISH
