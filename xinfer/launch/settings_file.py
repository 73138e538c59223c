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


def changed(home: Home, settings: Settings) -> tuple[str, ...]:
    """The keys that differ from what the running roles were started with."""
    try:
        before = _flat(read_settings(home))
    except (OSError, msgspec.MsgspecError):
        return ()
    after = _flat(settings)
    return tuple(key for key in sorted(before | after) if before.get(key) != after.get(key))


def _flat(value: Any, key: str = "") -> dict[str, Any]:
    """The leaves of settings by dotted key."""
    tree = msgspec.to_builtins(value, enc_hook=str) if not key else value
    if not isinstance(tree, dict) or not tree:
        return {key: tree}
    parts = ((f"{key}.{name}" if key else str(name), one) for name, one in tree.items())
    return {full: leaf for name, one in parts for full, leaf in _flat(one, name).items()}


def _path(kind: type, value: Any) -> Path:
    assert issubclass(kind, Path)
    return Path(value)
