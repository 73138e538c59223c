"""Which interpreter an engine gets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from xinfer.domain.home import Home
from xinfer.errors import LaunchFailed
from xinfer.worker.environment import interpreter


def test_current_a_path_an_environment_or_managed(tmp_path: Path) -> None:
    home = Home(tmp_path)
    program = tmp_path / "envs" / "vllm" / "bin" / "python"
    program.parent.mkdir(parents=True)
    program.symlink_to(sys.executable)
    assert interpreter("vllm", "current", home) == sys.executable
    assert interpreter("vllm", "managed", home) == str(program)
    assert interpreter("vllm", str(program), home) == str(program)
    assert interpreter("vllm", str(program.parents[1]), home) == str(program)


def test_one_that_is_not_there_is_named_with_its_key(tmp_path: Path) -> None:
    with pytest.raises(LaunchFailed, match=r"engine\.vllm\.env") as caught:
        interpreter("vllm", str(tmp_path / "python"), Home(tmp_path))
    assert caught.value.phase == "environment"
