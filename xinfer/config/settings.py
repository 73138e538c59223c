"""Every environment variable that xinfer acts on, read once, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Variable:
    """One variable. `peer` is Xinference's spelling, used when ours is not set."""

    name: str
    doc: str
    peer: str = ""
    default: str = ""


HOME = Variable(
    name="XINFER_HOME",
    peer="XINFERENCE_HOME",
    default="~/.xinfer",
    doc="Folder of state, logs and caches.",
)
ENDPOINT = Variable(
    name="XINFER_ENDPOINT",
    peer="XINFERENCE_ENDPOINT",
    default="http://127.0.0.1:9997",
    doc="Address of the supervisor for the command line.",
)
API_KEY = Variable(
    name="XINFER_API_KEY",
    peer="XINFERENCE_API_KEY",
    doc="API key that the command line sends.",
)
CLUSTER_TOKEN = Variable(
    name="XINFER_CLUSTER_TOKEN",
    doc="Secret by which the machines of a cluster know each other; `xinfer token` prints it.",
)
LOG_LEVEL = Variable(
    name="XINFER_LOG_LEVEL",
    doc="Level of our own logs; wins over a recipe's `log.level`, not over the command line.",
)
MODEL_SRC = Variable(
    name="XINFER_MODEL_SRC",
    peer="XINFERENCE_MODEL_SRC",
    default="auto",
    doc="Hub that model families are fetched from: auto, huggingface or modelscope.",
)
VARIABLES = (HOME, ENDPOINT, API_KEY, CLUSTER_TOKEN, LOG_LEVEL, MODEL_SRC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The values of VARIABLES; `log_level`, `api_key`, `cluster_token` are empty when not set."""

    home: Path
    endpoint: str
    api_key: str
    log_level: str
    cluster_token: str
    model_src: str


def environment(environ: Mapping[str, str]) -> Environment:
    """Read the table from `environ`. An empty variable counts as not set."""
    return Environment(
        home=Path(_read(environ, HOME)).expanduser().absolute(),
        endpoint=_read(environ, ENDPOINT).rstrip("/"),
        api_key=_read(environ, API_KEY),
        log_level=_read(environ, LOG_LEVEL).lower(),
        cluster_token=_read(environ, CLUSTER_TOKEN).strip(),
        model_src=_read(environ, MODEL_SRC).lower(),
    )


def _read(environ: Mapping[str, str], variable: Variable) -> str:
    return environ.get(variable.name) or environ.get(variable.peer) or variable.default
