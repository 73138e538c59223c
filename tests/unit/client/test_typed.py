"""Results are typed, for both clients and all handles: what mypy says of them."""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import xinfer.client

ROOT = Path(__file__).parents[3]
CLIENT = "RESTfulClient"
FORMLESS = {
    *((CLIENT, f"relaunch_{what}") for what in ("api", "supervisor", "worker")),
    *((CLIENT, f"get_{what}_relaunch") for what in ("api", "supervisor", "worker")),
    *((CLIENT, f"list_{what}_relaunches") for what in ("api", "supervisor", "worker")),
    *((CLIENT, "get_model"), ("RESTfulImageModelHandle", "ocr")),
    *(("RESTfulWorldModelHandle", "generate"), ("RESTfulFlexibleModelHandle", "infer")),
}
"""What is never answered, is a handle, or is another thing for every model."""


def methods() -> Iterator[tuple[str, str]]:
    """Class and name of each public method of a client or handle."""
    for name in xinfer.client.__all__:
        found = getattr(xinfer.client, name)
        if "RESTful" in name:
            for method, _ in inspect.getmembers(found, inspect.isfunction):
                if not method.startswith("_"):
                    yield name, method


def checked(*files: Path) -> str:
    """What mypy prints of these files."""
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *map(str, files)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not done.stderr, done.stderr
    return done.stdout


@pytest.mark.timeout(600)
def test_what_a_type_checker_sees(tmp_path: Path) -> None:
    every = tmp_path / "every_method.py"
    asked = list(methods())
    assert len(asked) > 150
    lines = ["import xinfer.client as c"]
    lines += [
        f"def f{at}(x: c.{of}) -> None: reveal_type(x.{name})"
        for at, (of, name) in enumerate(asked)
    ]
    every.write_text("\n".join(lines))
    said = checked(ROOT / "tests/unit/client/typed.py", every).splitlines()
    notes = [line for line in said if f"{every.name}:" in line]
    assert [line for line in said if line not in notes] == []
    assert len(notes) == len(asked)
    formless = {
        (of.removeprefix("Async"), name)
        for (of, name), note in zip(asked, notes, strict=True)
        if re.search(r"\bAny\]*\"$", note)
    }
    assert formless == FORMLESS
