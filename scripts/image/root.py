"""Root file systems of images: a base by debootstrap, and commands run inside by chroot."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

_BASES = {"debian:bookworm-slim": "bookworm"}
_MOUNTS = ("/dev", "/sys")


class Root:
    """A folder with a system in it. `binds` are places of this machine, and where they are seen
    inside.
    """

    def __init__(self, folder: Path, binds: Mapping[Path, Path]) -> None:
        self.folder = folder
        self._binds = dict(binds)

    def run(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        user: str = "root",
        cwd: str = "/",
    ) -> int:
        """The exit status of a command inside."""
        (self.folder / "proc").mkdir(exist_ok=True)
        with self.mounted():
            return self.start(argv, environment, user=user, cwd=cwd).wait()

    def also(self, place: Path) -> None:
        """See one more place of this machine inside, from the next mounting on."""
        self._binds[place] = place

    def start(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        *,
        user: str,
        cwd: str,
        quiet: bool = False,
    ) -> subprocess.Popen[bytes]:
        """A command inside, as PID 1 of a PID namespace of its own, as a container has it."""
        inside = ["env", "-i", *(f"{name}={value}" for name, value in environment.items()), *argv]
        moved = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', cwd, *inside]
        switch = ["chroot", f"--userspec={user}", str(self.folder), *moved]
        output = subprocess.DEVNULL if quiet else None
        shown = [f"--mount-proc={self.folder}/proc"]
        return subprocess.Popen(
            # Its own view of processes too: a stop looks for them by their numbers.
            ["unshare", "--pid", "--fork", "--kill-child", "--mount", *shown, *switch],
            stdout=output,
            stderr=output,
        )

    @contextmanager
    def mounted(self) -> Iterator[None]:
        with ExitStack() as stack:
            system = {Path(place): Path(place) for place in _MOUNTS}
            for place, inside in {**system, **self._binds}.items():
                target = self.folder / inside.relative_to("/")
                if place.is_dir():
                    target.mkdir(parents=True, exist_ok=True)
                else:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.touch()
                subprocess.run(["mount", "--bind", str(place), str(target)], check=True)
                stack.callback(subprocess.run, ["umount", "--lazy", str(target)], check=False)
                if place in self._binds:
                    # An instruction may write where this machine keeps the same thing.
                    only_read = ["mount", "-o", "remount,bind,ro", str(target)]
                    subprocess.run(only_read, check=True)
            yield

    def place(self, path: str, cwd: str = "/") -> Path:
        """Where a path of the inside lies here."""
        return self.folder / os.path.normpath(Path(cwd) / path).lstrip("/")

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def base(image: str, cache: Path) -> Path:
    """The folder of a base image, made once. Raises ValueError for one that is not known."""
    suite = _BASES.get(image)
    if suite is None:
        raise ValueError(f"there is no recipe here for the base image {image}")
    made = cache / suite
    if not made.exists():
        unfinished = cache / f".{suite}"
        shutil.rmtree(unfinished, ignore_errors=True)
        cache.mkdir(parents=True, exist_ok=True)
        subprocess.run(["debootstrap", "--variant=minbase", suite, str(unfinished)], check=True)
        unfinished.rename(made)
    return made


def copy_of(original: Path, target: Path) -> None:
    """A copy that keeps owners and links, and shares blocks where the file system can."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", str(original), str(target)], check=True)
