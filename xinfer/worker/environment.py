"""Which Python interpreter an engine runs in."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from xinfer.domain.home import Home
from xinfer.errors import LaunchFailed

CURRENT = "current"
MANAGED = "managed"


def interpreter(engine: str, env: str, home: Home) -> str:
    """The interpreter for `env`: "current", "managed", or the path of one (or of its environment).

    Raises LaunchFailed with phase "environment" when it is not there.
    """
    if env == CURRENT:
        return sys.executable
    path = home.root / "envs" / engine if env == MANAGED else Path(env).expanduser()
    if path.is_dir():
        path = path / "bin" / "python"
    if path.is_file() and os.access(path, os.X_OK):
        return str(path)
    raise LaunchFailed(
        f"The environment of engine '{engine}' is not usable: {path} is no program.",
        f"Set engine.{engine}.env to a Python interpreter that has the engine installed.",
        phase="environment",
        cause=f"no Python interpreter at {path}",
    )
