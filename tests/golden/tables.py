"""Any table: of every type that Arrow has and a report shows, and of any text."""

from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

# U+FFFE and U+FFFF are no characters; neither XML nor the readers have them.
TEXT = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"), max_size=20
)
ESCAPES = st.lists(
    st.sampled_from(["_", "x", "0041", "_x0041_", "_x005F", "\r", "&", "a", "]]>", "<", "\x08"]),
    max_size=6,
)
FIRST_DAY, LAST_DAY = date(1900, 3, 1), date(9999, 12, 31)
SECONDS = st.integers(0, 86_399)


def moment(day: date, second: int) -> datetime:
    return datetime(day.year, day.month, day.day) + timedelta(seconds=second)


ANY_TEXT = st.one_of(TEXT, ESCAPES.map("".join))
COLUMNS: dict[str, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "text": (pa.large_string(), ANY_TEXT),
    "word": (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b<", ""])),
    "integer": (pa.int64(), st.integers(-(2**63), 2**63 - 1) | st.integers(-1000, 1000)),
    "small": (pa.int8(), st.integers(-128, 127)),
    "large": (pa.uint64(), st.integers(0, 2**64 - 1)),
    "decimal": (pa.decimal128(20, 4), st.decimals(-(10**9), 10**9, places=4)),
    "float": (pa.float64(), st.floats()),
    "single": (pa.float32(), st.floats(width=32)),
    "boolean": (pa.bool_(), st.booleans()),
    "date": (pa.date32(), st.dates()),
    "datetime": (
        pa.timestamp("us"), st.builds(moment, st.dates(date(1800, 1, 1), LAST_DAY), SECONDS),
    ),
    "time": (pa.time64("us"), SECONDS.map(lambda s: (datetime.min + timedelta(seconds=s)).time())),
    "duration": (
        pa.duration("ms"), st.integers(-(10**9), 10**9).map(lambda s: timedelta(seconds=s)),
    ),
    "list": (pa.list_(pa.int64()), st.lists(st.none() | st.integers(-99, 99), max_size=3)),
}  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in COLUMNS.items()}),
    max_size=12,
)
SCHEMA = pa.schema([(name, dtype) for name, (dtype, _) in COLUMNS.items()])
