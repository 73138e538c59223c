"""Recipes that cannot be read at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from xinfer.config.compose import compose
from xinfer.config.paths import recipes_dir
from xinfer.errors import Invalid


def test_a_missing_recipe_names_the_nearest_file(folder: Path) -> None:
    (folder / "cpu_chat.yaml").write_text("models: {}\n")
    with pytest.raises(Invalid, match=r"cpu_caht.yaml: there is no such file") as caught:
        compose(Path("cpu_caht.yaml"))
    assert "'cpu_chat.yaml'" in caught.value.hint


def test_a_missing_recipe_far_from_all_others_lists_those_that_ship(folder: Path) -> None:
    with pytest.raises(Invalid) as caught:
        compose(folder / "no" / "such.yaml")
    assert "quickstart.yaml" in caught.value.hint


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


def test_a_file_without_permission_is_refused(folder: Path) -> None:
    """As another user where this one is root, whom no mode stops."""
    folder.chmod(0o755)
    secret = folder / "secret.yaml"
    secret.write_text("models: {}\n")
    secret.chmod(0)
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from xinfer.config.compose import compose\n"
        "from xinfer.errors import Invalid\n"
        "folder = os.open(sys.argv[1], os.O_RDONLY)\n"
        "os.fchdir(folder)\n"
        "if os.geteuid() == 0:\n"
        "    os.seteuid(65534)\n"
        "try:\n"
        "    compose(Path('secret.yaml'))\n"
        "except Invalid as error:\n"
        "    print(error)\n"
    )
    run = [sys.executable, "-c", code, str(folder)]
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(run, capture_output=True, text=True, env=environ, check=False)
    assert "secret.yaml: no permission to read it." in result.stdout, result.stderr


def test_recipes_that_ship_are_found_from_anywhere(folder: Path) -> None:
    composed = compose(Path("recipes/quickstart.yaml"))
    assert composed.recipe == recipes_dir() / "quickstart.yaml"
    assert list(composed.config.models) == ["chat"]


def test_a_recipe_of_ones_own_wins_over_one_that_ships(folder: Path) -> None:
    (folder / "recipes").mkdir()
    (folder / "recipes" / "quickstart.yaml").write_text("models: {mine: {engine: echo}}\n")
    assert list(compose(Path("recipes/quickstart.yaml")).config.models) == ["mine"]
