"""What is written: TPC-H lineitem and other shapes of table, as Parquet, made once and kept.

python -m bench.data SHAPE...    makes those that are not there
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench import arabic

FOLDER = Path(__file__).parent / "data"
ROWS_OF_SCALE_1 = 6_000_000  # of TPC-H's lineitem, nearly
SEED = 1
JOINED = (5, 8)  # comments that make two or three lines of a page
WORDS = [
    "quickly", "final", "deposits", "sleep", "above", "the", "even", "packages", "across",
    "furiously", "regular", "ideas", "haggle", "carefully", "bold", "R&D", "accounts",
    "nag", "silent", "pending", "theodolites", "along", "blithely", "ironic", "requests",
]  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A table to write: `rows` of it, from `file`; `path()` makes the file if it is not there."""

    name: str
    title: str
    rows: int

    @property
    def key(self) -> str:
        return f"{self.name}-{self.rows}"

    @property
    def file(self) -> Path:
        return FOLDER / f"{self.key}.parquet"

    def path(self) -> Path:
        if not self.file.exists():
            FOLDER.mkdir(exist_ok=True)
            MAKERS.get(self.name, _lineitem)(self.file, self.rows)
        return self.file


def _lineitem(path: Path, rows: int) -> None:
    tool = Path(sys.executable).parent / "tpchgen-cli"
    scale = f"{rows * 1.02 / ROWS_OF_SCALE_1:g}"
    command = [tool, "parquet", "-s", scale, "--tables", "lineitem", "--output-dir", FOLDER]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (FOLDER / "lineitem.parquet").rename(path)


def _numbers(path: Path, rows: int) -> None:
    import numpy as np
    import polars as pl

    random = np.random.default_rng(SEED)
    frame = pl.DataFrame(
        {
            "id": np.arange(rows) + 1,
            "amount": random.integers(-1_000_000, 1_000_000, rows) / 100,
            "count": random.integers(0, 1_000, rows),
            "ratio": random.random(rows),
        }
    )
    frame.write_parquet(path, row_group_size=100_000)


def _mixed(path: Path, rows: int) -> None:
    """Twenty times ten kinds of column, two of them with NULLs."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(SEED)
    frames: list[pl.DataFrame] = []
    for i in range(20):
        whole = pl.Series(random.integers(0, 100_000, rows))
        few = pl.Series(random.integers(0, 9, rows))
        columns = {
            "whole": whole,
            "float": whole / 7,
            "decimal": (whole / 100).cast(pl.Decimal(15, 2)),
            "code": whole.cast(pl.String).str.zfill(8),
            "word": pl.Series(WORDS).gather(few),
            "flag": few > 4,
            "day": (whole % 10_000).cast(pl.Int32).cast(pl.Date),
            "moment": (whole * 3_600_000_001).cast(pl.Datetime("us")),
            "gaps": pl.select(pl.when(few > 2).then(whole)).to_series(),
            "blanks": pl.select(pl.when(few > 6).then(pl.lit("seldom"))).to_series(),
        }
        frames.append(pl.DataFrame({f"{name}_{i}": column for name, column in columns.items()}))
    pl.concat(frames, how="horizontal").write_parquet(path, row_group_size=10_000)


def _texts(path: Path, rows: int) -> None:
    """Six columns of sentences, each of about 90 characters."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(SEED)
    words = pl.Series(WORDS)
    sentences = [
        pl.select(
            pl.concat_str(
                [words.gather(random.integers(0, len(words), rows)) for _ in range(13)],
                separator=" ",
            ).alias(f"text_{i}")
        )
        for i in range(6)
    ]
    pl.concat(sentences, how="horizontal").write_parquet(path, row_group_size=100_000)


def _wrapping(path: Path, rows: int) -> None:
    """Lineitem; every third comment is some comments, one after the other."""
    import numpy as np
    import polars as pl

    comment = pl.col("l_comment")
    joined = pl.Series(np.random.default_rng(SEED).integers(*JOINED, rows, endpoint=True))
    parts = [pl.when(joined > i).then(" " + comment.shift(-i)) for i in range(1, JOINED[1])]
    long = pl.concat_str([comment, *(part.fill_null("") for part in parts)])
    third = pl.int_range(pl.len()) % 3 == 0
    frame = pl.read_parquet(LINEITEM.path(), n_rows=rows)
    frame = frame.with_columns(pl.when(third).then(long).otherwise(comment).alias("l_comment"))
    frame.write_parquet(path, row_group_size=100_000)


def _arabic(path: Path, rows: int) -> None:
    """Lineitem; of its texts every twentieth is Arabic, a comment as four words."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(SEED)
    words = pl.Series(arabic.words())

    def some(count: int) -> pl.Series:
        drawn = [words.gather(random.integers(0, len(words), rows)) for _ in range(count)]
        return pl.select(pl.concat_str(drawn, separator=" ")).to_series()

    frame = pl.read_parquet(LINEITEM.path(), n_rows=rows)
    texts = {
        name: 4 if name == "l_comment" else 1
        for name, kind in frame.schema.items()
        if kind == pl.String
    }
    frame = frame.with_columns(
        pl.when(pl.Series(random.random(rows) < 0.05)).then(some(count)).otherwise(name).alias(name)
        for name, count in texts.items()
    )
    frame.write_parquet(path, row_group_size=100_000)


MAKERS: dict[str, Callable[[Path, int], None]] = {
    "numbers": _numbers,
    "mixed": _mixed,
    "texts": _texts,
    "wrapping": _wrapping,
    "arabic": _arabic,
}

LINEITEM = Shape("lineitem", "TPC-H lineitem, 16 columns", 1_000_000)
FIVE_SHEETS = Shape("lineitem", "TPC-H lineitem, 16 columns, five sheets", 5_000_000)
OTHERS = (
    Shape("numbers", "4 columns of numbers", 1_000_000),
    Shape("mixed", "200 mixed columns", 100_000),
    Shape("texts", "6 columns of long text", 1_000_000),
)
WRAPPING = Shape("wrapping", "every third row of two or three lines", 100_000)
ARABIC = Shape(
    "arabic", f"5 % of the texts Arabic, of a vocabulary of {len(arabic.words()):,} words", 100_000
)
ALL = (LINEITEM, FIVE_SHEETS, *OTHERS, WRAPPING, ARABIC)
SHAPES = {shape.key: shape for shape in ALL}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        SHAPES[name].path()
