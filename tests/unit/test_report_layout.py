"""What a report's layout says of the request it is made for."""

from datetime import UTC, datetime
from typing import Any

import pytest

from prelo.core.page import Stamp
from prelo.core.report import Catalog, Report
from prelo.core.request import Caller, Request, order

PARAMETERS = {"region": {"type": "string", "title": "Region"}, "year": {"type": "integer"}}


def report(**more: Any) -> Report:
    source = {"rows": [[1]], "names": ["n"]}
    return Report.model_validate(
        {"name": "sales", "version": 3, "source": source, "parameters": PARAMETERS, **more}
    )


def test_the_sheet_about_the_file_has_the_report_and_its_parameters_by_their_titles():
    layout = report(xlsx={"info": True}, about={"Owner": "Finance"}).layout(
        {"region": "North", "year": None}
    )
    assert layout.about == {
        "Report": "sales, version 3", "Region": "North", "year": "", "Owner": "Finance",
    }  # fmt: skip
    assert layout.facts == {}


def test_parameters_stand_under_the_title_only_where_a_report_says_so():
    asked = {"region": "North", "year": 2026}
    assert report().layout(asked).facts == report().layout(asked).about == {}
    shown = report(show_parameters=True, facts={"For": "{region}"}).layout(asked)
    assert shown.facts == {"For": "North", "Region": "North", "year": "2026"}


def test_a_template_has_the_parameters_by_their_names():
    layout = report(xlsx={"template": b"PK"}, facts={"year": "the year"}).layout(
        {"region": "North", "year": 2026}
    )
    assert layout.facts == {"region": "North", "year": "the year"}


NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def ordered(made: Report, caller: Caller | None = None, **more: Any) -> Any:
    asked = Request(report="sales", parameters={"region": "North", "year": 2026}, **more)
    return order(asked, Catalog([made]), caller or Caller())[0]


def test_the_stamp_says_the_report_its_parameters_who_asked_and_when():
    made = report()
    stamp = ordered(made, Caller(tenant="acme", scope="ana@acme.example")).layout(made, NOON).stamp
    marks = {"region": "North", "year": "2026"}
    assert stamp == Stamp(
        report="sales", user="ana@acme.example", made=NOON, marks=marks, dated=False
    )


@pytest.mark.parametrize(
    ("caller", "user"),
    [
        (Caller(), ""),
        (Caller(tenant="acme"), "acme"),
        (Caller(scope="north"), "north"),
        (Caller(tenant="acme", scope="north"), "north"),
    ],
)
def test_who_asked_is_the_scope_or_the_tenant_and_nobody_by_default(caller: Caller, user: str):
    assert ordered(report(), caller).user == user


def test_what_a_report_says_of_its_making_itself_counts():
    made = report(stamp={"report": "Sales of ACME", "user": "Accounts", "marks": {"a": "b"}})
    stamp = ordered(made, Caller(tenant="acme")).layout(made, NOON).stamp
    assert (stamp.report, stamp.user, stamp.made) == ("Sales of ACME", "Accounts", NOON)
    assert stamp.marks == {"a": "b"}


def test_the_stamp_is_in_no_digest_and_no_fingerprint():
    assert report().digest == report(stamp=Stamp()).digest
    first, again = ordered(report()), ordered(report())
    assert first.layout(report(), NOON).stamp != again.layout(report()).stamp
    assert first.fingerprint == again.fingerprint
    assert "stamp" not in first.model_dump()


def test_documents_in_a_zip_and_split_workbooks_are_named_so():
    bills = report(pdf={"document": "bill.html", "per": "n", "files": "zip"})
    cases: list[tuple[Report, str, dict[str, Any], str]] = [
        (bills, "pdf", {}, "zip"), (bills, "xlsx", {}, "xlsx"), (report(), "pdf", {}, "pdf"),
        (bills, "xlsx", {"overflow": "split_files"}, "zip"),
        (report(), "pdf", {"overflow": "split_files"}, "pdf"),
    ]  # fmt: skip
    for made, form, more, extension in cases:
        assert ordered(made, None, format=form, **more).extension(made) == extension
