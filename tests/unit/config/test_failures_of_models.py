"""Models whose engine, source or name cannot be."""

from __future__ import annotations

from tests.unit.config.conftest import Refuse
from tests.unit.config.failing import ECHO, LLAMA, Case, assert_explained, each

CASES = [
    # engines
    Case(
        "unknown engine",
        "models:\n  chat:\n    engine: lama.cpp\n",
        "chat.yaml:3: models.chat.engine: ",
        "no engine 'lama.cpp'",
        "'llama.cpp'",
    ),
    Case(
        "no engine",
        "models:\n  chat:\n    replicas: 2\n",
        "chat.yaml:2: models.chat.engine: ",
        "missing",
        "llama.cpp, echo, command",
    ),
    Case(
        "settings of an unknown engine",
        "engine:\n  ecko: {}\n",
        "chat.yaml:2: engine.ecko: ",
        "no engine",
        "'echo'",
    ),
    Case(
        "interpreter",
        "engine:\n  echo:\n    env: curent\n",
        "chat.yaml:3: engine.echo.env: ",
        "no interpreter",
        "'current'",
    ),
    Case(
        "unknown option",
        f"{LLAMA}    engine_kwargs:\n      n_cxt: 1\n",
        "chat.yaml:6: models.chat.engine_kwargs.n_cxt: ",
        "no option 'n_cxt'",
        "'n_ctx'",
    ),
    Case(
        "type of an option",
        f"{LLAMA}    engine_kwargs:\n      n_ctx: big\n",
        "chat.yaml:6: models.chat.engine_kwargs.n_ctx: ",
        "expected int",
        "tokens",
    ),
    Case(
        "endless option",
        f"{LLAMA}    engine_kwargs: {{n_ctx: .inf}}\n",
        "chat.yaml:5: models.chat.engine_kwargs.n_ctx: ",
        "expected int",
        "tokens",
    ),
    Case(
        "default option of an engine",
        "engine:\n  llama.cpp:\n    options:\n      n_cxt: 1\n",
        "chat.yaml:4: engine.llama.cpp.options.n_cxt: ",
        "no option",
        "'n_ctx'",
    ),
    Case(
        "short key of another engine",
        f"{ECHO}    command: x\n",
        "chat.yaml:4: models.chat.command: ",
        "engine 'echo' has no 'command'",
        "command",
    ),
    Case(
        "kind",
        f"{ECHO}    kind: rerank\n",
        "chat.yaml:4: models.chat.kind: ",
        "does not serve",
        "LLM",
    ),
    # sources
    Case(
        "no source",
        "models:\n  chat:\n    engine: llama.cpp\n",
        "chat.yaml:2: models.chat.source: ",
        "needs model files",
        "huggingface",
    ),
    Case(
        "two sources",
        "models:\n  chat:\n    engine: llama.cpp\n    source:\n      path: a\n      package: b\n",
        "chat.yaml:6: models.chat.source.package: ",
        "two sources are given: path and package",
        "Keep one",
    ),
    Case(
        "empty source",
        "models:\n  chat:\n    engine: llama.cpp\n    source: {revision: x}\n",
        "chat.yaml:4: models.chat.source: ",
        "empty",
        "path, package",
    ),
    Case(
        "unknown source",
        "models:\n  chat:\n    engine: llama.cpp\n    source:\n      huggingfase: a/b\n",
        "chat.yaml:5: models.chat.source.huggingfase: ",
        "no key",
        "'huggingface'",
    ),
    Case(
        "missing path",
        "models:\n  chat:\n    engine: llama.cpp\n    source: {path: caht.yaml}\n",
        "chat.yaml:4: models.chat.source.path: ",
        "no file or folder",
        "chat.yaml'",
    ),
    Case(
        "family without a catalog",
        "models:\n  chat:\n    engine: llama.cpp\n    family: qwen\n",
        "chat.yaml:4: models.chat.family: ",
        "'qwen'",
        "source",
    ),
    # names
    Case(
        "uid", "models:\n  größe: {engine: echo}\n", "chat.yaml:2: models.größe: ", "'größe'", "a-z"
    ),
    Case(
        "uid like a replica",
        "models:\n  a-rep1: {engine: echo}\n",
        "chat.yaml:2: models.a-rep1: ",
        "replica",
        "rep",
    ),
    Case(
        "uid twice",
        f"{ECHO}  chat:\n    engine: echo\n",
        "chat.yaml:4: models.chat: ",
        "given twice, first in line 2",
        "uid",
    ),
    Case(
        "uid twice but for case",
        f"{ECHO}  Chat:\n    engine: echo\n",
        "chat.yaml:4: models.Chat: ",
        "by case only",
        "another uid",
    ),
    Case(
        "key twice",
        f"{ECHO}    engine: echo\n",
        "chat.yaml:4: models.chat.engine: ",
        "given twice, first in line 3",
        "Remove",
    ),
]


@each(CASES)
def test_failure_is_explained(case: Case, refused: Refuse) -> None:
    assert_explained(case, refused)
