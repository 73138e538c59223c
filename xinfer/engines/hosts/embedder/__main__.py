"""Started by its path, `PYTHON -P embedder ORDER`.

The interpreter has sentence-transformers, falcon and gevent, but nothing of ours, and none of what
is installed beside us may get into it.
"""

import importlib.util
import sys
from pathlib import Path


def _find_ourselves() -> None:
    """Make the package importable, and it alone: not the folder that it lies in."""
    root = Path(__file__).resolve().parents[3]
    spec = importlib.util.spec_from_file_location(
        "xinfer", root / "__init__.py", submodule_search_locations=[str(root)]
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["xinfer"] = module
    spec.loader.exec_module(module)


if "xinfer" not in sys.modules:
    _find_ourselves()

from xinfer.engines.hosts.embedder.server import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv))
