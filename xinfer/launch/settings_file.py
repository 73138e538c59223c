"""The compiled settings on their way from `xinfer-up` to the roles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from xinfer.domain.cluster import Settings
from xinfer.domain.home import Home


def write_settings(home: Home, settings: Settings) -> None:
    """Leave the settings in the home folder, for the owner only: they may carry API keys."""
    home.role_config.touch(mode=0o600)
    home.role_config.write_bytes(msgspec.json.encode(settings, enc_hook=str))


def read_settings(home: Home) -> Settings:
    """What `write_settings` left."""
    return msgspec.json.decode(home.role_config.read_bytes(), type=Settings, dec_hook=_path)


def _path(kind: type, value: Any) -> Path:
    assert issubclass(kind, Path)
    return Path(value)
