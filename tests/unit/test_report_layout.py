"""What a report's layout says of the request it is made for."""

from typing import Any

from prelo.core.report import Report

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
