"""Why a replica ended: exit record, log and the kernel's word, made into one sentence."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from xinfer.domain.replica import Cause, Phase
from xinfer.worker import logs, shim
from xinfer.worker.journal import ExitRecord, Folder, ShimRecord
from xinfer.worker.kernel import killed_for_memory
from xinfer.worker.lastwords import last_words, tells_out_of_memory

_LOOK_AT = 400
_TAIL = 40
_WIDTH = 1000
_SHELL_SIGNAL = 128
"""A shell reports a child ended by signal n as exit code 128 + n."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that is known about an end. `kernel_bytes` is what the kernel says the engine had when
    it was killed for memory; `oom_kills_now` the control group's count at the time of asking.
    """

    exit: ExitRecord | None = None
    shim: ShimRecord | None = None
    lines: tuple[str, ...] = ()
    shim_lines: tuple[str, ...] = ()
    kernel_bytes: int | None = None
    oom_kills_now: int | None = None

    @property
    def number(self) -> int | None:
        """The signal that ended the engine, seen through a shell in between."""
        if self.exit is None:
            return None
        code = self.exit.code
        if code is not None and code > _SHELL_SIGNAL and code - _SHELL_SIGNAL in _SIGNALS:
            return code - _SHELL_SIGNAL
        return self.exit.signal

    @property
    def kernel_killed(self) -> bool:
        """Whether the kernel killed the engine, or something in its group meanwhile, for memory."""
        before, after = (
            (self.exit.oom_kills_before, self.exit.oom_kills_after)
            if self.exit
            else (self.shim.oom_kills if self.shim else None, self.oom_kills_now)
        )
        counted = before is not None and after is not None and after > before
        return self.kernel_bytes is not None or counted


_SIGNALS = {number.value: number.name for number in signal.Signals}


def gather(folder: Folder) -> Evidence:
    """Read everything about the last launch of a folder whose shim has ended."""
    record = folder.exit()
    process = folder.shim()
    engine = process.engine_pid if process else 0
    return Evidence(
        exit=record,
        shim=process,
        lines=tuple(line[:_WIDTH] for line in logs.of_last_launch(logs.tail(folder.log, _LOOK_AT))),
        shim_lines=tuple(logs.tail(folder.shim_log, _TAIL)),
        kernel_bytes=killed_for_memory(engine) if engine else None,
        oom_kills_now=shim.oom_kills(),
    )


def examine(evidence: Evidence, phase: Phase, verdict: str = "") -> Cause:
    """The cause of an end in `phase`. `verdict` is our own reason for having ended the engine."""
    said = last_words(evidence.lines)
    number = evidence.number
    memory = not verdict and (
        (evidence.kernel_killed and not _asked(evidence))
        or (said is not None and tells_out_of_memory(said))
    )
    return Cause(
        phase=phase,
        summary=verdict or _summary(evidence, said),
        exit_code=evidence.exit.code if evidence.exit else None,
        signal=_name(number) if number else None,
        out_of_memory=memory,
        exception=said,
        tail=evidence.lines[-_TAIL:],
    )


def _asked(evidence: Evidence) -> str:
    return evidence.exit.asked if evidence.exit else ""


def _summary(evidence: Evidence, said: str | None) -> str:
    record = evidence.exit
    if record is None:
        return _without_record(evidence)
    if record.error:
        return f"could not be started: {record.error}"
    if record.asked == "lease":
        return "ended by its shim: no worker renewed the lease of this node"
    if record.asked:
        return "stopped by a signal to its shim"
    number = evidence.number
    if number == signal.SIGKILL:
        return f"killed by SIGKILL{_memory(evidence, record.peak_rss_bytes)}"
    if number:
        # Only an abort speaks: other signals come without the engine's knowledge.
        words = f": {said}" if said and number == signal.SIGABRT else ""
        return f"ended by {_name(number)}{words}"
    if record.code == 0:
        return "exit code 0: it ended by itself"
    words = f": {said}" if said else ""
    if evidence.kernel_killed:
        words += "; the kernel killed one of its processes for lack of memory"
    return f"exit code {record.code}{words}"


def _without_record(evidence: Evidence) -> str:
    if evidence.kernel_killed:
        return f"killed together with its shim{_memory(evidence, 0)}"
    if evidence.shim_lines:
        return f"ended because its shim failed: {evidence.shim_lines[-1]}"
    return "ended because its shim was killed"


def _memory(evidence: Evidence, peak_bytes: int) -> str:
    if not evidence.kernel_killed:
        return ""
    size = evidence.kernel_bytes or peak_bytes
    had = f"; it had {size / 2**30:.1f} GiB" if size else ""
    return f": out of memory (the kernel killed it{had})"


def _name(number: int) -> str:
    return _SIGNALS.get(number, f"signal {number}")
