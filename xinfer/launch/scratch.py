"""Where memory-mapped metric files lie: in memory, where the system has a place for that.

On a disk that fills up, touching a mapped page ends the process with SIGBUS; the gateway must not
die of its own counters.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from xinfer.domain.home import Home

_MEMORY = Path("/dev/shm")


def metrics_folder(home: Home) -> Path:
    """The folder of this home's metric files, made if needed and nobody else's.

    Falls back to the home folder where there is no file system in memory (macOS).
    """
    name = hashlib.sha256(str(home.root).encode()).hexdigest()[:16]
    folder = _MEMORY / f"xinfer-{os.geteuid()}-{name}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return home.metrics
    ours = folder.is_dir() and not folder.is_symlink() and found.st_uid == os.geteuid()
    return folder if ours else home.metrics


def remove_metrics(home: Home) -> None:
    """Leave nothing in memory behind."""
    shutil.rmtree(metrics_folder(home), ignore_errors=True)
