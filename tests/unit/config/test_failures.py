"""Each way of getting a recipe wrong: one message with file, line, full key and the way out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tests.unit.config.conftest import Refuse

ECHO = "models:\n  chat:\n    engine: echo\n"
LLAMA = "models:\n  chat:\n    engine: llama.cpp\n    source: {package: weights}\n"


@dataclass(frozen=True)
class Case:
    """`start` is the beginning of the message, `says` a part of it, `hint` a part of the hint."""

    name: str
    text: str | bytes
    start: str
    says: str
    hint: str
    overrides: tuple[str, ...] = ()


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
        "uid", "models:\n  a b: {engine: echo}\n", "chat.yaml:2: models.a b: ", "'a b'", "letters"
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
    # YAML
    Case("open bracket", "models: {\n  a: 1\n", "chat.yaml:3:1: ", "began in line 1", "quotes"),
    Case("colon", "models: a: b\n", "chat.yaml:1:10: ", "not allowed", "quotes"),
    Case("indentation", f"{ECHO}   replicas: 2\n", "chat.yaml:4:4: ", "YAML syntax", "indentation"),
    Case("tab", "models:\n\tchat: {}\n", "chat.yaml:2:1: ", "a tab", "spaces"),
    Case("empty", "", "chat.yaml: ", "empty", "models:"),
    Case("comments only", "# nothing\n", "chat.yaml: ", "empty", "models:"),
    Case("list", "- a\n", "chat.yaml:1: ", "a mapping", ""),
    Case("two documents", "a: 1\n---\nb: 1\n", "chat.yaml:2:1: ", "another document", ""),
    Case("not UTF-8", b"# a\n# caf\xe9\nmodels: {}\n", "chat.yaml:2: ", "0xe9", "UTF-8"),
    Case("control character", "models: {}\n# \x00\n", "chat.yaml:2: ", "control character", ""),
    Case(
        "tag",
        f"{ECHO}    node: !!python/name:os.system\n",
        "chat.yaml:4: models.chat.node: ",
        "tag",
        "",
    ),
    Case(
        "tag of a mapping",
        "models:\n  chat: !!python/object:os.system {engine: echo}\n",
        "chat.yaml:2: models.chat: ",
        "tag",
        "",
    ),
    Case("brackets without end", f"a: {'[' * 5000}\n", "chat.yaml: ", "too deeply", ""),
    Case(
        "aliases that multiply",
        "\n".join(
            f"{name}: &{name} [{', '.join(f'*{below}' for _ in range(10))}]"
            for below, name in zip(" abcde", "abcdef", strict=True)
        ).replace("* ", "x")
        + "\n",
        "chat.yaml:",
        "more than 100000 values",
        "",
    ),
    Case("alias of itself", "models: &a\n  x: *a\n", "chat.yaml:1: models.x: ", "itself", ""),
    # interpolation
    Case(
        "variable not set",
        f"{ECHO}    node: ${{oc.env:XINFER_NO_SUCH}}\n",
        "chat.yaml:4",
        "models.chat.node: the environment variable XINFER_NO_SUCH is not set",
        "DEFAULT",
    ),
    Case(
        "key that is not there",
        f"{ECHO}    node: ${{clutser.node}}\n",
        "chat.yaml:4: models.chat.node: ",
        "'clutser.node', which does not exist",
        "full key",
    ),
    Case(
        "no such resolver",
        f"{ECHO}    node: ${{env:HOME}}\n",
        "chat.yaml:4: models.chat.node: ",
        "no resolver 'env'",
        "oc.env",
    ),
    Case(
        "not closed",
        f"{ECHO}    node: ${{cluster.node\n",
        "chat.yaml:4: models.chat.node: ",
        "not well formed",
        "${key}",
    ),
    Case(
        "of itself",
        f"{ECHO}    node: ${{models.chat.node}}\n",
        "chat.yaml:4: models.chat.node: ",
        "Recursive",
        "",
    ),
    Case(
        "mandatory",
        f"{ECHO}    node: ???\n",
        "chat.yaml:4: models.chat.node: ",
        "required",
        "models.chat.node=VALUE",
    ),
    # defaults list
    Case("no such file", f"defaults: [bse]\n{ECHO}", "chat.yaml:1: defaults: ", "'bse'", "'base'"),
    Case(
        "no such choice",
        f"defaults:\n  - base\n  - override auth: opn\n{ECHO}",
        "chat.yaml:3: defaults: ",
        "'opn' in group 'auth'",
        "'open'",
    ),
    Case(
        "no such group",
        f"defaults:\n  - base\n  - ayth: open\n{ECHO}",
        "chat.yaml:3: defaults: ",
        "no group 'ayth'",
        "'auth'",
    ),
    Case(
        "not a list", f"defaults: {{a: b}}\n{ECHO}", "chat.yaml:1: defaults: ", "a list", "[base]"
    ),
    Case("not a name", f"defaults: [3]\n{ECHO}", "chat.yaml:1: defaults[0]: ", "3", "name"),
    Case("itself", f"defaults: [chat]\n{ECHO}", "chat.yaml:1: defaults: ", "'chat'", "base"),
    # overrides
    Case("no value", ECHO, "command line: ", "'cluster.port'", "key=value", ("cluster.port",)),
    Case(
        "several values", ECHO, "command line: ", "several values", "[a,b]", ("cluster.port=1,2",)
    ),
    Case(
        "not of the grammar",
        ECHO,
        "command line: ",
        "'cluster.host=(",
        "Quote",
        ("cluster.host=(",),
    ),
    Case("option for an override", ECHO, "command line: ", "--port", "", ("--port=1",)),
    Case(
        "no such model",
        ECHO,
        "command line: models.caht.replicas=2: models.caht: ",
        "no model 'caht'",
        "'chat'",
        ("models.caht.replicas=2",),
    ),
    Case(
        "new model without plus",
        ECHO,
        "command line: models.x.engine=echo: models.x: ",
        "no model 'x'",
        "+models.x.engine=echo",
        ("models.x.engine=echo",),
    ),
    Case(
        "no such key",
        ECHO,
        "command line: cluster.prot=1: cluster.prot: ",
        "no key",
        "'port'",
        ("cluster.prot=1",),
    ),
    Case(
        "type of an override",
        ECHO,
        "command line: cluster.port=abc: cluster.port: ",
        "expected a whole number",
        "",
        ("cluster.port=abc",),
    ),
    Case(
        "plus on what is there",
        ECHO,
        "command line: +models.chat.engine=echo: ",
        "already set (chat.yaml:3)",
        "Drop the +",
        ("+models.chat.engine=echo",),
    ),
    Case(
        "nothing to remove",
        ECHO,
        "command line: ~models.caht: ",
        "nothing to remove",
        "'chat'",
        ("~models.caht",),
    ),
    Case(
        "choice of an override",
        ECHO,
        "command line: auth=opn: auth: ",
        "'opn'",
        "'open'",
        ("auth=opn",),
    ),
    Case(
        "item of a list",
        ECHO,
        "command line: ",
        "no keys below",
        "[a,b]",
        ("models.chat.extra_args.0=x",),
    ),
    Case(
        "variable in an override",
        ECHO,
        "command line: cluster.host=",
        "not set",
        "DEFAULT",
        ("cluster.host=${oc.env:XINFER_NO_SUCH}",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_failure_is_explained(case: Case, refused: Refuse) -> None:
    error = refused(case.text, *case.overrides)
    assert error.message.startswith(case.start), error.message
    assert case.says in error.message
    assert case.hint in error.hint
    assert "\n" not in error.message, "one line"


def test_the_full_key_is_given_to_programs_too(refused: Refuse) -> None:
    assert refused(f"{ECHO}    replcas: 2\n").key == "models.chat.replcas"
    assert refused(ECHO, "cluster.prot=1").key == "cluster.prot"
