"""Files that are on this machine already, and which of them are taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.watching import Watching
from xinfer.catalog.hubs.path import PathHub
from xinfer.domain.model import Hub, Source
from xinfer.errors import Invalid, NotFound


def fill(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def found(ref: Path, *patterns: str) -> list[str]:
    """Names of the selected files, by `plan` and `fetch` alike."""
    source = Source(hub=Hub.PATH, ref=str(ref), files=patterns)
    seen: list[float] = []
    files = PathHub().fetch(source, Watching(lambda transfer: seen.append(transfer.share)))
    plan = PathHub().plan(source)
    assert plan.present
    assert plan.files == tuple(map(str, files.paths))
    assert seen == [1.0]
    return [path.name for path in files.paths]


def test_a_file(tmp_path: Path) -> None:
    fill(tmp_path, "a.gguf", "b.gguf", "sha256-0a")
    assert found(tmp_path / "a.gguf") == ["a.gguf"]
    assert found(tmp_path / "sha256-0a") == ["sha256-0a"]


def test_the_only_model_of_a_folder(tmp_path: Path) -> None:
    assert found(fill(tmp_path, "deep/a.gguf", "README.md")) == ["a.gguf"]


def test_a_model_with_its_projector(tmp_path: Path) -> None:
    assert found(fill(tmp_path, "a.gguf", "mmproj-a.gguf")) == ["a.gguf", "mmproj-a.gguf"]


def test_parts_of_one_model(tmp_path: Path) -> None:
    names = ["big-00001-of-00002.gguf", "big-00002-of-00002.gguf"]
    assert found(fill(tmp_path, *names)) == names


def test_a_folder_for_other_engines_is_taken_whole(tmp_path: Path) -> None:
    assert found(fill(tmp_path, "config.json", "model.safetensors")) == []


@pytest.mark.parametrize(
    "names",
    [("q4.gguf", "q8.gguf"), ("a.gguf", "mmproj-f16.gguf", "mmproj-f32.gguf")],
)
def test_several_are_listed_to_choose_from(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(Invalid) as refused:
        found(fill(tmp_path, *names))
    assert "files:" in refused.value.hint
    assert all(name in refused.value.hint for name in names)


def test_patterns_choose(tmp_path: Path) -> None:
    fill(tmp_path, "q4.gguf", "q8.gguf", "sub/q4.gguf")
    assert found(tmp_path, "q4*") == ["q4.gguf"]
    assert found(tmp_path, "*q8*", "**/q4.gguf") == ["q4.gguf", "q8.gguf", "q4.gguf"]
    with pytest.raises(NotFound, match=r"matches q5\.gguf"):
        found(tmp_path, "q5.gguf")


@pytest.mark.parametrize("pattern", ["../secret", "/etc/passwd", "", "a/../../x"])
def test_patterns_stay_inside(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(Invalid, match="does not name files of the source"):
        found(tmp_path, pattern)


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=str(tmp_path / "none")):
        found(tmp_path / "none")
