"""Builds the environment of `tiny` in a process of its own: `environment_maker.py FOLDER`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from xinfer.engines.installer import Installer, find_uv
from xinfer.engines.managed import Managed
from xinfer.engines.requirement import Requirements


def main(folder: Path) -> int:
    uv = str(folder / "uv") if (folder / "uv").exists() else find_uv()
    installer = Installer(uv=uv, environ=os.environ, wheelhouse=folder / "wheels")
    managed = Managed(folder / "envs", installer, lambda engine: engine)
    wanted = Requirements(folder / "lists").get("tiny", "cpu")
    assert wanted is not None
    print(managed.create(wanted, lambda share, text: None).state, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
