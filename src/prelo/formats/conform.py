"""The type each kind needs, and how a column gets there: whole columns at a time, never value by value."""

import polars as pl

from prelo.core.errors import SourceInvalid
from prelo.core.table import Kind

_NUMBERS = {"decimal", "money", "percent", "number", "scientific"}
_TEXTS = {"text", "code", "link"}
_TEXT_DECIMAL_SCALE = 12  # of a number that arrives as text and whose kind does not say its digits


def infer_kind(name: str, dtype: pl.DataType) -> Kind:
    """The kind of a column nobody described. Raises SourceInvalid for binary data."""
    if dtype == pl.Binary:
        raise SourceInvalid(
            f"the column '{name}' is binary, which no cell can show; hide or convert it"
        )
    if isinstance(dtype, pl.Decimal):
        return Kind(name="decimal", digits=dtype.scale)
    if dtype.is_integer():
        return Kind(name="integer")
    if dtype.is_float():
        return Kind(name="number")
    by_type = {pl.Boolean: "boolean", pl.Date: "date", pl.Time: "time", pl.Duration: "duration"}
    if isinstance(dtype, pl.Datetime):
        return Kind(name="datetime")
    return Kind.model_validate({"name": by_type.get(dtype.base_type(), "text")})


def conform(
    frame: pl.DataFrame, kinds: dict[str, Kind], timezone: str, rows_before: int
) -> pl.DataFrame:
    """`frame` with every column in the type of its kind:

    integer: an integer type · decimal, money, percent, number, scientific: Decimal, float or integer ·
    boolean: Boolean · date: Date · datetime: Datetime without zone, shown in `timezone` · time: Time ·
    duration: Duration · text, code, link: String.
    """
    out: list[pl.Expr] = []
    for name, kind in kinds.items():
        expr = _conversion(pl.col(name), frame.schema[name], kind, timezone)
        if expr is not None:
            out.append(expr.alias(name))
    if not out:
        return frame
    try:
        return frame.with_columns(out)
    except (pl.exceptions.PolarsError, OverflowError) as error:
        raise _misfit(frame, kinds, timezone, rows_before) or SourceInvalid(str(error)) from error


def _conversion(c: pl.Expr, dtype: pl.DataType, kind: Kind, timezone: str) -> pl.Expr | None:
    """The expression that brings a column of `dtype` to `kind`; None when it is there already."""
    if dtype in (pl.Categorical, pl.Enum, pl.Null):
        c, dtype, changed = c.cast(pl.String), pl.String(), True
    else:
        changed = False
    if kind.name in _TEXTS:
        expr = _to_text(c, dtype)
    elif kind.name in _NUMBERS:
        expr = _to_number(c, dtype, kind)
    elif kind.name == "integer":
        expr = None if dtype.is_integer() else _to_integer(c, dtype)
    else:
        expr = _to_other(c, dtype, kind.name, timezone)
    return expr if expr is not None else (c if changed else None)


def _to_text(c: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype == pl.String:
        return None
    if isinstance(dtype, pl.List | pl.Array):
        return pl.struct(c.alias("v")).struct.json_encode().str.slice(5).str.strip_suffix("}")
    if isinstance(dtype, pl.Struct):
        return c.struct.json_encode()
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
        return (
            pl.when(whole == whole.round())
            .then(whole.cast(pl.Int64, strict=True))
            .otherwise(
                whole.cast(pl.String).cast(
                    pl.Int64, strict=True
                )  # fails with the value in its message
            )
        )
    return c.cast(pl.Int64, strict=True)


def _to_other(c: pl.Expr, dtype: pl.DataType, name: str, timezone: str) -> pl.Expr | None:
    if name == "boolean":
        return _to_boolean(c, dtype)
    if name == "date":
        if dtype == pl.String:
            return c.str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d")
        return None if dtype == pl.Date else c.cast(pl.Date)
    if name == "datetime":
        return _to_datetime(c, dtype, timezone)
    if name == "time":
        if dtype == pl.String:
            return c.str.strip_chars().str.to_time("%H:%M:%S%.f")
        return None if dtype == pl.Time else c.cast(pl.Time)
    if dtype.is_numeric():  # a duration given as a number is in seconds
        return (c.cast(pl.Float64) * 1_000_000).round().cast(pl.Int64).cast(pl.Duration("us"))
    return None if dtype == pl.Duration else c.cast(pl.Duration("us"))


def _to_boolean(c: pl.Expr, dtype: pl.DataType) -> pl.Expr | None:
    if dtype == pl.Boolean:
        return None
    if dtype == pl.String:
        known = {"true": True, "false": False, "t": True, "f": False, "1": True, "0": False}
        return c.str.strip_chars().str.to_lowercase().replace_strict(known, return_dtype=pl.Boolean)
    return c.cast(pl.Boolean)


def _to_datetime(c: pl.Expr, dtype: pl.DataType, timezone: str) -> pl.Expr | None:
    if dtype == pl.String:
        return (
            c.str.strip_chars()
            .str.replace(" ", "T", literal=True)
            .str.to_datetime(time_unit="us", time_zone=None, strict=True)
        )
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return c.dt.convert_time_zone(timezone).dt.replace_time_zone(None)
    return None if isinstance(dtype, pl.Datetime) else c.cast(pl.Datetime("us"))


def _misfit(
    frame: pl.DataFrame, kinds: dict[str, Kind], timezone: str, rows_before: int
) -> SourceInvalid | None:
    """The first value that did not fit, found by halving; only runs when a frame has failed."""
    for name, kind in kinds.items():
        expr = _conversion(pl.col(name), frame.schema[name], kind, timezone)
        if expr is None or _fits(frame, expr):
            continue
        low, high = 0, frame.height
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _fits(frame[low:middle], expr) else (low, middle)
        shown = repr(frame[name][low])
        shown = shown if len(shown) <= 60 else shown[:57] + "…"  # noqa: PLR2004
        return SourceInvalid(
            f"column '{name}', row {rows_before + low + 1}: {shown} is not a {kind}"
        )
    return None


def _fits(frame: pl.DataFrame, expr: pl.Expr) -> bool:
    try:
        frame.select(expr)
    except (pl.exceptions.PolarsError, OverflowError):
        return False
    return True
