"""Weaving gives what joining row by row gives, whatever the texts are."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from prelo.formats.xlsx.weave import Loom, Part

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
names = st.sampled_from(["a", "b"])


@given(
    st.lists(st.tuples(texts, texts), min_size=1, max_size=50),
    st.lists(st.one_of(texts, names.map(pl.col)), min_size=1, max_size=9),
    st.integers(0, 3),
)
def test_woven_rows_are_their_parts_end_to_end(
    rows: list[tuple[str, str]], parts: list[Part], skipped: int
):
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.String}, orient="row")
    loom = Loom()
    for part in (frame, frame[skipped:], frame):
        found = b"".join(loom.weave(part, parts))
        wanted = "".join(
            p if isinstance(p, str) else row[p.meta.output_name()]
            for row in part.iter_rows(named=True)
            for p in parts
        )
        assert found.decode() == wanted


def test_frames_larger_than_what_is_woven_at_once_are_whole_and_in_order():
    frame = pl.DataFrame({"n": [f"{i:020}" for i in range(70_000)]})
    found = b"".join(Loom().weave(frame, ["<", pl.col("n"), ">"])).decode()
    assert found == "".join(f"<{i:020}>" for i in range(70_000))
