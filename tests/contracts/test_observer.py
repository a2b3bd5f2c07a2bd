"""What every observer promises, each in a process of its own, whose log is a real pipe."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from prelo.wiring import OBSERVERS

BEGIN = """
import sys
from prelo.wiring import OBSERVERS, resolved
observer = resolved(OBSERVERS[sys.argv[1]], sys.argv[1])()
"""
FLOOD = "for n in range(30_000): observer.event('test.line', n=n)\nprint('said', flush=True)\n"
AFTER = "input()\nobserver.event('test.after')\nobserver.event('test.last')\ninput()\n"


@pytest.fixture(params=list(OBSERVERS))
def form(request: pytest.FixtureRequest) -> str:
    return request.param


def command(form: str, script: str) -> list[str]:
    return [sys.executable, "-c", BEGIN + script, form]


def read(form: str, line: str) -> dict[str, str]:
    """The event of a line and its fields."""
    if form == "json":
        return {key: str(value) for key, value in json.loads(line).items()}
    _, event, *rest = line.split()
    return {"event": event, **dict(field.split("=", 1) for field in rest)}


@contextmanager
def flooded(form: str, script: str) -> Generator[tuple["subprocess.Popen[str]", int]]:
    """A process that has said far more than the pipe of its log holds, and the end that nobody reads."""
    end, log = os.pipe()
    with subprocess.Popen(
        command(form, FLOOD + script),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    ) as process:
        os.close(log)
        try:
            assert process.stdout
            assert select.select([process.stdout], [], [], 20)[0], "an event waited for the reader"
            assert process.stdout.readline() == "said\n"
            yield process, end
        finally:
            process.kill()
            os.close(end)


def test_lines_come_in_order_and_the_end_of_the_process_loses_none(form: str):
    script = "for n in range(300): observer.event('test.line', n=n, none=None, text='ä\\udc80')"
    ran = subprocess.run(command(form, script), capture_output=True, text=True, check=True)
    lines = [read(form, line) for line in ran.stderr.splitlines()]
    assert [line["n"] for line in lines] == [str(n) for n in range(300)]
    assert {line["event"] for line in lines} == {"test.line"}
    assert {" ".join(line.keys() - {"time", "event", "n"}) for line in lines} == {"text"}


def test_events_return_while_nobody_reads_and_a_later_line_tells_how_many_were_dropped(form: str):
    with flooded(form, AFTER) as (process, end), os.fdopen(os.dup(end)) as log:
        assert process.stdin
        # More than the pipe holds: so the queue has room again.
        lines = [read(form, log.readline()) for _ in range(5000)]
        print(file=process.stdin, flush=True)
        while lines[-1]["event"] != "test.last":
            lines.append(read(form, log.readline()))
    said = [int(line["n"]) for line in lines if line["event"] == "test.line"]
    told = [int(line["dropped"]) for line in lines if "dropped" in line]
    assert said == sorted(said)
    assert told
    assert len(said) + sum(told) == 30_000


def test_a_process_whose_log_nobody_reads_ends_all_the_same(form: str):
    with flooded(form, "") as (process, _):
        assert process.wait(20) == 0


@pytest.mark.parametrize("redirect", ["2>&-", "2</dev/null"])
def test_a_log_that_cannot_be_written_harms_no_file(form: str, redirect: str, tmp_path: Path):
    file = tmp_path / "file"
    script = f"file = open({str(file)!r}, 'w')\nobserver.event('test.line')\nprint(file.fileno())"
    shell = ["sh", "-c", f'exec "$@" {redirect}', "sh", *command(form, script)]
    ran = subprocess.run(shell, stdout=subprocess.PIPE, text=True, check=True, timeout=30)
    assert (ran.stdout == "2\n") == (redirect == "2>&-")
    assert not file.read_bytes()


def test_a_log_that_can_be_written_again_is_written(form: str):
    script = (
        "import os, time\nobserver.event('test.lost')\ntime.sleep(0.2)\nos.dup2(1, 2)\n"
        "observer.event('test.line')"
    )
    shell = ["sh", "-c", 'exec "$@" 2</dev/null', "sh", *command(form, script)]
    ran = subprocess.run(shell, stdout=subprocess.PIPE, text=True, check=True, timeout=30)
    assert read(form, ran.stdout.splitlines()[-1])["event"] == "test.line"
