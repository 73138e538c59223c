"""The tree is the architecture: who may import whom, and where third parties live."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, modules, name_of, tree

ALLOWED = {
    "errors": set(),
    "client": set(),
    "domain": {"errors"},
    "config": {"errors", "domain"},
    "catalog": {"errors", "domain"},
    "engines": {"errors", "domain"},
    "store": {"errors", "domain"},
    "control": {"errors", "domain"},
    "gateway": {"errors", "domain"},
    "services": {"errors", "domain", "catalog", "config"},
    "worker": {"errors", "domain", "control"},
    "api": {"errors", "domain", "services", "gateway"},
    "launch": {
        *("errors", "domain", "config", "catalog", "engines", "store", "control"),
        *("gateway", "services", "worker", "api"),
    },
    "cli": {"errors", "client", "config", "domain", "launch", "catalog"},
}
"""For each package the packages of ours that it may import, besides itself."""

HOMES = {
    "hydra": {"config"},
    "omegaconf": {"config"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "falcon": {"api", "gateway/relay.py", "worker/app.py", "engines/hosts"},
    "gunicorn": {"launch/gunicorn.py"},
    "gevent": {"launch", "engines/hosts", "gateway", "worker"},
    "prometheus_client": {"gateway", "api"},
    "httptools": {"gateway", "engines/hosts"},
    "psutil": {"worker", "launch"},
    "httpx": {"client", "cli"},
    "click": {"cli", "launch"},
    "rich": {"cli", "launch"},
    "setproctitle": {"launch", "worker/shim.py", "worker/door.py", "engines/hosts"},
    "argon2": {"services/password.py"},
    "jwt": {"services/access_token.py"},
    "huggingface_hub": {"catalog/clients/huggingface.py"},
    "modelscope_hub": {"catalog/clients/modelscope.py"},
    "torch": {"engines/hosts"},
    "xllamacpp": {"engines/hosts"},
    "ray": {"launch/ray.py"},
}
"""For each third party the packages or modules (paths under xinfer/) that may import it."""


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module name imported anywhere in the file, with its line."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield str(node.module), node.lineno
            if node.module == "xinfer":
                yield from ((f"xinfer.{alias.name}", node.lineno) for alias in node.names)


def package_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_follow_the_dependency_direction(path: Path) -> None:
    package = package_of(path)
    if package == "__init__":
        return
    allowed = ALLOWED[package] | {package, "__version__"}
    for name, line in imports(path):
        first, _, rest = name.partition(".")
        if first == "xinfer" and rest:
            target = rest.split(".")[0]
            assert target in allowed, f"{path}:{line}: {package} must not import {target}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_third_parties_stay_at_home(path: Path) -> None:
    place = name_of(path)
    for name, line in imports(path):
        homes = HOMES.get(name.partition(".")[0])
        if homes is not None:
            assert any(place == home or place.startswith(f"{home}/") for home in homes), (
                f"{path}:{line}: {name} may be imported in {sorted(homes)} only"
            )


def test_the_worker_uses_only_the_loop_of_control() -> None:
    for path in (PACKAGE / "worker").rglob("*.py"):
        for name, line in imports(path):
            if name.startswith("xinfer.control"):
                assert name == "xinfer.control.loop", f"{path}:{line}: {name}"


def test_the_domain_is_standard_library_only() -> None:
    import sys

    for path in (PACKAGE / "domain").rglob("*.py"):
        for name, line in imports(path):
            first = name.partition(".")[0]
            assert first == "xinfer" or first in sys.stdlib_module_names, f"{path}:{line}: {name}"


def test_the_shim_needs_nothing_installed() -> None:
    import sys

    path = PACKAGE / "worker" / "shim.py"
    for name, line in imports(path):
        first = name.partition(".")[0]
        assert first in sys.stdlib_module_names or first == "setproctitle", f"{path}:{line}: {name}"
