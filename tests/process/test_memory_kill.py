"""An engine that the kernel really kills for memory, in a control group made for the test."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.process.appliance import Appliance, wait_until

LIMIT_BYTES = 700 << 20
HOG = "import time; kept = [b'x' * (1 << 24) for _ in range(4096)]; time.sleep(600)"
RECIPE = "models: {echo: {engine: echo}}"


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group with LIMIT_BYTES of memory and no swap."""
    made = _parent() / f"xinfer-test-{uuid.uuid4().hex[:8]}"
    try:
        made.mkdir()
    except OSError as error:
        pytest.skip(f"No control group can be made here: {error}")
    try:
        for name in ("memory.limit_in_bytes", "memory.max"):
            if (made / name).exists():
                (made / name).write_text(str(LIMIT_BYTES))
                break
        else:
            pytest.skip("The control groups here do not limit memory.")
        yield made
    finally:
        # A process that was killed leaves its group only when its memory is given back.
        wait_until("the group is empty", lambda: _removed(made))


def _removed(group: Path) -> bool:
    with suppress(OSError):
        group.rmdir()
    return not group.exists()


def _parent() -> Path:
    """The group of this process, where the kernel has version 1, else the root of version 2."""
    memory = Path("/sys/fs/cgroup/memory")
    return memory if memory.is_dir() else Path("/sys/fs/cgroup")


@pytest.fixture
def confined(tmp_path: Path, group: Path) -> Iterator[Appliance]:
    """All processes of an installation in the group, an echo among them."""
    made = Appliance(tmp_path, RECIPE)
    try:
        made.start()
        assert made.launcher is not None
        (group / "cgroup.procs").write_text(str(made.launcher.pid))
        made.wait_ready({"echo": 1})
        for process in made.processes():
            (group / "cgroup.procs").write_text(str(process.pid))
        yield made
    finally:
        made.destroy()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root")
def test_the_user_learns_that_the_kernel_killed_the_engine_for_memory(confined: Appliance) -> None:
    before = {process.pid for process in confined.processes("xinfer: echo echo")}
    assert before
    body = {
        "model_name": "hog",
        "model_engine": "command",
        "command": f'python3 -c "{HOG}" --port {{port}}',
        "ready": "/health",
    }
    assert confined.request("POST", "/v1/models?wait_ready=false", body)[0] == 200

    said = wait_until(
        "its end is told",
        lambda: "killed" in (reason := str(confined.models()["hog"]["reason"])) and reason,
    )
    assert "out of memory (the kernel killed it" in said
    # The rest of the installation was not hurt.
    assert confined.models()["echo"]["state"] == "ready"
    assert {process.pid for process in confined.processes("xinfer: echo echo")} == before
