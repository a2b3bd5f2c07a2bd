"""A query's text cut into pieces: where parameters stand, and where they only seem to."""

import re
from collections.abc import Iterator

from prelo.core.errors import QueryFailed

_PARTS = {
    "postgresql": r"""
        (?P<name>(?<![:\w]):[A-Za-z_]\w*) | (?P<end>;) | (?P<blank>\s+|--[^\n]*) | (?P<nested>/\*)
        | [eE]'(?:[^'\\]|\\.|'')*' | '[^']*' | "[^"]*" | \$(?P<tag>(?:[A-Za-z_]\w*)?)\$.*?\$(?P=tag)\$
        | \w+ | .
    """,
    "mysql": r"""
        (?P<name>(?<![:\w@]):[A-Za-z_]\w*) | (?P<end>;) | (?P<blank>\s+|--(?=\s|\Z)[^\n]*|\#[^\n]*)
        | (?P<blank2>/\*.*?\*/) | '(?:[^'\\]|\\.|'')*' | "(?:[^"\\]|\\.|"")*" | `[^`]*` | [\w$]+ | .
    """,
}
_GRAMMARS = {name: re.compile(text, re.VERBOSE | re.DOTALL) for name, text in _PARTS.items()}
_COMMENT_EDGE = re.compile(r"/\*|\*/")


def pieces(sql: str, dialect: str) -> Iterator[tuple[str, str]]:
    """The query cut into ("name", ":start"), ("end", ";"), ("blank", spaces or a comment) and ("code", …)."""
    grammar, place = _GRAMMARS[dialect], 0
    while place < len(sql):
        match = grammar.match(sql, place)
        assert match  # noqa: S101  the last alternative takes anything
        kind, end = match.lastgroup or "code", match.end()
        if kind == "nested":
            kind, end = "blank", _comment_end(sql, place)
        yield {"blank2": "blank", "tag": "code"}.get(kind, kind), sql[place:end]
        place = end


def _comment_end(sql: str, place: int) -> int:
    """PostgreSQL's comments hold comments."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, place):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    return len(sql)


def single(sql: str, dialect: str) -> list[tuple[str, str]]:
    """The pieces of a query that is one statement, without the semicolons at its end, as it is put within
    other SQL. Raises QueryFailed for none or two.
    """
    found = list(pieces(sql, dialect))
    while found and found[-1][0] in {"blank", "end"}:
        found.pop()
    kinds = {kind for kind, _ in found}
    if not kinds - {"blank"}:
        raise QueryFailed("the query is empty")
    if "end" in kinds:
        raise not_one_select()
    return found


def not_one_select() -> QueryFailed:
    return QueryFailed("the query must be one single SELECT that only reads")


def place_in(sql: str, offset: int) -> str:
    """Where that is, for people."""
    before = sql[:offset]
    return f" (line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))})"
