"""The wheels of an environment: chosen by uv as for a build, fetched by pip, which keeps them."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xinfer.domain.memory import gib
from xinfer.engines.installer import GET_UV, NO_UV, Installer, failure, last_words
from xinfer.engines.requirement import Requirement

_POLL_S = 0.2
_TAIL = 20
_WHEELS_ONLY = ("--only-binary", ":all:")
_INDEX = re.compile(r"^\s+# from (\S+)$", re.MULTILINE)
_PINNED = re.compile(r"^[A-Za-z0-9]", re.MULTILINE)
_SAYS_WHY = re.compile(r"error|no matching", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """Puts the wheels of lists into folders, for this system and this version of Python."""

    installer: Installer

    def fetch(
        self, requirement: Requirement, folder: Path, progress: Callable[[float, str], None]
    ) -> tuple[Path, ...]:
        """All wheels that a build would use, in an empty `folder`.

        Raises LaunchFailed with the last words of uv or pip.
        """
        self.check(requirement)
        chosen = folder / "chosen.txt"
        self._choose(requirement, chosen, progress)
        self._download(requirement, chosen, progress)
        return tuple(sorted(folder.glob("*.whl")))

    def check(self, requirement: Requirement) -> None:
        """Raises LaunchFailed when a program that fetches is not there."""
        if self.installer.uv is None:
            raise failure(requirement, NO_UV, GET_UV)
        if importlib.util.find_spec("pip") is None:
            hint = f"Run `{self.installer.uv} pip install --python {sys.executable} pip`."
            raise failure(requirement, "pip, which fetches wheels, is not installed", hint)

    def _choose(
        self, requirement: Requirement, chosen: Path, progress: Callable[[float, str], None]
    ) -> None:
        """Write the names and versions of all packages that are needed, and where they are."""
        argv = [
            *(str(self.installer.uv), "pip", "compile", str(requirement.file)),
            *("--python", sys.executable, "--output-file", str(chosen)),
            *("--no-header", "--emit-index-annotation", "--quiet", *_WHEELS_ONLY),
            *(() if self.installer.wheelhouse else ("--emit-find-links",)),
            *(("--excludes", str(requirement.without)) if requirement.without else ()),
            *self.installer.places(requirement),
        ]
        work = _Work(argv, chosen.parent, self.installer.environ)
        lines, status = work.run(lambda: progress(0.0, "choosing packages"))
        if status != 0:
            raise failure(requirement, last_words(lines, status), self._hint(), tail=lines)

    def _download(
        self, requirement: Requirement, chosen: Path, progress: Callable[[float, str], None]
    ) -> None:
        text = chosen.read_text(encoding="utf-8")
        count = len(_PINNED.findall(text))
        argv = [
            *(sys.executable, "-m", "pip", "download", "--disable-pip-version-check"),
            *("--no-input", "--quiet", "--no-deps", *_WHEELS_ONLY),
            *("--requirement", str(chosen), "--dest", str(chosen.parent)),
            *self._places(text),
        ]
        work = _Work(argv, chosen.parent, self._environ())

        def tell() -> None:
            done = gib(_size_bytes(chosen.parent))
            progress(0.0, f"fetching {count} packages, {done} so far")

        lines, status = work.run(tell)
        if status != 0:
            why = [line for line in lines if _SAYS_WHY.search(line)] or list(lines[-1:])
            cause = why[-1].removeprefix("ERROR: ") if why else f"pip ended with status {status}"
            raise failure(requirement, cause, self._hint(), tail=lines)

    def _places(self, chosen: str) -> tuple[str, ...]:
        """The words by which pip asks the indexes that uv has found the packages in; folders that
        it has found some in are named in the file itself.
        """
        if self.installer.wheelhouse is not None:
            return ("--no-index", "--find-links", str(self.installer.wheelhouse))
        first, *others = list(dict.fromkeys(_INDEX.findall(chosen))) or [""]
        more = [word for index in others for word in ("--extra-index-url", index)]
        return ("--index-url", first, *more) if first else ()

    def _environ(self) -> dict[str, str]:
        """pip's own settings must not bring other packages in where a wheelhouse is named."""
        given = dict(self.installer.environ)
        if self.installer.wheelhouse is None:
            return given
        plain = {name: value for name, value in given.items() if not name.startswith("PIP_")}
        return {**plain, "PIP_CONFIG_FILE": os.devnull}

    def _hint(self) -> str:
        if self.installer.wheelhouse is not None:
            return f"Packages were looked for in {self.installer.wheelhouse} alone."
        return "Check the network, or leave the packages out by --no-wheels."


class _Work:
    """A program that is waited for; its words are kept in a file beside its work."""

    def __init__(self, argv: Sequence[str], folder: Path, environ: Mapping[str, str]) -> None:
        self._argv = argv
        self._folder = folder
        # Temporary files beside the result: their growth is the progress there is.
        self._environ = {**environ, "TMPDIR": str(folder)}

    def run(self, tick: Callable[[], None]) -> tuple[tuple[str, ...], int]:
        """The last lines and the status. What `tick` raises ends the program."""
        said = self._folder / "said.log"
        with (
            said.open("wb") as log,
            subprocess.Popen(
                self._argv,
                cwd=self._folder,
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            ) as program,
        ):
            try:
                while program.poll() is None:
                    tick()
                    time.sleep(_POLL_S)
            finally:
                program.kill()
        lines = said.read_text(errors="replace").splitlines()[-_TAIL:]
        return tuple(line.strip() for line in lines if line.strip()), program.returncode


def _size_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        # Files come and go while they are counted.
        with suppress(OSError):
            total += path.stat().st_size
    return total
