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
AUTH = Variable(
    name="XINFER_AUTH_ADVANCED",
    peer="XINFERENCE_AUTH_ADVANCED",
    doc="Whether callers need a key, true or false; wins over a recipe's `auth.mode`.",
)
MODEL_SRC = Variable(
    name="XINFER_MODEL_SRC",
    peer="XINFERENCE_MODEL_SRC",
    default="auto",
    doc="Hub that model families are fetched from: auto, huggingface or modelscope.",
)
WHEELHOUSE = Variable(
    name="XINFER_WHEELHOUSE",
    doc="Folder of packages that environments of engines are built from, without any index.",
)
ENGINES = Variable(
    name="XINFER_ENGINES",
    doc="Folder of environments that are there already, called like their engines; an engine that "
    "nothing else here has runs in its own.",
)
HF_HOME = Variable(
    name="HF_HOME",
    doc="Folder of the Hugging Face cache; default: `cache/huggingface` under the home folder.",
)
HF_HUB_CACHE = Variable(
    name="HF_HUB_CACHE",
    peer="HUGGINGFACE_HUB_CACHE",
    doc="Folder of the models of the Hugging Face hub; default: `hub` under HF_HOME.",
)
HF_ENDPOINT = Variable(
    name="HF_ENDPOINT",
    default="https://huggingface.co",
    doc="Address of the Hugging Face hub or of a mirror.",
)
HF_TOKEN = Variable(
    name="HF_TOKEN",
    peer="HUGGING_FACE_HUB_TOKEN",
    doc="Token for private and gated models of the Hugging Face hub.",
)
HF_HUB_OFFLINE = Variable(
    name="HF_HUB_OFFLINE",
    peer="TRANSFORMERS_OFFLINE",
    doc="Set to 1, the Hugging Face hub is never asked: what is in the cache is used.",
)
MODELSCOPE_CACHE = Variable(
    name="MODELSCOPE_CACHE",
    doc="Folder of the ModelScope cache; default: `cache/modelscope` under the home folder.",
)
MODELSCOPE_ENDPOINT = Variable(
    name="MODELSCOPE_ENDPOINT",
    peer="MODELSCOPE_DOMAIN",
    default="https://www.modelscope.cn",
    doc="Address of ModelScope.",
)
MODELSCOPE_TOKEN = Variable(
    name="MODELSCOPE_API_TOKEN",
    doc="Token for private models of ModelScope.",
)
VARIABLES = (
    *(HOME, ENDPOINT, API_KEY, CLUSTER_TOKEN, LOG_LEVEL, AUTH, MODEL_SRC, WHEELHOUSE, ENGINES),
    *(HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE),
    *(MODELSCOPE_CACHE, MODELSCOPE_ENDPOINT, MODELSCOPE_TOKEN),
)


_PEERS = "XINFERENCE_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The values of VARIABLES; a text is empty when it is not set and has no default."""

    home: Path
    endpoint: str
    api_key: str
    log_level: str
    auth: str
    cluster_token: str
    model_src: str
    wheelhouse: Path | None = None
    engines: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HubAccess:
    """How one hub is reached. `cache` None = the usual place; `token` None = that of a login."""

    endpoint: str
    token: str | None
    cache: Path | None
    offline: bool = False


def environment(environ: Mapping[str, str]) -> Environment:
    """Read the table from `environ`. An empty variable counts as not set."""
    return Environment(
        home=Path(_read(environ, HOME)).expanduser().absolute(),
        endpoint=_read(environ, ENDPOINT).rstrip("/"),
        api_key=_read(environ, API_KEY),
        log_level=_read(environ, LOG_LEVEL).lower(),
        auth=_read(environ, AUTH).lower(),
        cluster_token=_read(environ, CLUSTER_TOKEN).strip(),
        model_src=_read(environ, MODEL_SRC).lower(),
        wheelhouse=_folder(_read(environ, WHEELHOUSE)),
        engines=_folder(_read(environ, ENGINES)),
    )


def unused(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Variables of Xinference that are set and mean nothing here, by name."""
    known = {variable.peer for variable in VARIABLES}
    return tuple(sorted(one for one in environ if one.startswith(_PEERS) and one not in known))


def _folder(given: str) -> Path | None:
    return Path(given).expanduser().absolute() if given else None


def huggingface(environ: Mapping[str, str]) -> HubAccess:
    """The Hugging Face hub; the library's own variables mean what they mean to it."""
    home = _folder(_read(environ, HF_HOME))
    return HubAccess(
        endpoint=_read(environ, HF_ENDPOINT).rstrip("/"),
        token=_read(environ, HF_TOKEN) or None,
        cache=_folder(_read(environ, HF_HUB_CACHE)) or (home / "hub" if home else None),
        offline=_read(environ, HF_HUB_OFFLINE).upper() in {"1", "ON", "YES", "TRUE"},
    )


def modelscope(environ: Mapping[str, str]) -> HubAccess:
    """ModelScope; the address may lack its scheme, as the SDK allows."""
    endpoint = _read(environ, MODELSCOPE_ENDPOINT)
    return HubAccess(
        endpoint=(endpoint if "://" in endpoint else f"https://{endpoint}").rstrip("/"),
        token=_read(environ, MODELSCOPE_TOKEN) or None,
        cache=_folder(_read(environ, MODELSCOPE_CACHE)),
    )


def _read(environ: Mapping[str, str], variable: Variable) -> str:
    return environ.get(variable.name) or environ.get(variable.peer) or variable.default
