"""The type each kind needs, and how a column gets there: whole columns at a time, never value by value."""

import polars as pl

from prelo.core.errors import SourceInvalid
from prelo.core.table import Kind, KindName

_NUMBERS = {"decimal", "money", "percent", "number", "scientific"}
_TEXTS = {"text", "code", "link"}
_TEXT_DECIMAL_SCALE = 12  # of a number that arrives as text and whose kind does not say its digits
_SHOWN = 60
_BY_TYPE: dict[type[pl.DataType], KindName] = {
    pl.Boolean: "boolean",
    pl.Date: "date",
    pl.Time: "time",
    pl.Duration: "duration",
    pl.Datetime: "datetime",
}
_OFFSET = r"(Z|[+-]\d{2}:?\d{2})$"


def infer_kind(name: str, dtype: pl.DataType) -> Kind:
    """The kind of a column nobody described. Raises SourceInvalid for binary data."""
    if isinstance(dtype, pl.Binary | pl.Object):
        raise SourceInvalid(
            f"the column '{name}' is {str(dtype).lower()}, which no cell can show; hide or convert it"
        )
    if isinstance(dtype, pl.Decimal):
        return Kind(name="decimal", digits=dtype.scale)
    if dtype.is_integer():
        return Kind(name="integer")
    if dtype.is_float():
        return Kind(name="number")
    return Kind(name=_BY_TYPE.get(type(dtype), "text"))


def conform(
    frame: pl.DataFrame, kinds: dict[str, Kind], timezone: str, rows_before: int
) -> pl.DataFrame:
    """`frame` with every column in the type of its kind:

    integer: an integer type · decimal, money, percent, number, scientific: Decimal, float or integer ·
    boolean: Boolean · date: Date · datetime: Datetime without zone, shown in `timezone` · time: Time ·
    duration: Duration · text, code, link: String.

    Nothing is rounded or guessed, but for numbers in texts, cut after 12 decimals. Raises SourceInvalid with
    the column and row of the first value that does not fit, or the column whose type never does.
    """
    out: list[pl.Expr] = []
    schema = frame.schema  # made anew at each look
    for name, kind in kinds.items():
        expr = _conversion(name, schema[name], kind, timezone)
        if expr is not None:
            out.append(expr.alias(name))
    if not out:
        return frame
    try:
        return frame.with_columns(out)
    except (pl.exceptions.PolarsError, OverflowError) as error:
        raise _misfit(frame, kinds, timezone, rows_before) or SourceInvalid(str(error)) from error


def _conversion(name: str, dtype: pl.DataType, kind: Kind, timezone: str) -> pl.Expr | None:
    """The expression that brings a column of `dtype` to `kind`; None when it is there already."""
    c, plain = _plain(pl.col(name), dtype, timezone)
    if kind.name in _TEXTS:
        expr = _to_text(c, plain)
    elif not _possible(plain, kind):
        raise SourceInvalid(f"the column '{name}' holds {plain} values, which are no {kind}")
    elif kind.name in _NUMBERS:
        expr = _to_number(c, plain, kind)
    elif kind.name == "integer":
        expr = None if plain.is_integer() else _to_integer(c, plain)
    else:
        expr = _to_other(c, plain, kind.name, timezone)
    return c if expr is None and plain != dtype else expr


def _plain(c: pl.Expr, dtype: pl.DataType, timezone: str) -> tuple[pl.Expr, pl.DataType]:
    """Dictionaries and nothings as texts, times as the clocks of `timezone` show them."""
    if isinstance(dtype, pl.Categorical | pl.Enum | pl.Null):
        return c.cast(pl.String), pl.String()
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        local = c.dt.convert_time_zone(timezone).dt.replace_time_zone(None)
        return local, pl.Datetime(dtype.time_unit)
    return c, dtype


def _possible(dtype: pl.DataType, kind: Kind) -> bool:
    if dtype == pl.String:
        return True
    if kind.name in {"date", "datetime", "time"}:
        fitting = {"date": pl.Date, "datetime": pl.Date, "time": pl.Time}[kind.name]
        return isinstance(dtype, pl.Datetime) or dtype == fitting
    if kind.name == "duration":
        return isinstance(dtype, pl.Duration) or dtype.is_numeric()
    return dtype.is_numeric() or dtype == pl.Boolean


def _to_text(c: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype == pl.String:
        return None
    if isinstance(dtype, pl.List | pl.Array):
        json = pl.struct(c.alias("v")).struct.json_encode().str.slice(5).str.strip_suffix("}")
        return pl.when(c.is_not_null()).then(json)
    if isinstance(dtype, pl.Struct):
        return pl.when(c.is_not_null()).then(c.struct.json_encode())
    if isinstance(dtype, pl.Datetime):
        return c.dt.strftime("%Y-%m-%d %H:%M:%S%.f")
    return c.cast(pl.String)


def _to_number(c: pl.Expr, dtype: pl.DataType, kind: Kind) -> pl.Expr | None:
    if dtype == pl.String:
        if kind.name in {"number", "scientific"}:
            return c.str.strip_chars().cast(pl.Float64)
        scale = kind.digits if kind.digits is not None else _TEXT_DECIMAL_SCALE
        return c.str.strip_chars().cast(pl.Decimal(38, max(scale, _TEXT_DECIMAL_SCALE)))
    return c.cast(pl.Int8) if dtype == pl.Boolean else None


def _to_integer(c: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Strictly: 3.0 is an integer and 3.5 is not; NaN is the NULL of older data frames."""
    if dtype.is_float():
        whole = c.fill_nan(None)
        return _unless(whole != whole.round(), whole, whole.cast(pl.Int64, strict=True))
    if isinstance(dtype, pl.Decimal):
        return _unless(c != c.round(0), c, c.cast(pl.Int64, strict=True))
    return (c.str.strip_chars() if dtype == pl.String else c).cast(pl.Int64, strict=True)


def _unless(wrong: pl.Expr, c: pl.Expr, value: pl.Expr) -> pl.Expr:
    """`value`, made to fail where `wrong`: expressions cannot raise, but strict casts do."""
    failing = pl.when(wrong).then(pl.lit("no ") + c.cast(pl.String)).cast(pl.Int8, strict=True)
    return pl.coalesce(failing, value)


def _to_other(c: pl.Expr, dtype: pl.DataType, name: str, timezone: str) -> pl.Expr | None:
    if name == "boolean":
        return _to_boolean(c, dtype)
    if name == "date":
        return _to_date(c, dtype)
    if name == "datetime":
        return _to_datetime(c, dtype, timezone)
    if name == "time":
        return _to_time(c, dtype)
    if isinstance(dtype, pl.Duration):
        return None
    seconds = (c.str.strip_chars() if dtype == pl.String else c).cast(pl.Float64)
    return (seconds * 1_000_000).round().cast(pl.Int64).cast(pl.Duration("us"))


def _to_boolean(c: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype == pl.Boolean:
        return None
    if dtype == pl.String:
        known = {"true": True, "false": False, "t": True, "f": False, "1": True, "0": False}
        return c.str.strip_chars().str.to_lowercase().replace_strict(known, return_dtype=pl.Boolean)
    return _unless((c != 0) & (c != 1), c, (c != 0).cast(pl.Int8)).cast(pl.Boolean)


def _to_date(c: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype == pl.String:  # databases write a date with a time of midnight, too
        day = c.str.strip_chars().str.replace(r"[T ]\d{2}:\d{2}.*$", "")
        return day.str.to_date("%Y-%m-%d")
    return None if dtype == pl.Date else c.cast(pl.Date)


def _to_time(c: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype == pl.String:
        text = c.str.strip_chars()
        return _lengthened(text, 5, ":00").str.to_time("%H:%M:%S%.f")
    return None if dtype == pl.Time else c.dt.time()


def _to_datetime(c: pl.Expr, dtype: pl.DataType, timezone: str) -> pl.Expr | None:
    """Texts of ISO 8601 (and with a space for the T), each with or without time, seconds, zone."""
    if dtype != pl.String:
        return None if isinstance(dtype, pl.Datetime) else c.cast(pl.Datetime("us"))
    text = c.str.strip_chars().str.replace(" ", "T", literal=True)
    offset = pl.when(text.str.len_bytes() > 16).then(text.str.extract(_OFFSET))  # noqa: PLR2004
    clock = pl.when(offset.is_null()).then(text).otherwise(text.str.replace(_OFFSET, ""))
    clock = _lengthened(_lengthened(clock, 10, "T00:00"), 16, ":00")
    local = clock.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us", strict=True)
    hours = offset.str.slice(1, 2).cast(pl.Int64, strict=False)
    minutes = hours * 60 + offset.str.slice(-2).cast(pl.Int64, strict=False)
    ahead = pl.when(offset.str.starts_with("-")).then(-minutes).otherwise(minutes).fill_null(0)
    shown = (local - pl.duration(minutes=ahead)).dt.replace_time_zone("UTC")
    shown = shown.dt.convert_time_zone(timezone).dt.replace_time_zone(None)
    return pl.when(offset.is_null()).then(local).otherwise(shown)


def _lengthened(text: pl.Expr, length: int, end: str) -> pl.Expr:
    return pl.when(text.str.len_bytes() == length).then(text + end).otherwise(text)


def _misfit(
    frame: pl.DataFrame, kinds: dict[str, Kind], timezone: str, rows_before: int
) -> SourceInvalid | None:
    """The first value that did not fit, found by halving; only runs when a frame has failed."""
    for name, kind in kinds.items():
        expr = _conversion(name, frame.schema[name], kind, timezone)
        if expr is None or _fits(frame, expr):
            continue
        low, high = 0, frame.height
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _fits(frame[low:middle], expr) else (low, middle)
        shown = repr(frame[name][low])
        shown = shown if len(shown) <= _SHOWN else shown[: _SHOWN - 1] + "…"
        return SourceInvalid(
            f"column '{name}', row {rows_before + low + 1}: {shown} is not a valid {kind}"
        )
    return None


def _fits(frame: pl.DataFrame, expr: pl.Expr) -> bool:
    try:
        frame.select(expr)
    except (pl.exceptions.PolarsError, OverflowError):
        return False
    return True
