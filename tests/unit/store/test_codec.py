"""What is stored is read again, by this version and by those around it."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.domain.clusters import on, spec
from xinfer.domain.model import Hub, Limits, ModelKind, ModelSpec, Placement, Restart, Source
from xinfer.domain.refusal import Lack, Reason, Shortage
from xinfer.domain.state import Assigned, Desired
from xinfer.errors import StoreFailed
from xinfer.store import codec

FULL = ModelSpec(
    uid="m",
    engine="llama.cpp",
    kind=ModelKind.EMBEDDING,
    source=Source(hub=Hub.HUGGINGFACE, ref="org/repo", revision="v1", files=("*.gguf",)),
    family="f",
    format="gguf",
    size="0.5",
    quantization="Q4",
    replicas=3,
    options={"n_ctx": 8, "deep": {"list": [1, 2.5, None, True, "x"]}},
    extra_args=("--flag",),
    env={"A": "b"},
    memory_bytes=5,
    limits=Limits(max_in_flight=2),
    restart=Restart(max_failures=1),
    placement=Placement(node="n", labels={"a": "b"}, n_gpu=None, gpu_idx=(0, 1)),
    created_s=7,
)


def test_a_full_value_comes_back_equal_and_with_the_same_digest() -> None:
    desired = Desired(revision=3, models={"m": FULL}, recipe="r", declared={"m": FULL})
    again = codec.decode(codec.encode(desired), Desired)
    assert again == desired
    assert again.models["m"].digest() == FULL.digest()
    short = Shortage(lack=Lack.MEMORY, subject="accelerator", free_bytes=3)
    reason = Reason(shortages={"n": short}, lost="o", asked="a label", needed_bytes=4 * 2**30)
    assigned = Assigned(
        replicas=(on("n", FULL, 2, 0, 1),), refusals={"a": "b"}, reasons={"a": reason}
    )
    kept = codec.decode(codec.encode(assigned), Assigned)
    assert kept == assigned
    assert kept.reasons["a"].resembles(reason), "the amounts, which do not count for equality, too"


def test_refusals_of_an_earlier_version_are_words_alone() -> None:
    stored = msgspec.json.decode(codec.encode(Assigned(refusals={"a": "b"})))
    del stored["value"]["reasons"]
    read = codec.decode(msgspec.json.encode(stored), Assigned)
    assert (read.refusals, read.reasons) == ({"a": "b"}, {})


def test_fields_of_a_later_version_are_ignored() -> None:
    stored = msgspec.json.decode(codec.encode(Desired(revision=3, models={"m": spec()})))
    stored["value"]["invented"] = 1
    stored["value"]["models"]["m"]["invented"] = {"x": []}
    assert codec.decode(msgspec.json.encode(stored), Desired).models == {"m": spec()}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"version":99,"value":{"strange":1}}', "newer xinfer"),
        (b'{"version":1,"value":{"revision":"text"}}', "cannot be read"),
        (b'{"version":1,"val', "cannot be read"),
        (b"\x00\xff", "cannot be read"),
    ],
)
def test_what_cannot_be_understood_is_refused_in_words(body: bytes, words: str) -> None:
    with pytest.raises(StoreFailed, match=words) as caught:
        codec.decode(body, Desired)
    assert caught.value.hint
