"""Keys that are not there and values that are none."""

from __future__ import annotations

from tests.unit.config.conftest import Refuse
from tests.unit.config.failing import ECHO, Case, assert_explained, each

CASES = [
    # unknown keys
    Case("top level", "modles: {}\n", "chat.yaml:1: modles: ", "no key", "'models'"),
    Case("wrong level", f"port: 1\n{ECHO}", "chat.yaml:1: port: ", "no key", "'cluster.port'"),
    Case("nested", "cluster:\n  prot: 1\n", "chat.yaml:2: cluster.prot: ", "no key", "'port'"),
    Case(
        "in a model",
        f"{ECHO}    replcas: 2\n",
        "chat.yaml:4: models.chat.replcas: ",
        "no key 'replcas'",
        "'replicas'",
    ),
    Case(
        "engine option in the model",
        f"{ECHO}    n_ctx: 2\n",
        "chat.yaml:4: models.chat.n_ctx: ",
        "no key",
        "engine_kwargs",
    ),
    Case(
        "deep in a model",
        f"{ECHO}    limits:\n      max_que: 1\n",
        "chat.yaml:5: models.chat.limits.max_que: ",
        "no key",
        "'max_queue'",
    ),
    # wrong types and values
    Case(
        "text for a number",
        f"{ECHO}    replicas: two\n",
        "chat.yaml:4: models.chat.replicas: ",
        "expected a whole number, got 'two'",
        "",
    ),
    Case(
        "fraction for a whole",
        f"{ECHO}    replicas: 1.5\n",
        "chat.yaml:4: models.chat.replicas: ",
        "expected a whole number, got 1.5",
        "",
    ),
    Case(
        "too small",
        f"{ECHO}    replicas: -1\n",
        "chat.yaml:4: models.chat.replicas: ",
        "-1 is less than 0",
        "processes",
    ),
    Case(
        "endless",
        "cluster:\n  node_grace_s: .inf\n",
        "chat.yaml:2: cluster.node_grace_s: ",
        "expected a number",
        "",
    ),
    Case("null", "cluster:\n  port:\n", "chat.yaml:2: cluster.port: ", "got nothing", ""),
    Case(
        "switch as text",
        "cluster:\n  host: true\n",
        "chat.yaml:2: cluster.host: ",
        "expected text",
        "quotes",
    ),
    Case("text for a list", "auth:\n  keys: abc\n", "chat.yaml:2: auth.keys: ", "a list", ""),
    Case("list of models", "models: [a]\n", "chat.yaml:1: models: ", "expected a mapping", ""),
    Case(
        "text for a model",
        "models:\n  chat: llama\n",
        "chat.yaml:2: models.chat: ",
        "expected a mapping, got 'llama'",
        "",
    ),
    Case(
        "text for a source",
        "models:\n  chat:\n    engine: echo\n    source: a.gguf\n",
        "chat.yaml:4: models.chat.source: ",
        "expected a mapping",
        "path",
    ),
    Case("port", "cluster:\n  port: 70000\n", "chat.yaml:2: cluster.port: ", "more than", "Port"),
    Case("port of none", "cluster:\n  port: 0\n", "chat.yaml:2: cluster.port: ", "less", "Port"),
    Case(
        "too many",
        f"{ECHO}    replicas: 1001\n",
        "chat.yaml:4: models.chat.replicas: ",
        "more than 1000",
        "processes",
    ),
    Case(
        "more digits than a number has",
        f"{ECHO}    replicas: {'9' * 5000}\n",
        "chat.yaml:4: models.chat.replicas: ",
        "too large",
        "",
    ),
    Case(
        "longer than any wait",
        f"{ECHO}    launch_timeout_s: 1.0e+300\n",
        "chat.yaml:4: models.chat.launch_timeout_s: ",
        "too large",
        "",
    ),
    Case(
        "supervisor that is no URL",
        "cluster:\n  supervisor: 10.0.0.1\n",
        "chat.yaml:2: cluster.supervisor: ",
        "no URL",
        "http://",
    ),
    Case("not a choice", "log:\n  level: inof\n", "chat.yaml:2: log.level: ", "'inof'", "'info'"),
    Case("memory", f"{ECHO}    memory: 2G\n", "chat.yaml:4: models.chat.memory: ", "'2G'", "2GiB"),
    Case(
        "accelerators",
        f"{ECHO}    n_gpu: many\n",
        "chat.yaml:4: models.chat.n_gpu: ",
        "'many'",
        "auto",
    ),
    Case(
        "environment of a model",
        f"{ECHO}    env: {{A: [1]}}\n",
        "chat.yaml:4: models.chat.env.A: ",
        "expected text",
        "",
    ),
]


@each(CASES)
def test_failure_is_explained(case: Case, refused: Refuse) -> None:
    assert_explained(case, refused)
