"""Where Prelo's time goes, and how far it is from the limit: deflating the same XML and nothing else.

python -m bench.shares xlsx|pdf ROWS    prints one line of JSON: CPU seconds of each step

One thread and one core, so that the steps are done one after the other and add up.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

from bench.run import pin


class Clock:
    """CPU seconds by step; what is measured inside of another step is not counted there."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}

    def of(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **keywords: Any) -> Any:
            before, inner = time.process_time(), sum(self.spent.values())
            try:
                return function(*args, **keywords)
            finally:
                inner = sum(self.spent.values()) - inner
                taken = time.process_time() - before - inner
                self.spent[step] = self.spent.get(step, 0.0) + taken

        return timed

    def iterate(self, step: str, items: Iterator[Any]) -> Iterator[Any]:
        pull = self.of(step, lambda: next(items, None))
        while (item := pull()) is not None:
            yield item


def workbook(rows: int) -> dict[str, float]:
    from bench.data import LINEITEM
    from prelo import write_xlsx
    from prelo.formats.xlsx import package
    from prelo.formats.xlsx import rows as kernels

    clock = Clock()
    measured: Any = package
    measured.__dict__.update(isal_zlib=_measured_zlib(clock), _WORTH_A_THREAD=1 << 62)
    kernels.Rows.xml = clock.of("kernels", kernels.Rows.xml)
    columns = {"l_extendedprice": "money:USD", "l_quantity": {"total": "sum"}}
    with _opened(clock, LINEITEM.path(), rows) as (data, sink):
        clock.of("rest", write_xlsx)(data, sink, title="Line items", columns=columns)
    return clock.spent


def pdf(rows: int) -> dict[str, float]:
    from bench.data import LINEITEM
    from bench.pdf import COLUMNS, keywords
    from prelo import write_pdf
    from prelo.formats.pdf import body, flow
    from prelo.formats.pdf.file import File

    clock = Clock()
    measured: Any = sys.modules[File.__module__]
    measured.isal_zlib = _measured_zlib(clock)
    body.Body.texts = clock.of("values as text", body.Body.texts)
    body.Body.items = clock.of("layout", body.Body.items)
    flow.Flow.add = clock.of("pages", flow.Flow.add)
    with _opened(clock, LINEITEM.path(), rows, COLUMNS) as (data, sink):
        clock.of("rest", write_pdf)(data, sink, **keywords())
    return clock.spent


def _measured_zlib(clock: Clock) -> SimpleNamespace:
    from isal import isal_zlib

    def compressor(*args: Any) -> Any:
        inner = isal_zlib.compressobj(*args)
        deflate = clock.of("deflate", inner.compress)
        return SimpleNamespace(compress=deflate, flush=clock.of("deflate", inner.flush))

    library = {
        "compress": clock.of("deflate", isal_zlib.compress),
        "compressobj": compressor,
        "crc32": clock.of("crc32", isal_zlib.crc32),
    }
    return SimpleNamespace(**{**vars(isal_zlib), **library})


@contextmanager
def _opened(
    clock: Clock, path: Path, rows: int, names: list[str] | None = None
) -> Iterator[tuple[Any, Any]]:
    import pyarrow as pa

    from bench.contestants import reader

    source = reader(path, rows, names)
    data = pa.RecordBatchReader.from_batches(source.schema, clock.iterate("read", iter(source)))
    with TemporaryDirectory() as folder, (Path(folder) / "out").open("wb") as file:
        yield data, SimpleNamespace(write=clock.of("write", file.write))


if __name__ == "__main__":
    pin(1)
    print(json.dumps({"xlsx": workbook, "pdf": pdf}[sys.argv[1]](int(sys.argv[2]))))
