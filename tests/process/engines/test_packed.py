"""The embedder's packed layers, in an interpreter that has torch: the same numbers, or none."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import xinfer

PYTHON = os.environ.get("XINFER_TEST_SENTENCE_TRANSFORMERS", "")
pytestmark = [
    pytest.mark.engines,
    pytest.mark.skipif(
        not PYTHON, reason="XINFER_TEST_SENTENCE_TRANSFORMERS names no interpreter with it"
    ),
    pytest.mark.timeout(300),
]
CODE = """
import itertools, json, sys, types
root = sys.argv[1]
for name, path in (("xinfer", ""), ("xinfer.engines", "/engines")):
    sys.modules[name] = module = types.ModuleType(name)
    module.__path__ = [root + path]
import torch
from torch import nn
from xinfer.engines.hosts.embedder.packed import pack

if not torch.backends.mkldnn.is_available():
    sys.exit(3)

torch.manual_seed(7)

class Model(nn.Module):
    def __init__(self, reads=False, shaky=False):
        super().__init__()
        self.wide, self.narrow = nn.Linear(384, 1536), nn.Linear(1536, 8, bias=False)
        self.reads, self.shaky, self.calls = reads, shaky, 0

    def forward(self, given):
        if self.reads:
            self.wide.weight.sum().item()
        self.calls += 1
        made = self.narrow(torch.tanh(self.wide(given)))
        return made + self.calls if self.shaky else made

def judge(model, after_s=1.0):
    given = torch.randn(3, 7, 384, dtype=model.wide.weight.dtype)
    ticks = itertools.cycle([0.0, 2.0, 0.0, after_s])
    plain = [layer.weight for layer in model.children()]
    with torch.inference_mode():
        before = model(given)
        count = pack(model, model, given, ticks.__next__)
        apart = float((model(given) - before).abs().max())
    kept = [layer.weight for layer in model.children()]
    same = all(one is other for one, other in zip(kept, plain))
    own = any("forward" in vars(layer) for layer in model.children())
    return {"count": count, "is_plain": same and not own, "apart": apart}

print(json.dumps({
    "quicker": judge(Model()),
    "slower": judge(Model(), after_s=3.0),
    "reads its weights": judge(Model(reads=True)),
    "computes otherwise": judge(Model(shaky=True)),
    "other numbers": judge(Model().double()),
}))
"""


@pytest.fixture(scope="module")
def judged() -> dict[str, Any]:
    root = str(Path(xinfer.__file__).parent)
    done = subprocess.run([PYTHON, "-c", CODE, root], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip("This torch has no oneDNN.")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_packed_layers_compute_what_the_plain_ones_do(judged: dict[str, Any]) -> None:
    assert judged["quicker"]["count"] == 2
    assert not judged["quicker"]["is_plain"]
    assert judged["quicker"]["apart"] < 1e-5


@pytest.mark.parametrize(
    "model", ["slower", "reads its weights", "computes otherwise", "other numbers"]
)
def test_a_model_that_gains_nothing_keeps_its_layers(judged: dict[str, Any], model: str) -> None:
    assert judged[model]["count"] == 0
    assert judged[model]["is_plain"]
