"""Memory that nobody knew when a model was declared."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.domain.clusters import on, status
from tests.unit.services.test_families import GIB, LAPTOP, QWEN, SERVER
from xinfer.domain.model import Footprint, Hub, ModelSpec, Source
from xinfer.domain.node import Machine, NodeReport, NodeState
from xinfer.domain.replica import Phase
from xinfer.domain.state import Desired, Observed
from xinfer.engines.registry import Registry
from xinfer.services.estimates import Estimates
from xinfer.services.families import Families
from xinfer.services.fit import Fit


def observed(**machines: Machine) -> Observed:
    reports = {
        name: NodeReport(
            node=name, incarnation="x", sequence=1, version="0", address="", machine=machine
        )
        for name, machine in machines.items()
    }
    return Observed(
        nodes={name: NodeState(report=report, seen_at_s=0) for name, report in reports.items()}
    )


def test_it_is_estimated_as_soon_as_a_machine_is_known() -> None:
    families = Families(Registry())
    resolved = families.resolve(QWEN).spec
    said = replace(resolved, uid="said", family="qwen2.5-instruct", memory_bytes=7)
    echo = ModelSpec(uid="echo", engine="echo")
    desired = Desired(revision=3, models={one.uid: one for one in (resolved, said, echo)})
    weighed = Estimates(families, Fit(Registry()))
    assert weighed(desired, Observed()) == desired
    plain = weighed(desired, observed(a=LAPTOP))
    assert 0.3 * GIB < (plain.models[QWEN.uid].memory_bytes or 0) < GIB
    assert [plain.models[uid].memory_bytes for uid in ("said", "echo")] == [7, None]
    # The same for the same state, another one where there are accelerators.
    assert weighed(desired, observed(a=replace(LAPTOP, memory_available_bytes=1))) == plain
    vllm = families.resolve(ModelSpec(uid="qwen2.5-instruct", engine="vllm", size="7")).spec
    desired = Desired(revision=3, models={vllm.uid: vllm})
    on_gpu = weighed(desired, observed(a=SERVER)).models[vllm.uid].memory_bytes or 0
    assert on_gpu == int(0.9 * 80 * GIB)


def test_files_that_only_nodes_see_need_what_the_most_demanding_node_says() -> None:
    own = ModelSpec(
        uid="own", engine="transformers", source=Source(hub=Hub.PATH, ref="/elsewhere/own")
    )
    asked = Desired(revision=1, models={"own": own})
    weighed = Estimates(Families(Registry()), Fit(Registry()))
    blind = observed(a=LAPTOP, b=SERVER)
    assert weighed(asked, blind).models["own"].memory_bytes is None

    def told(of: ModelSpec, **weights: int) -> int | None:
        nodes = dict(blind.nodes)
        for name, size in weights.items():
            model = Footprint(weights_bytes=size * GIB, token_bytes=0)
            said = status(on(name, of), Phase.QUEUED, no_room="no", weighed=model)
            report = replace(nodes[name].report, replicas=(said,))
            nodes[name] = replace(nodes[name], report=report)
        return weighed(asked, Observed(nodes=nodes)).models["own"].memory_bytes

    on_gpu, on_cpu = told(own, b=10), told(own, a=10)
    assert on_gpu is not None
    assert on_cpu is not None
    assert 10 * GIB < on_gpu < 20 * GIB < on_cpu, "a processor computes in float32"
    assert told(own, a=10, b=10) == on_cpu
    assert told(replace(own, options={"dtype": "float32"}), a=10) is None, "of another version"
