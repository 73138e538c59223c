"""Finds in an engine's log the one line that says what went wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_MAX_LENGTH = 400

_PREFIX = re.compile(
    r"""^(?:\([\w .-]*pid=\d+\)\s*)?                       # vLLM: (EngineCore_DP0 pid=123)
    (?:
      (?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\s+\d\d-\d\d\s\d\d:\d\d:\d\d\s(?:\[[^\]]*\]\s?)?
    | \[?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[^\]\s]*(?:\sTP\d+)?\]?\s?(?:-\s(?:ERROR|CRITICAL)\s-\s)?
    | \d+(?:\.\d+){2,3}\s                                  # llama.cpp: 0.00.123.456
    )?""",
    re.VERBOSE,
)
"""What loggers put before each line, also before each line of a traceback."""

_GROUP_BARS = re.compile(r"^\s*[|+](?:-+\s|\s)?")
_RAISED = re.compile(r"^[A-Za-z_][\w.]*(?:: .*)?$")
_EXCEPTION = re.compile(r"^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)(?:: .*)$")
_NOT_A_CAUSE = ("KeyboardInterrupt", "SystemExit", "asyncio.exceptions.CancelledError")
_CONSEQUENCE = re.compile(
    r"see root cause above|initialization failed|failed to (?:load|start|init(?:iali[sz]e)?)\b"
    r"|EngineDeadError|BrokenPipeError|worker .*died|exited? unexpectedly",
    re.IGNORECASE,
)
"""Exceptions that only report that something else had failed before."""

_NATIVE = (
    re.compile(r"error loading model(?: [\w ]+)?: (?:error loading model [\w ]+: )?(.+)"),
    re.compile(r"what\(\):\s+(.+)"),
    re.compile(r"((?:GGML_ASSERT|Assertion)\b.*failed.*)"),
    re.compile(r"(CUDA error: .+|.*cudaMalloc failed: out of memory.*|Fatal Python error: .+)"),
    re.compile(r"(error while loading shared libraries: .+)"),
    re.compile(r"(?:^|\s)([^\s:]+: (?:command )?not found)$"),
)
"""Lines of programs that are not Python, most telling first."""

_NATIVE_WEAK = (
    re.compile(r"\berror: (.+)", re.IGNORECASE),
    re.compile(r"^E\s+(.+)"),
    re.compile(r"(?:^|\s)(failed to .+)", re.IGNORECASE),
)

_OUT_OF_MEMORY = re.compile(
    r"\bMemoryError\b|OutOfMemoryError|CUDA out of memory|std::bad_alloc|Cannot allocate memory"
    r"|cudaMalloc failed: out of memory|unable to allocate .* buffer",
    re.IGNORECASE,
)


def last_words(lines: Sequence[str]) -> str | None:
    """The engine's own last exception or error, one line; None when it said nothing of the kind.

    A root cause is preferred to exceptions that merely report it, and an exception to loose lines.
    """
    plain = [_PREFIX.sub("", line.rstrip(), count=1) for line in lines]
    raised = [line for line in _exceptions(plain) if not line.startswith(_NOT_A_CAUSE)]
    causes = [line for line in raised if not _CONSEQUENCE.search(line)]
    for found in (causes, _native(plain, _NATIVE), raised, _native(plain, _NATIVE_WEAK)):
        if found:
            return found[-1].strip()[:_MAX_LENGTH]
    return None


def tells_out_of_memory(text: str) -> bool:
    """Whether these words speak of memory, the machine's or an accelerator's, having run out."""
    return _OUT_OF_MEMORY.search(text) is not None


def _exceptions(lines: Sequence[str]) -> Iterator[str]:
    inside = False
    for raw in lines:
        line = _GROUP_BARS.sub("", raw)
        if "Traceback (most recent call last):" in line:
            inside = True
        elif inside and line and not line[0].isspace():
            inside = False
            if _RAISED.match(line):
                yield line
        elif not inside and _EXCEPTION.match(line):
            yield line


def _native(lines: Sequence[str], patterns: Sequence[re.Pattern[str]]) -> list[str]:
    for pattern in patterns:
        found = [match[1] for line in lines if (match := pattern.search(line))]
        if found:
            return found
    return []
