"""The limits of AGENTS.md that no linter holds."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FILES = sorted(
    path for top in ("src", "tests", "examples", "bench") for path in (ROOT / top).rglob("*.py")
)
MAX_FILE, MAX_FUNCTION, MAX_ARGUMENTS = 400, 40, 6
COMMANDS = "src/prelo/entry/cli/"  # one argument per option: Typer reads a command's signature
TABLES = "src/prelo/migrations/versions/"  # one line per column of a table

Function = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions() -> Iterator[tuple[str, Function]]:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield name(path), node


def length(function: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    lines = (function.end_lineno or 0) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        lines -= (first.end_lineno or 0) - first.lineno + 1
    return lines


def test_a_file_is_short_enough_to_read():
    lines = {name(path): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert len(lines) > 50
    assert {path: count for path, count in lines.items() if count > MAX_FILE} == {}


def test_a_function_is_short_enough_to_hold_in_mind():
    long = {
        f"{path}:{function.lineno} {function.name}": length(function)
        for path, function in functions()
        if length(function) > MAX_FUNCTION and not path.startswith(TABLES)
    }
    assert long == {}, "a straight line of named steps reads better"


def test_a_function_has_few_arguments_by_place():
    wide = [
        f"{path}:{function.lineno} {function.name}"
        for path, function in functions()
        if len(function.args.posonlyargs + function.args.args) > MAX_ARGUMENTS + 1  # and self
        and not path.startswith(COMMANDS)
    ]
    assert wide == []


def test_no_file_is_called_after_nothing():
    vague = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [name(path) for path in FILES if path.stem in vague] == []
