"""What is written: TPC-H lineitem and three other shapes of table, as Parquet, made once and kept."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "data"
ROWS_OF_SCALE_1 = 6_000_000  # of TPC-H's lineitem, nearly
SEED = 1
WORDS = [
    "quickly", "final", "deposits", "sleep", "above", "the", "even", "packages", "across",
    "furiously", "regular", "ideas", "haggle", "carefully", "bold", "R&D", "accounts",
    "nag", "silent", "pending", "theodolites", "along", "blithely", "ironic", "requests",
]  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A table to write: `rows` of it, from the file `path()`, which is made if it is not there."""

    name: str
    title: str
    rows: int

    def path(self) -> Path:
        path = FOLDER / f"{self.name}-{self.rows}.parquet"
        if not path.exists():
            FOLDER.mkdir(exist_ok=True)
            MAKERS.get(self.name, _lineitem)(path, self.rows)
        return path


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


MAKERS: dict[str, Callable[[Path, int], None]] = {
    "numbers": _numbers,
    "mixed": _mixed,
    "texts": _texts,
}

LINEITEM = Shape("lineitem", "TPC-H lineitem, 16 columns", 1_000_000)
FIVE_SHEETS = Shape("lineitem", "TPC-H lineitem, 16 columns, five sheets", 5_000_000)
OTHERS = (
    Shape("numbers", "4 columns of numbers", 1_000_000),
    Shape("mixed", "200 mixed columns", 100_000),
    Shape("texts", "6 columns of long text", 1_000_000),
)
SHAPES = {f"{shape.name}-{shape.rows}": shape for shape in (LINEITEM, FIVE_SHEETS, *OTHERS)}
