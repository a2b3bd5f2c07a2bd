"""What a caller asks for, and the Order it becomes: validated, complete, and known by its fingerprint."""

import hashlib
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from prelo.core.access import SCOPES, Scope, scope_of
from prelo.core.canonical import canonical
from prelo.core.channel import Channels
from prelo.core.dataset import DatasetSpec
from prelo.core.errors import FieldError, Invalid
from prelo.core.model import Model
from prelo.core.parameters import validate
from prelo.core.report import Catalog, Format, Report, SourceSpec
from prelo.core.table import Column, Layout, Overflow

Priority = Literal["high", "normal", "low"]
PRIORITIES: dict[Priority, int] = {"high": 0, "normal": 1, "low": 2}
AD_HOC = "ad-hoc"
ANYBODY = "default"  # the tenant where there is only one
_LARGE = 100_000  # rows of a dataset; a job of more is not a small one
_CENTURY = 100 * 365 * 86_400  # seconds; beyond it a time may not fit into the store
_BUCKET_BITS = 10  # 1,024 shards to come; a job's id begins with its tenant's


class Caller(Model):
    """Who asks. Nobody is handed a file that another tenant's or scope's rights produced.

    `scope` is the set of permissions as one text, which all share who have the same. `subject` is who it is,
    for the audit; empty where nobody is asked. `permissions`: None where nobody is asked for any.
    """

    tenant: str = ANYBODY
    scope: str = ""
    subject: str = ""
    scopes: frozenset[Scope] = frozenset(SCOPES)
    permissions: frozenset[str] | None = None

    @classmethod
    def known(
        cls, tenant: str, subject: str, scopes: Iterable[Scope], permissions: Iterable[str]
    ) -> Self:
        """Somebody who has shown who they are."""
        names = frozenset(permissions)
        return cls(
            tenant=tenant,
            scope=scope_of(names),
            subject=subject,
            scopes=frozenset(scopes),
            permissions=names,
        )

    def has(self, scope: Scope) -> bool:
        return scope in self.scopes or "admin" in self.scopes


class InlineColumn(Column):
    """A column of an ad-hoc report: as Column, with the name it has in the rows."""

    name: Annotated[str, Field(min_length=1, max_length=255)]


class Request(Model):
    """The body of `POST /v1/jobs`: a report of the catalog with parameters, inline columns and rows, or a
    dataset that was uploaded, all of it or these columns.

    `max_age` (seconds) accepts a finished file up to that age; 0 asks for a new one.
    `deadline` (seconds from now): a job that has not begun by then is dead.
    `notify`: who is told when it ends; it makes no other request of it.
    """

    report: str | None = None
    version: int | None = None
    parameters: dict[str, Any] = {}
    format: Format = "xlsx"
    locale: str | None = None
    timezone: str | None = None
    overflow: Overflow | None = None
    max_age: Annotated[float, Field(ge=0, le=_CENTURY)] | None = None
    priority: Priority = "normal"
    deadline: Annotated[float, Field(gt=0, le=_CENTURY)] | None = None
    title: str = ""
    columns: tuple[InlineColumn, ...] | None = None
    rows: tuple[tuple[Any, ...], ...] | None = None
    notify: Channels = ()
    dataset: str | None = None

    @model_validator(mode="after")
    def _report_or_rows(self) -> Self:
        given = [self.report, self.rows, self.dataset]
        if sum(one is not None for one in given) != 1:
            raise ValueError(
                "give either 'report' (a name of the catalog), 'columns' with 'rows', or 'dataset'"
            )
        if self.dataset is None and (self.rows is None) != (self.columns is None):
            raise ValueError("'columns' and 'rows' come together, without 'report'")
        if self.report is not None and self.title:
            raise ValueError(
                "a report of the catalog has its own title; 'title' belongs to rows of your own"
            )
        return self

    @field_validator("timezone", "locale")
    @classmethod
    def _as_in_a_layout(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        try:
            Layout.model_validate({info.field_name: value})
        except ValidationError as error:
            raise ValueError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
        return value


class Order(Model):
    """A validated request: everything an attempt needs, and everything that makes it what it is.

    `definition` is the report itself when it came inline, else None; `report_digest` always stands for it.
    """

    tenant: str
    scope: str
    report: str
    version: int
    report_digest: str
    definition: Report | None = None
    parameters: dict[str, Any]
    format: Format
    locale: str
    timezone: str
    overflow: Overflow

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical order; equal requests have equal ones, however they were spelled."""
        identity = self.model_dump(mode="json", exclude={"definition"})
        return hashlib.sha256(canonical(identity)).hexdigest()

    @property
    def user(self) -> str:
        """Who asked, as a page may say it: all who share the file share this name. Empty for anybody."""
        return self.scope or ("" if self.tenant == ANYBODY else self.tenant)

    def extension(self, report: Report) -> str:
        """Of the file's name: workbooks split into files come in a ZIP, and documents where that is asked."""
        split = self.format == "xlsx" and self.overflow is Overflow.SPLIT_FILES
        zipped = self.format == "pdf" and report.pdf.files == "zip"
        return "zip" if split or zipped else self.format

    def report_from(self, catalog: Catalog) -> Report:
        """The definition to render by. Raises NotFound when the catalog has lost it."""
        return self.definition or catalog.get(self.report, self.version)

    def layout(self, report: Report, made: datetime | None = None) -> Layout:
        """The report's layout, as this order chose it. `made`: when its data is read, for pages that say it;
        a file that does not say it is the same whenever it is made.
        """
        layout = report.layout(
            self.parameters, locale=self.locale, timezone=self.timezone, overflow=self.overflow
        )
        stamp = layout.stamp.filled(user=self.user, made=made)
        return layout.model_copy(update={"stamp": stamp.model_copy(update={"dated": False})})


def order(
    request: Request, catalog: Catalog, caller: Caller, dataset: DatasetSpec | None = None
) -> tuple[Order, Report]:
    """Validate a request against the catalog. `dataset`: the one that it names. Raises NotFound or Invalid,
    with where and why.
    """
    named = request.report
    seen = catalog.seen_by(caller.permissions)
    report = _ad_hoc(request, dataset) if named is None else seen.get(named, request.version)
    if request.format not in report.formats:
        raise Invalid(
            f"the report '{report.name}' is made as {', '.join(report.formats)}, not as {request.format}",
            (FieldError(pointer="/format", detail=f"use one of {', '.join(report.formats)}"),),
        )
    made = Order(
        tenant=caller.tenant,
        scope=caller.scope,
        report=report.name,
        version=report.version,
        report_digest=report.digest if request.report else _inline_digest(report),
        definition=None if request.report else report,
        parameters=validate(report.parameters, request.parameters),
        format=request.format,
        locale=request.locale or report.locale,
        timezone=request.timezone or report.timezone,
        overflow=request.overflow or report.overflow,
    )
    return made, report


def _ad_hoc(request: Request, dataset: DatasetSpec | None) -> Report:
    if dataset is not None:
        return _of_dataset(request, dataset)
    columns, rows = request.columns or (), request.rows or ()
    names = tuple(column.name for column in columns)
    if not names or len(set(names)) != len(names):
        raise Invalid("inline rows need at least one column, and every column a name of its own")
    for number, row in enumerate(rows):
        if len(row) != len(names):
            detail = f"row {number + 1} has {len(row)} values, the report has {len(names)} columns"
            raise Invalid(detail, (FieldError(pointer=f"/rows/{number}", detail=detail),))
    return Report(
        name=AD_HOC,
        title=request.title,
        source=SourceSpec(names=names, rows=rows),
        columns={c.name: Column(**c.model_dump(exclude={"name"})) for c in columns},
    )


def _of_dataset(request: Request, dataset: DatasetSpec) -> Report:
    known = {column.name for column in dataset.finding.columns}
    names = tuple(column.name for column in request.columns or ())
    for number, name in enumerate(names):
        if name not in known:
            detail = f"the dataset has no column '{name}'; it has {', '.join(sorted(known))}"
            raise Invalid(detail, (FieldError(pointer=f"/columns/{number}/name", detail=detail),))
    if len(set(names)) != len(names):
        raise Invalid("every column of the report needs a name of its own")
    return Report(
        name=AD_HOC,
        title=request.title,
        source=SourceSpec(dataset=dataset, names=names),
        columns={c.name: Column(**c.model_dump(exclude={"name"})) for c in request.columns or ()},
        lane="large" if dataset.finding.rows > _LARGE else "small",
    )


def _inline_digest(report: Report) -> str:
    """As Report.digest, but rows may hold integers that canonical JSON cannot."""
    rows = report.model_dump_json(exclude_defaults=True).encode()
    return hashlib.sha256(rows).hexdigest()


def job_id(tenant: str, fingerprint: str, generation: int) -> str:
    """The one id of this request and generation, wherever it is computed (UUIDv8, RFC 9562 section 5.8).

    Its first 10 bits are the tenant's bucket, so that an id leads to its shard.
    """
    bucket = int.from_bytes(hashlib.sha256(tenant.encode()).digest()[:2]) >> (16 - _BUCKET_BITS)
    digest = hashlib.sha256(f"{tenant}\0{fingerprint}\0{generation}".encode()).digest()[:16]
    number = int.from_bytes(digest) & ((1 << (128 - _BUCKET_BITS)) - 1) | bucket << (
        128 - _BUCKET_BITS
    )
    number = number & ~(0xF << 76) | 8 << 76  # version 8
    number = number & ~(0b11 << 62) | 0b10 << 62  # variant of RFC 9562
    return str(uuid.UUID(int=number))
