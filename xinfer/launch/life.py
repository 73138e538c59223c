"""Whether the launcher of a role still lives."""

from __future__ import annotations

import os


def launcher_is_gone() -> bool:
    """Whether the launcher's end of the pipe that we inherited has closed."""
    descriptor = int(os.environ.get("XINFER_LIFE_FD", "-1"))
    if descriptor < 0:
        return False
    try:
        os.set_blocking(descriptor, False)
        return os.read(descriptor, 1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
