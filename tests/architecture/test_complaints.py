"""docs/complaints.md answers each complaint, and every test it names is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/complaints.md").read_text()


def test_each_complaint_has_an_answer_and_a_test():
    answers = re.split(r"^(\d+)\. ", PAGE, flags=re.MULTILINE)[1:]
    assert [int(number) for number in answers[::2]] == list(range(1, 26))
    assert not [answer for answer in answers[1::2] if "::test_" not in answer]


def test_every_test_that_is_named_is_there():
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)
    files = {file: (ROOT / "tests" / file).read_text() for file, _ in named}
    missing = [f"{file}::{name}" for file, name in named if f"def {name}(" not in files[file]]
    assert not missing
