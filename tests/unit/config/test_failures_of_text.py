"""Recipes and command lines that are not well formed or lead nowhere."""

from __future__ import annotations

from tests.unit.config.conftest import Refuse
from tests.unit.config.failing import ECHO, Case, assert_explained, each

CASES = [
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
    Case("two recipes", ECHO, "command line: ", "second recipe", "defaults", ("b.yaml",)),
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


@each(CASES)
def test_failure_is_explained(case: Case, refused: Refuse) -> None:
    assert_explained(case, refused)


def test_the_full_key_is_given_to_programs_too(refused: Refuse) -> None:
    assert refused(f"{ECHO}    replcas: 2\n").key == "models.chat.replcas"
    assert refused(ECHO, "cluster.prot=1").key == "cluster.prot"
