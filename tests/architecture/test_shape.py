"""Size, names and wiring: rules that keep the tree readable."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, ROOT, modules, name_of, tree

JUNK_DRAWERS = {"util", "utils", "helper", "helpers", "manager", "common", "misc", "handler"}


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_modules_and_functions_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 400, f"{path}: split it by noun"
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length < 50, f"{path}:{node.lineno}: {node.name} has {length} lines"


def test_modules_of_tests_stay_small() -> None:
    lengths = {path: len(path.read_bytes().splitlines()) for path in ROOT.glob("tests/**/*.py")}
    assert [path for path, lines in lengths.items() if lines >= 400] == []


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_modules_say_what_they_are_for(path: Path) -> None:
    assert ast.get_docstring(tree(path)), path


def test_no_junk_drawers() -> None:
    drawers = [path for path in modules() if path.stem in JUNK_DRAWERS]
    assert not drawers


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_no_globals_that_change(path: Path) -> None:
    for node in ast.walk(tree(path)):
        assert not isinstance(node, ast.Global), f"{path}:{node.lineno}: a global statement"


def test_ports_have_few_members() -> None:
    for node in tree(PACKAGE / "domain" / "ports.py").body:
        if isinstance(node, ast.ClassDef) and any(
            isinstance(base, ast.Name) and base.id == "Protocol" for base in node.bases
        ):
            members = [item.name for item in node.body if isinstance(item, ast.FunctionDef)]
            assert 0 < len(members) <= 5, f"{node.name}: {members}"


def test_importing_any_module_does_no_work() -> None:
    """Importing must neither print nor start threads, whatever the module."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in modules()
        if "migrations" not in path.parts and path.stem != "__main__"
    ]
    code = (
        "import importlib, sys, threading\n"
        f"for name in {names!r}:\n"
        "    importlib.import_module(name)\n"
        "    assert threading.active_count() == 1, name\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", code],
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_the_repository_speaks_of_the_product_alone() -> None:
    words = re.compile(
        "|".join(["/w" + "ork/", r"\.\./sh" + "ared", "p" + r"ypi\.org", "python" + "hosted"])
    )
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    for name in listed:
        path = ROOT / name
        if path.is_file():
            found = words.search(path.read_text(encoding="utf-8", errors="ignore"))
            assert found is None, f"{name}: {found.group() if found else ''}"
