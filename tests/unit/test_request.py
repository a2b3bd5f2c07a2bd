"""Equal requests are one request, however they are spelled; different ones never are."""

import unicodedata
import uuid
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prelo.core.errors import Invalid, NotFound
from prelo.core.report import Catalog, Report
from prelo.core.request import Caller, Request, job_id, order

REPORT = Report.model_validate(
    {
        "name": "sales",
        "title": "Sales {start}",
        "source": {"query": "select 1"},
        "formats": ["xlsx", "pdf"],
        "parameters": {
            "start": {"type": "date", "default": "2026-01-01"},
            "limit": {"type": "integer", "default": 10},
            "factor": {"type": "number", "default": 1.0},
            "city": {"type": "string", "default": "Zürich"},
            "all": {"type": "boolean", "default": False},
        },
    }
)
CATALOG = Catalog([REPORT])
ANNA = Caller(tenant="anna")

values = st.fixed_dictionaries(
    {},
    optional={
        "start": st.dates(date(1900, 1, 1), date(2200, 1, 1)).map(date.isoformat),
        "limit": st.integers(-(2**53) + 1, 2**53 - 1),
        "factor": st.floats(allow_nan=False, allow_infinity=False),
        "city": st.text(max_size=20).filter(lambda t: "\x00" not in t and _encodable(t)),
        "all": st.booleans(),
    },
)


def _encodable(text: str) -> bool:
    return not any(0xD800 <= ord(c) <= 0xDFFF for c in text)


def fingerprint(parameters: dict[str, Any], **rest: Any) -> str:
    return order(Request(report="sales", parameters=parameters, **rest), CATALOG, ANNA)[
        0
    ].fingerprint


def respelled(parameters: dict[str, Any]) -> dict[str, Any]:
    """The same values in other words: keys turned round, floats for integers, decomposed letters."""
    other = dict(reversed(parameters.items()))
    if "limit" in other and abs(other["limit"]) < 2**50:
        other["limit"] = float(other["limit"])
    if "factor" in other and other["factor"].is_integer() and abs(other["factor"]) < 2**53:
        other["factor"] = int(other["factor"])
    if "city" in other:
        other["city"] = unicodedata.normalize("NFD", other["city"])
    return other


@given(values)
def test_equal_requests_have_equal_fingerprints_however_they_are_spelled(
    given_values: dict[str, Any],
):
    assert fingerprint(given_values) == fingerprint(respelled(given_values))


@given(values)
def test_a_default_left_out_is_the_default_given(given_values: dict[str, Any]):
    defaults = {name: p.default for name, p in REPORT.parameters.items()}
    assert fingerprint(given_values) == fingerprint(defaults | given_values)


@given(values, values)
def test_different_values_have_different_fingerprints(one: dict[str, Any], two: dict[str, Any]):
    first = order(Request(report="sales", parameters=one), CATALOG, ANNA)[0]
    second = order(Request(report="sales", parameters=two), CATALOG, ANNA)[0]
    same = first.parameters == second.parameters
    assert same == (first.fingerprint == second.fingerprint)


@pytest.mark.parametrize(
    "other",
    [
        {"format": "pdf"},
        {"locale": "pt-BR"},
        {"timezone": "America/Sao_Paulo"},
        {"overflow": "truncate"},
    ],
)
def test_whatever_changes_the_file_changes_the_fingerprint(other: dict[str, Any]):
    assert fingerprint({}) != fingerprint({}, **other)


@pytest.mark.parametrize("other", [{"priority": "high"}, {"max_age": 0}, {"deadline": 5}])
def test_what_does_not_change_the_file_does_not_change_the_fingerprint(other: dict[str, Any]):
    assert fingerprint({}) == fingerprint({}, **other)


def test_tenants_scopes_and_changed_definitions_never_share():
    request = Request(report="sales")
    changed = Catalog([REPORT.model_copy(update={"subtitle": "new"})])
    prints = {
        order(request, CATALOG, Caller(tenant="anna"))[0].fingerprint,
        order(request, CATALOG, Caller(tenant="bert"))[0].fingerprint,
        order(request, CATALOG, Caller(tenant="anna", scope="north"))[0].fingerprint,
        order(request, changed, Caller(tenant="anna"))[0].fingerprint,
    }
    assert len(prints) == 4


def test_naming_the_newest_version_is_the_same_as_naming_none():
    assert fingerprint({}) == fingerprint({}, version=1)


def test_a_job_id_is_a_uuid_of_version_8_and_the_same_wherever_it_is_computed():
    made = uuid.UUID(job_id("anna", "f" * 64, 0))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)
    assert str(made) == job_id("anna", "f" * 64, 0)
    assert str(made) != job_id("anna", "f" * 64, 1)
    assert str(made) != job_id("anna", "e" * 64, 0)


def test_ids_of_a_tenant_begin_with_its_bucket():
    def bucket(text: str) -> int:
        return uuid.UUID(text).int >> 118

    anna = {bucket(job_id("anna", f"{n:064x}", n)) for n in range(20)}
    assert len(anna) == 1
    assert len({bucket(job_id(f"tenant-{n}", "a", 0)) for n in range(200)}) > 100


def test_inline_rows_become_an_order_that_carries_its_own_report():
    request = Request.model_validate(
        {"columns": [{"name": "n", "kind": "integer"}], "rows": [[1], [2**80]], "title": "Big"}
    )
    made, report = order(request, Catalog(), ANNA)
    assert made.definition == report
    assert report.source.rows == ((1,), (2**80,))
    other = request.model_copy(update={"rows": ((1,), (2,))})
    assert order(other, Catalog(), ANNA)[0].fingerprint != made.fingerprint


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "either 'report'"),
        ({"report": "a", "rows": [[1]]}, "either 'report'"),
        ({"rows": [[1]]}, "come together"),
        ({"report": "a", "title": "x"}, "its own title"),
        ({"report": "a", "timezone": "Mars/Base"}, "no IANA time zone"),
        ({"report": "a", "colour": "red"}, "Extra inputs"),
        ({"report": "a", "format": "docx"}, "'xlsx'"),
        ({"report": "a", "max_age": -1}, "greater than or equal to 0"),
    ],
)
def test_a_request_that_makes_no_sense_says_why(body: dict[str, Any], words: str):
    with pytest.raises(ValidationError, match=words):
        Request.model_validate(body)


@pytest.mark.parametrize(
    ("body", "error", "words"),
    [
        ({"report": "sale"}, NotFound, "the catalog has sales"),
        ({"report": "sales", "version": 7}, NotFound, "it has 1"),
        ({"report": "sales", "format": "csv"}, Invalid, "made as xlsx, pdf"),
        ({"report": "sales", "parameters": {"limit": "many"}}, Invalid, "limit: must be a number"),
        (
            {"report": "sales", "parameters": {"start": "soon"}},
            Invalid,
            "start: must be a day",
        ),
        (
            {"report": "sales", "parameters": {"strat": "x"}},
            Invalid,
            "strat: the report has no such",
        ),
        ({"columns": [{"name": "a"}], "rows": [[1], [1, 2]]}, Invalid, "row 2 has 2 values"),
        ({"columns": [{"name": "a"}, {"name": "a"}], "rows": []}, Invalid, "a name of its own"),
    ],
)
def test_a_request_that_does_not_fit_the_catalog_says_where(
    body: dict[str, Any], error: type[Exception], words: str
):
    with pytest.raises(error, match=words):
        order(Request.model_validate(body), CATALOG, ANNA)


def test_a_default_that_is_written_out_does_not_change_a_reports_digest():
    """So that a field added by a later version leaves the jobs of an earlier one renderable."""
    plain = Report.model_validate({"name": "a", "source": {"query": "select 1"}})
    spelled = Report.model_validate(plain.model_dump())
    assert spelled.model_fields_set > plain.model_fields_set
    assert spelled.digest == plain.digest
    assert plain.model_copy(update={"title": "b"}).digest != plain.digest
