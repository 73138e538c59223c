"""The section `cluster`: which machine this is, what runs on it, whom it joins."""

from __future__ import annotations

from pathlib import Path

import pytest

from xinfer.config.cluster import cluster_settings
from xinfer.config.compose import compose
from xinfer.domain.cluster import ClusterSettings
from xinfer.errors import Invalid

RECIPE = """
cluster:
  port: 9000
  labels: {site: x}
  nodes:
    head: {address: 10.0.0.1, role: supervisor}
    left: {address: 10.0.0.2, labels: {gpu: h100}}
    both: {address: 10.0.0.3}
"""


def settings(tmp_path: Path, *words: str, recipe: str = RECIPE) -> ClusterSettings:
    path = tmp_path / "r.yaml"
    path.write_text(recipe)
    composed = compose(path, words)
    return cluster_settings(composed.config.cluster, composed.origins)


def test_one_recipe_says_what_each_machine_does(tmp_path: Path) -> None:
    head = settings(tmp_path, "cluster.node=head")
    assert (head.role, head.host, head.port, head.supervisor) == (
        "supervisor",
        "10.0.0.1",
        9000,
        "",
    )
    left = settings(tmp_path, "cluster.node=left")
    assert (left.role, left.supervisor) == ("worker", "http://10.0.0.1:9000")
    assert (left.worker_host, left.labels) == ("10.0.0.2", {"site": "x", "gpu": "h100"})
    assert head.machines == left.machines == ("left", "both")
    wide = settings(tmp_path, "cluster.node=head", "cluster.host=0.0.0.0")
    assert (wide.host, wide.worker_host) == ("0.0.0.0", "10.0.0.1")


def test_how_a_machine_is_reached(tmp_path: Path) -> None:
    hidden = "cluster.nodes.left.reach=reverse"
    reached = {
        name: settings(tmp_path, f"cluster.node={name}", hidden) for name in ("left", "both")
    }
    assert {name: one.reach for name, one in reached.items()} == {
        "left": "reverse",
        "both": "direct",
    }
    asked = settings(tmp_path, "cluster.node=both", "cluster.reach=reverse")
    assert asked.reach == "reverse"


def test_a_supervisor_elsewhere_makes_a_worker(tmp_path: Path) -> None:
    joins = settings(tmp_path, "cluster.supervisor=http://a:1", recipe="models: {}")
    assert (joins.role, joins.supervisor) == ("worker", "http://a:1")
    assert settings(tmp_path, recipe="models: {}").role == "both"


@pytest.mark.parametrize(
    ("words", "key", "said"),
    [
        ([], "cluster.node", "not which one this is. Add cluster.node=head"),
        (["cluster.node=hed"], "cluster.node", "no machine 'hed'. Did you mean 'head'?"),
        (["cluster.nodes.left.role=both", "cluster.node=head"], "cluster.nodes", "head and left"),
        (["cluster.nodes.head.role=worker", "cluster.node=head"], "cluster.nodes", "none has it"),
        (["cluster.nodes.left.address=", "cluster.node=head"], "nodes.left.address", "is missing"),
        (["cluster.nodes.left.rol=x", "cluster.node=head"], "cluster.nodes.left.rol", "'role'"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, words: list[str], key: str, said: str) -> None:
    with pytest.raises(Invalid) as refused:
        settings(tmp_path, *words)
    assert key in str(refused.value)
    assert said in str(refused.value)


def test_a_worker_needs_a_supervisor(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"cluster\.role.*needs the supervisor"):
        settings(tmp_path, "cluster.role=worker", recipe="models: {}")
