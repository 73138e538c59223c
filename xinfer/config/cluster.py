"""The section `cluster` of a recipe as the settings of this one machine."""

from __future__ import annotations

from dataclasses import asdict
from urllib.parse import urlsplit

from xinfer.config import explain, schema
from xinfer.config.origin import OriginKind, Origins
from xinfer.domain.cluster import ClusterSettings
from xinfer.domain.model import ModelSpec
from xinfer.domain.names import did_you_mean

_LOCAL = schema.Cluster().node
_LOOPBACK = "127.0.0.1"


def cluster_settings(cluster: schema.Cluster, origins: Origins) -> ClusterSettings:
    """What runs here, where it listens and whom it joins.

    Raises Invalid when the named nodes do not say which machine this is, or which one has the
    supervisor.
    """
    given = asdict(cluster)
    del given["nodes"]
    if cluster.nodes:
        given |= _among_nodes(cluster, origins)
    if given["role"] == "auto":
        given["role"] = "worker" if given["supervisor"] else "both"
    if given["role"] == "worker" and not given["supervisor"]:
        what = "a worker needs the supervisor that it joins."
        hint = "Give cluster.supervisor, such as http://10.0.0.1:9997."
        raise explain.at_key(origins, "cluster.role", what, hint)
    if given["role"] == "worker":
        _check_supervisor(given["supervisor"], origins)
    return ClusterSettings(**given)


def _check_supervisor(url: str, origins: Origins) -> None:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
        is_url = is_url and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        hint = "Write http://10.0.0.1:9997, say."
        raise explain.at_key(origins, "cluster.supervisor", f"'{url}' is no URL.", hint)


def runs_here(spec: ModelSpec, cluster: schema.Cluster, here: ClusterSettings) -> bool:
    """Whether no other machine than this one can be meant to run the model."""
    if here.role != "both":
        return False
    if spec.placement.node is None:
        return len(cluster.nodes) < 2
    return spec.placement.node in (here.node, here.worker_host or _LOOPBACK)


def _among_nodes(cluster: schema.Cluster, origins: Origins) -> dict[str, object]:
    nodes, name = cluster.nodes, cluster.node
    if name not in nodes:
        if name == _LOCAL:
            what = f"the recipe names the machines {', '.join(nodes)}, but not which one this is."
            hint = f"Add cluster.node={next(iter(nodes))}, say."
        else:
            what, hint = f"there is no machine '{name}'.", did_you_mean(name, nodes)
        raise explain.at_key(origins, "cluster.node", what, hint)
    for each, node in nodes.items():
        if not node.address:
            key = f"cluster.nodes.{each}.address"
            raise explain.at_key(origins, key, "the address is missing.", "Give it.")
    heads = [each for each, node in nodes.items() if node.role != "worker"]
    if len(heads) != 1:
        said = f"{' and '.join(heads)} have it" if heads else "none has it"
        what = f"exactly one machine must have the supervisor, but {said}."
        hint = "Give one of them role: both, or role: supervisor."
        raise explain.at_key(origins, "cluster.nodes", what, hint)
    mine, head = nodes[name], nodes[heads[0]]
    settings: dict[str, object] = {
        "machines": tuple(each for each, node in nodes.items() if node.role != "supervisor"),
        "role": mine.role,
        "worker_host": cluster.worker_host or mine.address,
        "labels": {**cluster.labels, **mine.labels},
        "reach": cluster.reach if _is_given("cluster.reach", origins) else mine.reach,
    }
    if mine.role == "worker":
        settings["supervisor"] = cluster.supervisor or f"http://{head.address}:{cluster.port}"
    elif not _is_given("cluster.host", origins):
        settings["host"] = mine.address
    return settings


def _is_given(key: str, origins: Origins) -> bool:
    """Whether somebody asked for what it says."""
    return origins.of(key).kind not in {OriginKind.DEFAULT, OriginKind.CONF}
