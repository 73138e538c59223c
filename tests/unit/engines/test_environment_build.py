"""Environments built by the real uv from a wheelhouse of tiny wheels."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from tests.wheels import make_wheel
from xinfer.engines.installer import Installer, Reading, find_uv, last_words
from xinfer.engines.managed import Managed
from xinfer.engines.requirement import Requirement, Requirements
from xinfer.errors import Conflict, LaunchFailed, NotFound


class Site:
    """A folder with lists of packages, a wheelhouse and the environments made from them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("UV_CACHE_DIR", str(folder / "cache"))
        self.lists = folder / "lists"
        self.lists.mkdir()
        self.wheels = folder / "wheels"
        self.envs = folder / "envs"
        self.said: list[tuple[float, str]] = []
        self.require("tiny==1.0")
        make_wheel(self.wheels, "tiny", code="def main():\n    print('tiny runs')", program="tiny")

    def require(self, *lines: str, file: str = "tiny-cpu.txt") -> None:
        (self.lists / file).write_text("\n".join([*lines, ""]))

    @property
    def requirement(self) -> Requirement:
        found = Requirements(self.lists).get("tiny", "cpu")
        assert found is not None
        return found

    def managed(self, uv: str | None = None, wheels: Path | None = None) -> Managed:
        installer = Installer(
            uv=uv or find_uv(), environ=os.environ, wheelhouse=wheels or self.wheels
        )
        return Managed(self.envs, installer, lambda engine: engine)

    def say(self, share: float, text: str) -> None:
        self.said.append((share, text))

    def here(self) -> list[str]:
        return sorted(path.name for path in self.envs.iterdir())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Site:
    return Site(tmp_path, monkeypatch)


def test_built_once_shown_checked_and_removed(site: Site) -> None:
    managed, wanted = site.managed(), site.requirement
    assert managed.state(wanted).state == "missing"
    made = managed.create(wanted, site.say)
    assert (made.state, made.detail, made.size_bytes) == ("ready", "", None)
    assert site.said[-1] == (0.96, "importing the engine")
    assert [share for share, _ in site.said] == sorted(share for share, _ in site.said)
    program = subprocess.run([f"{made.path}/bin/tiny"], capture_output=True, text=True, check=True)
    assert program.stdout == "tiny runs\n"

    site.said.clear()
    assert managed.create(wanted, site.say) == made
    assert not site.said
    assert (managed.state(wanted, weigh=True).size_bytes or 0) > 1000
    checked = managed.check(wanted)
    assert (checked.error, checked.versions) == ("", {"tiny": "1.0"})

    managed.remove(wanted)
    assert site.here() == [".tiny-cpu.lock"]
    for gone in (managed.remove, managed.check):
        with pytest.raises(NotFound, match="xinfer env create tiny"):
            gone(wanted)


def test_another_list_makes_it_older_and_create_brings_it_up_to_date(site: Site) -> None:
    managed = site.managed()
    managed.create(site.requirement, site.say)
    make_wheel(site.wheels, "tiny", "2.0")
    site.require("tiny==2.0")
    assert managed.state(site.requirement).detail == "made from an older list of packages"
    managed.python(site.requirement, site.say)
    assert managed.check(site.requirement).versions == {"tiny": "1.0"}
    assert managed.create(site.requirement, site.say).detail == ""
    assert managed.check(site.requirement).versions == {"tiny": "2.0"}
    assert site.here() == [".tiny-cpu.lock", "tiny-cpu"]


def test_create_mends_one_that_was_spoiled_since(site: Site) -> None:
    managed, wanted = site.managed(), site.requirement
    made = managed.create(wanted, site.say)
    (found,) = Path(made.path).glob("lib/*/site-packages/tiny.py")
    found.unlink()
    assert managed.state(wanted).state == "ready", "its record knows nothing of it"
    assert managed.create(wanted, site.say).state == "ready"
    assert managed.check(wanted).error == ""


def test_what_must_not_come_along_does_not(site: Site) -> None:
    make_wheel(site.wheels, "bad", code="raise OSError('not beside tiny')")
    make_wheel(site.wheels, "tiny", "2.0", needs=["bad"])
    site.require("tiny==2.0")
    site.require("# why", "bad", file="tiny-cpu.without.txt")
    python = site.managed().python(site.requirement, site.say)
    done = subprocess.run([python, "-c", "import bad"], capture_output=True, check=False)
    assert done.returncode != 0


def test_a_failure_has_uvs_own_words_and_leaves_what_was_there(site: Site) -> None:
    managed = site.managed()
    made = managed.create(site.requirement, site.say)
    site.require("tiny==1.0", "absent==3.1")
    with pytest.raises(LaunchFailed) as caught:
        managed.create(site.requirement, site.say)
    error = caught.value
    assert error.phase == "environment"
    assert error.message.startswith(
        "The environment tiny-cpu could not be built: No solution found when resolving"
    )
    assert "absent was not found in the provided package locations" in error.cause
    assert site.here() == [".tiny-cpu.lock", "tiny-cpu"]
    assert Path(made.path, "bin", "tiny").exists()

    with pytest.raises(LaunchFailed, match=r"there is no wheelhouse .*nowhere"):
        site.managed(wheels=site.lists / "nowhere").create(site.requirement, site.say)
    with pytest.raises(LaunchFailed, match="No such file"):
        site.managed(uv="/no/uv").create(site.requirement, site.say)


def test_a_folder_that_cannot_be_made_is_named(site: Site) -> None:
    site.envs.write_text("a file")
    with pytest.raises(LaunchFailed, match=r"envs: .*[Ee]xists") as caught:
        site.managed().create(site.requirement, site.say)
    assert str(site.envs) in caught.value.hint


def test_a_broken_import_is_kept_as_the_state_and_checked_again(site: Site) -> None:
    make_wheel(site.wheels, "tiny", "2.0", "import nowhere_to_be_found")
    site.require("tiny==2.0")
    managed = site.managed()
    words = "ModuleNotFoundError: No module named 'nowhere_to_be_found'"
    made = managed.create(site.requirement, site.say)
    assert (made.state, made.detail) == ("broken", words)
    with pytest.raises(LaunchFailed, match=f"tiny-cpu is broken: {words}"):
        managed.python(site.requirement, site.say)
    module = next(Path(made.path).glob("lib/*/site-packages/tiny.py"))
    module.unlink()
    module.write_text("")
    assert managed.check(site.requirement).error == ""
    assert managed.state(site.requirement).state == "ready"
    Path(made.path, "bin", "python").unlink()
    assert managed.state(site.requirement).detail == (
        "the interpreter that it was made with is gone"
    )


def waiting_uv(folder: Path) -> str:
    """The real uv, which notes each installation and begins it when there is a file `go`."""
    script = folder / "uv"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = pip ] && echo $$ >>{folder}/installs'
        f" && while [ ! -e {folder}/go ]; do sleep 0.02; done\n"
        f'exec {find_uv()} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


def test_who_comes_while_it_is_built_waits_for_it(site: Site, tmp_path: Path) -> None:
    managed = site.managed(uv=waiting_uv(tmp_path))
    made: list[str] = []
    waits = threading.Event()

    def build() -> None:
        def say(share: float, text: str) -> None:
            if text == "being built by another process":
                waits.set()

        made.append(managed.python(site.requirement, say))

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert waits.wait(60)
    assert managed.state(site.requirement).state == "building"
    with pytest.raises(Conflict, match="is being built"):
        managed.remove(site.requirement)
    (tmp_path / "go").touch()
    for thread in threads:
        thread.join(120)
    assert made == [str(site.envs / "tiny-cpu" / "bin" / "python")] * 2
    assert len((tmp_path / "installs").read_text().splitlines()) == 1


def test_who_is_no_longer_wanted_ends_the_build(site: Site, tmp_path: Path) -> None:
    managed = site.managed(uv=waiting_uv(tmp_path))

    def say(share: float, text: str) -> None:
        installs = tmp_path / "installs"
        if installs.exists() and installs.read_text():
            raise Conflict("The launch was cancelled.")

    with pytest.raises(Conflict, match="cancelled"):
        managed.create(site.requirement, say)
    assert site.here() == [".tiny-cpu.lock"]
    installer = int((tmp_path / "installs").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(installer, 0)


def test_uvs_lines_become_a_share_and_a_text() -> None:
    reading = Reading()
    shares = []
    for line in (
        "Resolved 52 packages in 756ms",
        "Downloading torch (180.0MiB)",
        "Downloading numpy (20.0MiB)",
        " Downloaded numpy",
        " Downloaded torch",
        "Prepared 52 packages in 1m 2s",
        "Installed 52 packages in 3s",
        " + torch==2.13.0",
    ):
        reading.see(line)
        shares.append(round(reading.share, 3))
        if line == "Downloading numpy (20.0MiB)":
            assert reading.text == "downloading torch (180 MiB), numpy (20 MiB)"
    assert shares == [0.05, 0.05, 0.05, 0.125, 0.8, 0.85, 0.95, 0.95]
    assert reading.text == "installed 52 packages"


def test_the_last_words_are_one_line() -> None:
    told = ("Resolved 3 packages", "error: Failed to fetch: `x`", "  cause: dns error", "")
    assert last_words(told, 1) == "Failed to fetch: `x`: dns error"
    older = ("  × No solution found:", "  ╰─▶ Because a needs b,", "      it cannot be.")
    assert last_words(older, 1) == "No solution found: Because a needs b, it cannot be."
    assert last_words((), 2) == "uv ended with status 2"
