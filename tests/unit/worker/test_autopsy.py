"""One sentence per kind of end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xinfer.domain.replica import Phase
from xinfer.worker.autopsy import Evidence, examine
from xinfer.worker.journal import ExitRecord, ShimRecord
from xinfer.worker.kernel import killed_for_memory

GIB = 2**30
TRACEBACK = ("Traceback (most recent call last):", '  File "a.py"', "ValueError: no such thing")


def ended(**more: Any) -> ExitRecord:
    return ExitRecord(launch="a", ended_s=1.0, **more)


def shim(**more: Any) -> ShimRecord:
    return ShimRecord(launch="a", shim_pid=1, engine_pid=2, pgid=2, started_s=0.0, **more)


@pytest.mark.parametrize(
    ("evidence", "summary", "memory"),
    [
        (
            Evidence(exit=ended(code=1), lines=TRACEBACK),
            "exit code 1: ValueError: no such thing",
            0,
        ),
        (Evidence(exit=ended(code=2)), "exit code 2", 0),
        (Evidence(exit=ended(code=0)), "exit code 0: it ended by itself", 0),
        (Evidence(exit=ended(signal=11), lines=TRACEBACK), "ended by SIGSEGV", 0),
        (Evidence(exit=ended(code=139)), "ended by SIGSEGV", 0),
        (
            Evidence(exit=ended(signal=6), lines=("x.c:3: GGML_ASSERT(a) failed",)),
            "ended by SIGABRT: GGML_ASSERT(a) failed",
            0,
        ),
        (Evidence(exit=ended(signal=9)), "killed by SIGKILL", 0),
        (
            Evidence(exit=ended(signal=9), kernel_bytes=int(7.9 * GIB)),
            "killed by SIGKILL: out of memory (the kernel killed it; it had 7.9 GiB)",
            1,
        ),
        (
            Evidence(
                exit=ended(signal=9, oom_kills_before=3, oom_kills_after=4, peak_rss_bytes=2 * GIB)
            ),
            "killed by SIGKILL: out of memory (the kernel killed it; it had 2.0 GiB)",
            1,
        ),
        (
            Evidence(exit=ended(code=1, oom_kills_before=0, oom_kills_after=1), lines=TRACEBACK),
            "exit code 1: ValueError: no such thing; "
            "the kernel killed one of its processes for lack of memory",
            1,
        ),
        (
            Evidence(exit=ended(code=127, error="No such file")),
            "could not be started: No such file",
            0,
        ),
        (
            Evidence(exit=ended(code=0, asked="lease")),
            "ended by its shim: no worker renewed the lease of this node",
            0,
        ),
        (Evidence(), "ended because its shim was killed", 0),
        (
            Evidence(shim_lines=("Traceback", "OSError: [Errno 28] No space left on device")),
            "ended because its shim failed: OSError: [Errno 28] No space left on device",
            0,
        ),
        (
            Evidence(shim=shim(oom_kills=1), oom_kills_now=2),
            "killed together with its shim: out of memory (the kernel killed it)",
            1,
        ),
    ],
)
def test_the_cause_in_one_line(evidence: Evidence, summary: str, memory: int) -> None:
    cause = examine(evidence, Phase.LOADING)
    assert cause.summary == summary
    assert cause.out_of_memory == bool(memory)
    assert cause.phase is Phase.LOADING


def test_our_own_verdict_goes_first_and_keeps_the_words() -> None:
    evidence = Evidence(exit=ended(signal=9, asked="stop"), lines=TRACEBACK)
    cause = examine(evidence, Phase.STARTING, "did not listen within 30 s")
    assert cause.summary == "did not listen within 30 s"
    assert cause.exception == "ValueError: no such thing"
    assert cause.tail == TRACEBACK
    assert not cause.out_of_memory


def test_the_kernel_log_names_who_it_killed(tmp_path: Path) -> None:
    log = tmp_path / "kmsg"
    log.write_text(
        "6,1,2,-;usb 1-1: new device\n"
        "3,2177,98,-;Memory cgroup out of memory: Killed process 4242 (python3) "
        "total-vm:9437184kB, anon-rss:8283750kB, file-rss:1024kB, shmem-rss:0kB, UID:0\n"
    )
    assert killed_for_memory(4242, log) == 8283750 * 1024
    assert killed_for_memory(424, log) is None
    assert killed_for_memory(4242, tmp_path / "absent") is None
