"""Makes a Python environment and installs packages into it, by `uv`."""

from __future__ import annotations

import collections
import importlib
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xinfer.engines import leash
from xinfer.engines.requirement import CPU, Requirement
from xinfer.errors import LaunchFailed

NO_UV = "the program uv, which builds environments, is not installed"
GET_UV = "Run `pip install 'xinfer[managed]'`."
_TICK_S = 0.2
_LAST_LINES_S = 5.0
_TAIL = 40
_MAX_CAUSE = 1500
_SOURCES = ("UV_TORCH_BACKEND", "UV_FIND_LINKS", "UV_INDEX", "UV_DEFAULT_INDEX", "UV_INDEX_URL")
"""Variables of uv by which a person has said where packages come from."""


def find_uv() -> str | None:
    """The program: that of the package `uv`, or the one on PATH."""
    try:
        found: str = importlib.import_module("uv").find_uv_bin()
    except (ImportError, FileNotFoundError):
        return shutil.which("uv")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer:
    """`uv`: None = it is not there. `wheelhouse`: a folder with all packages; nothing is then asked
    of any index. `environ` is what uv reads its own settings from.
    """

    uv: str | None
    environ: Mapping[str, str]
    wheelhouse: Path | None = None

    def install(
        self, folder: Path, requirement: Requirement, progress: Callable[[float, str], None]
    ) -> None:
        """Make a movable environment at `folder` with the packages in it.

        What `progress` raises ends it. Raises LaunchFailed with uv's last words.
        """
        if self.uv is None:
            raise failure(requirement, NO_UV, GET_UV)
        if self.wheelhouse is not None and not self.wheelhouse.is_dir():
            raise failure(requirement, f"there is no wheelhouse {self.wheelhouse}")
        python = ("--python", sys.executable)
        make = [self.uv, "venv", "--relocatable", *python, str(folder)]
        fill = [
            *(self.uv, "pip", "install", "--python", str(folder / "bin" / "python")),
            *("--requirements", str(requirement.file)),
            *(("--excludes", str(requirement.without)) if requirement.without else ()),
            *self.places(requirement),
        ]
        for argv in (make, fill):
            lines, status = self._run(argv, folder.parent, progress)
            if status != 0:
                words = last_words(lines, status)
                raise failure(requirement, words, self._elsewhere(), tail=lines)

    def _elsewhere(self) -> str:
        if self.wheelhouse is None:
            return "Without a network, name a folder of packages by XINFER_WHEELHOUSE."
        return f"Packages were taken from {self.wheelhouse} alone."

    def places(self, requirement: Requirement) -> tuple[str, ...]:
        """The words by which uv is told where packages come from."""
        if self.wheelhouse is not None:
            return ("--offline", "--no-index", "--find-links", str(self.wheelhouse))
        if requirement.accelerator != CPU or any(self.environ.get(name) for name in _SOURCES):
            return ()
        # The usual builds of torch bring gigabytes for accelerators along.
        return ("--torch-backend", "cpu")

    def _run(
        self, argv: list[str], cwd: Path, progress: Callable[[float, str], None]
    ) -> tuple[tuple[str, ...], int]:
        """The last lines and the status. `cwd` is a folder with no settings of a project for uv."""
        process = subprocess.Popen(
            [sys.executable, "-I", leash.__file__, *argv],
            cwd=cwd,
            env=dict(self.environ),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        reading = Reading()
        reader = threading.Thread(target=_read, args=(process, reading), daemon=True)
        reader.start()
        try:
            while process.poll() is None:
                progress(reading.share, reading.text)
                time.sleep(_TICK_S)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()
            # Something that uv started may hold the other end.
            reader.join(_LAST_LINES_S)
        return tuple(reading.lines), process.returncode


def _read(process: subprocess.Popen[str], reading: Reading) -> None:
    assert process.stderr is not None
    with process.stderr as lines:
        for line in lines:
            reading.see(line.rstrip())


class Reading:
    """How far uv is, by the lines that it writes."""

    def __init__(self) -> None:
        self.share = 0.0
        self.text = "looking for packages"
        self.lines: collections.deque[str] = collections.deque(maxlen=_TAIL)
        self._sizes: dict[str, float] = {}
        self._under_way: list[str] = []

    def see(self, line: str) -> None:
        """Take note of one line."""
        self.lines.append(line)
        for pattern, share, text in _STEPS:
            if found := pattern.match(line):
                self.share, self.text = share, text.format(*found.groups())
        if found := _DOWNLOADING.match(line):
            name, number, unit = found.groups()
            self._sizes[name] = float(number) * _UNITS[unit]
            self._under_way.append(name)
        elif (found := _DOWNLOADED.match(line)) and found[1] in self._under_way:
            self._under_way.remove(found[1])
        else:
            return
        whole = sum(self._sizes.values())
        left = sum(self._sizes[name] for name in self._under_way)
        # What is announced late must not turn the bar back.
        self.share = max(self.share, 0.05 + 0.75 * (1 - left / whole if whole else 0.0))
        self.text = self._downloads()

    def _downloads(self) -> str:
        if not self._under_way:
            return "unpacking"
        largest = sorted(self._under_way, key=lambda name: -self._sizes[name])
        named = [f"{name} ({self._sizes[name] / _UNITS['MiB']:.0f} MiB)" for name in largest[:2]]
        more = f" and {len(largest) - 2} more" if len(largest) > 2 else ""
        return f"downloading {', '.join(named)}{more}"


_UNITS = {"B": 1.0, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
_DOWNLOADING = re.compile(r"\s*Downloading (\S+) \(([\d.]+)\s*(B|KiB|MiB|GiB)\)")
_DOWNLOADED = re.compile(r"\s*Downloaded (\S+)")
_STEPS = (
    (re.compile(r"Resolved (\d+) packages?"), 0.05, "downloading {} packages"),
    (re.compile(r"Prepared (\d+) packages?"), 0.85, "installing {} packages"),
    (re.compile(r"Installed (\d+) packages?"), 0.95, "installed {} packages"),
)
_LABEL = re.compile(r"^[\s×│╰─▶├]*(?:error:\s*)?", re.IGNORECASE)
_CAUSE = re.compile(r"^(?:cause|caused by)(?=:)", re.IGNORECASE)
_FAILS = re.compile(r"^\s*(?:error\b|×)", re.IGNORECASE)


def last_words(lines: tuple[str, ...], status: int) -> str:
    """What uv said of its failure, in one line."""
    start = next((place for place, line in enumerate(lines) if _FAILS.match(line)), None)
    told = lines[start:] if start is not None else lines[-1:]
    plain = (_LABEL.sub("", line).strip() for line in told)
    words = " ".join(_CAUSE.sub("", line) for line in plain).replace(" :", ":").strip()
    return words[:_MAX_CAUSE] or f"uv ended with status {status}"


def failure(
    requirement: Requirement, cause: str, hint: str = "", tail: tuple[str, ...] = ()
) -> LaunchFailed:
    """Why an environment could not be built."""
    what = f"the environment {requirement.name} could not be built: {cause.rstrip('.')}"
    return LaunchFailed(
        f"{what[0].upper()}{what[1:]}.", hint, phase="environment", cause=what, tail=tail
    )
