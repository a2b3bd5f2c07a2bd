"""Where a parameter stands in a query, and where it only seems to."""

import pytest

from prelo.adapters.source_sql.marks import pieces, single
from prelo.core.errors import QueryFailed

BOTH = {
    "select :a": ["a"],
    "select :a,:b+:a": ["a", "b", "a"],
    "select ':a', \":b\", 'it''s :c'": [],
    "select 1 -- :a": [],
    "select 1 -- :a\n, :b": ["b"],
    "select /* :a\n */ :b /* ' */, :c": ["b", "c"],
    "select x'00', :_a1 % 2": ["_a1"],
    "select a:b": [],
    "select 'é', :a": ["a"],
}
POSTGRESQL = {
    "select a::date, :a::date, now():: date": ["a"],
    "select r[1:2], r[:a]": ["a"],
    "select $$ :a $$, $x$ :b $$ $x$, $1": [],
    "select E'\\' :a', e'\\\\', :b": ["b"],
    "select '\\', :a": ["a"],
    "select /* a /* :b */ :c */ :d": ["d"],
    "select name'x', :a": ["a"],
    "select a := :b": ["b"],
}
MYSQL = {
    "select '\\' :a', :b": ["b"],
    "select 1 # :a\n, :b": ["b"],
    "select 1--:a": ["a"],
    "select @a:=1, @b := :c": ["c"],
    "select `:a`, `b`": [],
    "select 'a' 5 /* /* */ :b": ["b"],
}


def names(sql: str, dialect: str) -> list[str]:
    found = list(pieces(sql, dialect))
    assert "".join(text for _, text in found) == sql
    return [text[1:] for kind, text in found if kind == "name"]


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_marks_are_found_in_code_alone(dialect: str):
    own = POSTGRESQL if dialect == "postgresql" else MYSQL
    for sql, expected in (BOTH | own).items():
        assert names(sql, dialect) == expected, sql


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_what_ends_nowhere_is_read_to_its_end(dialect: str):
    for sql in ("select ':a", "select /* :a", 'select ":a', "select $$ :b"):
        assert "".join(text for _, text in pieces(sql, dialect)) == sql


@pytest.mark.parametrize("dialect", ["postgresql", "mysql"])
def test_one_statement_is_let_through_without_its_semicolons(dialect: str):
    for sql in ("select ';'", "select ';';", "select ';' ; -- done\n;"):
        assert "".join(text for _, text in single(sql, dialect)) == "select ';'"
    for sql in ("select 1; select 2", "select 1; ; select 2"):
        with pytest.raises(QueryFailed, match="one single SELECT"):
            single(sql, dialect)
    for sql in ("", " ; ", "-- words", "/* words */;"):
        with pytest.raises(QueryFailed, match="empty"):
            single(sql, dialect)
