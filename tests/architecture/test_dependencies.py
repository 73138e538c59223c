"""Every dependency is chosen: listed with its reason, and bounded above."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def requirement_name(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9_.-]+", requirement)
    assert found is not None, requirement
    return found.group().lower()


def project() -> dict[str, object]:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text)["project"])


def documented() -> set[str]:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    return {name.lower() for name in re.findall(r"^\| `([^`\[]+)", text, flags=re.MULTILINE)}


def test_every_dependency_has_a_reason_in_the_docs() -> None:
    data = project()
    requirements = [*data["dependencies"]]  # type: ignore[misc]
    for extra in data["optional-dependencies"].values():  # type: ignore[attr-defined]
        requirements.extend(extra)
    assert {requirement_name(item) for item in requirements} == documented()


def test_base_dependencies_are_bounded_and_light() -> None:
    for requirement in project()["dependencies"]:  # type: ignore[attr-defined]
        assert ">=" in requirement, requirement
        assert "<" in requirement, requirement
        assert requirement_name(requirement) not in {"torch", "transformers", "vllm", "numpy"}
