"""Recipes that cannot be read at all."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from xinfer.config.compose import compose
from xinfer.config.paths import recipes_dir
from xinfer.errors import Invalid

_ROOT = Path(__file__).parents[3]


def test_a_missing_recipe_names_the_nearest_file(folder: Path) -> None:
    (folder / "cpu_chat.yaml").write_text("models: {}\n")
    with pytest.raises(Invalid, match=r"cpu_caht.yaml: there is no such file") as caught:
        compose(Path("cpu_caht.yaml"))
    assert "'cpu_chat.yaml'" in caught.value.hint


def test_a_missing_recipe_far_from_all_others_lists_those_that_ship(folder: Path) -> None:
    with pytest.raises(Invalid) as caught:
        compose(folder / "no" / "such.yaml")
    assert " recipes/quickstart.yaml" in caught.value.hint


def test_a_folder_is_refused_with_its_recipes(folder: Path) -> None:
    (folder / "mine").mkdir()
    (folder / "mine" / "a.yaml").write_text("models: {}\n")
    with pytest.raises(Invalid, match="mine: this is a folder") as caught:
        compose(Path("mine"))
    assert "a.yaml" in caught.value.hint


def test_a_link_that_leads_nowhere_beside_a_recipe_does_not_matter(folder: Path) -> None:
    (folder / "loop.yaml").symlink_to("loop.yaml")
    (folder / "chat.yaml").write_text("defaults: [bse]\nmodels: {}\n")
    with pytest.raises(Invalid, match="no 'bse'"):
        compose(Path("chat.yaml"))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Which others may enter; what lies below pytest's own folder they may not."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        ("secret.yaml", "secret.yaml: no permission to read it."),
        ("locked/chat.yaml", "locked/chat.yaml: no permission to read it."),
        ("model.yaml", "model.yaml:4: models.a.source.path: "),
        ("python.yaml", "python.yaml:3: engine.echo.env: "),
    ],
)
def test_what_may_not_be_read_is_refused(open_folder: Path, recipe: str, said: str) -> None:
    """As another user where this one is root, whom no mode stops."""
    folder = open_folder
    (folder / "locked").mkdir()
    (folder / "locked" / "chat.yaml").write_text("models: {}\n")
    (folder / "secret.yaml").write_text("models: {}\n")
    (folder / "model.yaml").write_text(
        "models:\n  a:\n    engine: llama.cpp\n    source: {path: locked/a.gguf}\n"
    )
    (folder / "python.yaml").write_text("engine:\n  echo:\n    env: locked/python\n")
    (folder / "secret.yaml").chmod(0)
    (folder / "locked").chmod(0)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from tests.unit.config.fakes import FakeEngines\n"
        "from xinfer.config.compile import compile_recipe\n"
        "from xinfer.config.compose import compose\n"
        "from xinfer.errors import Invalid\n"
        "folder = os.open(sys.argv[1], os.O_RDONLY)\n"
        "engines = FakeEngines()\n"
        # What is loaded when it is first needed may be out of reach afterwards.
        "compile_recipe(compose(None), engines, Path('/nowhere'))\n"
        "os.fchdir(folder)\n"
        "if os.geteuid() == 0:\n"
        "    os.seteuid(65534)\n"
        "try:\n"
        "    compile_recipe(compose(Path(sys.argv[2])), engines, Path('/nowhere'))\n"
        "except Invalid as error:\n"
        "    print(error)\n"
    )
    run = [sys.executable, "-c", code, str(folder), recipe]
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(_ROOT)}
    result = subprocess.run(run, capture_output=True, text=True, env=environ, check=False)
    (folder / "locked").chmod(0o755)
    assert said in result.stdout, result.stderr


def test_recipes_that_ship_are_found_from_anywhere(folder: Path) -> None:
    composed = compose(Path("recipes/quickstart.yaml"))
    assert composed.recipe == recipes_dir() / "quickstart.yaml"
    assert list(composed.config.models) == ["chat"]


def test_a_recipe_of_ones_own_wins_over_one_that_ships(folder: Path) -> None:
    (folder / "recipes").mkdir()
    (folder / "recipes" / "quickstart.yaml").write_text("models: {mine: {engine: echo}}\n")
    assert list(compose(Path("recipes/quickstart.yaml")).config.models) == ["mine"]
