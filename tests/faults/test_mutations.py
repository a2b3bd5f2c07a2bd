"""The suite must notice when the protocol is broken: it is, in a copy, and must go red."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import prelo
from tests.faults.plant import long

ROOT = Path(__file__).parents[2]
SOURCE = Path(prelo.__file__).parent
CHANGING = "adapters/store_sql/changing.py"
MATRIX = "tests/faults/test_crash_matrix.py"
STALE = f"{MATRIX}::test_a_worker_stopped_for_longer_than_its_lease_finds_its_job_gone"
ACK = f"{MATRIX}::test_a_doorbell_is_acknowledged_after_the_claim_and_not_before"
LATE = (
    "tests/contracts/test_store_postgresql.py"
    "::test_a_doorbell_that_was_committed_late_is_rung_though_later_ones_were"
)

FENCE = """    job.c.fence == bindparam("if_fence"),
    job.c.owner.is_not_distinct_from(bindparam("if_owner")),
"""
BY_STATE = "outbox.c.kind == DOORBELL, outbox.c.sent_at.is_(None), "
BY_NUMBER = """outbox.c.kind == DOORBELL, outbox.c.number > func.coalesce(
        select(func.max(outbox.c.number)).where(outbox.c.sent_at.is_not(None)).scalar_subquery(), 0
    ), """
BELL = """        if stop.is_set():
            return None
"""
EARLY = f"""        if bell is not None:
            await ports.broker.ack(bell)
{BELL}"""


@long
@pytest.mark.timeout(240)
@pytest.mark.parametrize(
    ("file", "was", "becomes", "tests"),
    [
        (CHANGING, FENCE, "", [STALE]),
        (CHANGING, FENCE, "", ["tests/contracts/test_store.py", "-k", "fence"]),
        ("app/worker.py", BELL, EARLY, [ACK]),
        ("adapters/store_sql/bells.py", BY_STATE, BY_NUMBER, [LATE]),
    ],
    ids=[
        "no fence: two workers",
        "no fence: the store's contract",
        "ack before the claim",
        "an outbox read by number",
    ],
)
def test_a_broken_protocol_turns_the_suite_red(
    tmp_path: Path, file: str, was: str, becomes: str, tests: list[str]
):
    assert run(tests, SOURCE.parent).returncode == 0, "green without the mutation"
    mutant = tmp_path / "src" / "prelo"
    shutil.copytree(SOURCE, mutant, ignore=shutil.ignore_patterns("__pycache__"))
    text = (mutant / file).read_text()
    assert was in text, "the code has changed: mend this test's mutation"
    if "func." in becomes:
        text = text.replace("from sqlalchemy import ", "from sqlalchemy import func, ")
    (mutant / file).write_text(text.replace(was, becomes))
    broken = run(tests, mutant.parent)
    assert broken.returncode == 1, f"green in spite of the mutation:\n{broken.stdout}"


def run(tests: list[str], source: Path) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(source), str(ROOT)])
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
