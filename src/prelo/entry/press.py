"""The press's process: reads a task a line, renders it under its limits, answers a word a line.

Started by adapters/press_process.py. Standard output belongs to the conversation alone: whatever a
report prints goes to standard error.
"""

import contextlib
import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from prelo.app.press import press
from prelo.config import Config
from prelo.core.errors import Failure, FormatFailed, OutOfMemory, PreloError
from prelo.core.job import Progress
from prelo.core.report import Limits
from prelo.ports import Kit, Pressed, Task
from prelo.wiring import kit

Word = dict[str, Any]
_SPENT = {OutOfMemory.type}  # after these a process is not to be trusted
# Seconds before the first word of progress, and between two in a phase: there may be a million batches.
_PAUSE = 0.1
_NICE = 7  # whoever answers callers, or keeps leases, goes first
_LONGEST = 4_000  # characters of an error: a report's exception may quote all of its data


def main() -> None:
    """Talk until standard input ends: then the parent is gone, and so is this."""
    os.nice(_NICE)
    # Arrow's allocator would reserve 1 GiB at once, which counts as used under RLIMIT_DATA.
    os.putenv("MIMALLOC_ARENA_RESERVE", "64MiB")
    up = _private_stdout()
    lines = _listen()
    config = Config.model_validate_json(lines.get())
    # Before its first use: Polars starts a thread for each core, and every press would have them all.
    threads = config.press_threads or max(1, (os.cpu_count() or 1) // config.slots)
    os.putenv("POLARS_MAX_THREADS", str(threads))
    tools = kit(config)
    _say(up, {"ready": os.getpid()})
    while True:
        task = Task.model_validate_json(lines.get())
        _limit(task.limits)
        word = _rendered(task, tools, _progress(up))
        _say(up, {**word, "memory": _resident()})


def _private_stdout() -> TextIO:
    up = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return up


def _listen() -> "SimpleQueue[bytes]":
    """Lines of standard input, read beside the work, so that a dead parent ends a busy press."""
    lines: SimpleQueue[bytes] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin.buffer:  # JSON is UTF-8, whatever the locale
            lines.put(line)
        if os.getpgrp() == os.getpid():
            os.killpg(0, signal.SIGKILL)  # nobody else ends what a report has started
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _say(up: TextIO, word: Word) -> None:
    up.write(json.dumps(word) + "\n")
    up.flush()


def _progress(up: TextIO) -> Callable[[Progress], None]:
    """Tell a new phase at once, and the rest of it now and then; of a report that is done soon, nothing."""
    late = time.monotonic() + _PAUSE
    phase, quiet_until = "", 0.0

    def heard(progress: Progress) -> None:
        nonlocal phase, quiet_until
        now = time.monotonic()
        if now >= late and (progress.phase != phase or now >= quiet_until):
            phase, quiet_until = progress.phase, now + _PAUSE
            _say(up, {"progress": progress.model_dump()})

    return heard


def _rendered(task: Task, tools: Kit, heard: Callable[[Progress], None]) -> Word:
    """The last word on a task: what was made, or the problem; `spent`: let this process go."""
    try:
        pressed = press(task, tools, heard)
    except BaseException as error:  # noqa: BLE001  a panic of a native library is no Exception
        failure = _failure(error)
        failure.detail = _readable(failure.detail)
        problem = failure.problem().model_dump(mode="json")
        source = getattr(failure, "source", "")
        return {"failed": problem, "source": source, "spent": failure.type in _SPENT}
    return {"pressed": _measured(pressed).model_dump(mode="json"), "spent": False}


def _failure(error: BaseException) -> Failure:
    if isinstance(error, Failure):
        return error
    if isinstance(error, MemoryError):
        return OutOfMemory(
            "the report needs more memory than its limit; ask for less, or raise limits.memory"
        )
    traceback.print_exception(error)
    if isinstance(error, PreloError):
        return FormatFailed(error.detail)
    return FormatFailed(
        f"an error in Prelo itself: {type(error).__name__}; the press's log has more"
    )


def _readable(text: str) -> str:
    """Of bounded length, and Unicode: an exception may hold half a surrogate, which no JSON can."""
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]} … ({len(text):,} characters)"
    return text.encode("utf-8", "replace").decode()


def _measured(pressed: Pressed) -> Pressed:
    peak = peak_memory()
    manifest = pressed.manifest.model_copy(update={"peak_memory_bytes": peak})
    return pressed.model_copy(update={"manifest": manifest})


def _limit(limits: Limits) -> None:
    """Bound this task. Memory by RLIMIT_DATA: allocators reserve far more address space than they use."""
    with (
        contextlib.suppress(OSError),
        Path("/proc/self/clear_refs").open("w", encoding="ascii") as refs,
    ):
        refs.write("5")  # the peak of resident memory starts anew, for the manifest
    used = resource.getrusage(resource.RUSAGE_SELF)
    cpu = int(used.ru_utime + used.ru_stime + limits.seconds * (os.cpu_count() or 1)) + 5
    _soft(resource.RLIMIT_CPU, cpu)
    _soft(resource.RLIMIT_DATA, limits.memory)
    _soft(resource.RLIMIT_FSIZE, limits.file_size)
    _soft(resource.RLIMIT_CORE, 0)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a full file is an error to answer, not a death


def _soft(which: int, value: int) -> None:
    soft, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    if value == soft:
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(which, (value, hard))


def peak_memory() -> int:
    """The most resident memory of this process so far (in a press: of this task), in bytes."""
    with contextlib.suppress(OSError), Path("/proc/self/status").open(encoding="ascii") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _resident() -> int:
    with contextlib.suppress(OSError), Path("/proc/self/statm").open(encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
    return 0


if __name__ == "__main__":
    try:
        main()
    except BaseException:  # noqa: BLE001
        traceback.print_exc()
        os._exit(1)  # an orderly end would wait for the thread that reads
