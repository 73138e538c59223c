"""The table of environment variables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xinfer.config.settings import VARIABLES, environment, huggingface, modelscope, unused

DOCS = Path(__file__).parents[3] / "docs" / "operations.md"


def test_defaults() -> None:
    env = environment({})
    assert env.home == Path.home() / ".xinfer"
    assert (env.endpoint, env.api_key, env.log_level) == ("http://127.0.0.1:9997", "", "")
    assert env.model_src == "auto"


@pytest.mark.parametrize(
    "variable",
    [one for one in VARIABLES if one.peer.startswith("XINFERENCE_")],
    ids=lambda v: v.name,
)
def test_ours_wins_over_the_peers_and_empty_is_not_set(variable) -> None:  # type: ignore[no-untyped-def]
    both = environment({variable.name: "/ours", variable.peer: "/theirs"})
    theirs = environment({variable.name: "", variable.peer: "/theirs"})
    assert "/ours" in {str(getattr(both, name)) for name in both.__slots__}
    assert "/theirs" in {str(getattr(theirs, name)) for name in theirs.__slots__}


def test_variables_of_the_peer_without_a_meaning_here_are_named() -> None:
    peers = ("XINFERENCE_HOME", "XINFERENCE_MODEL_SRC", "XINFERENCE_ALLOWED_IPS", "XINFER_OTHER")
    assert unused(dict.fromkeys(peers, "x")) == ("XINFERENCE_ALLOWED_IPS",)


def test_every_variable_is_documented() -> None:
    assert all(one.doc.endswith(".") for one in VARIABLES)


def test_the_table_of_the_documentation_is_this_one() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for one in VARIABLES:
        peer, default = (f" `{value}` " if value else "  " for value in (one.peer, one.default))
        assert f"| `{one.name}` |{peer}|{default}| {one.doc} |\n" in text
    rows = re.findall(r"^\| `([A-Z_]+)` \|", text, re.MULTILINE)
    assert rows == [one.name for one in VARIABLES]


def test_home_becomes_an_absolute_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert environment({"XINFER_HOME": "here"}).home == tmp_path / "here"


def test_hubs_are_where_their_libraries_look(tmp_path: Path) -> None:
    usual = huggingface({})
    assert (usual.endpoint, usual.token, usual.cache) == ("https://huggingface.co", None, None)
    assert huggingface({"HF_HOME": str(tmp_path)}).cache == tmp_path / "hub"
    assert huggingface({"HF_HOME": "/x", "HF_HUB_CACHE": str(tmp_path)}).cache == tmp_path
    assert huggingface({"HF_HUB_OFFLINE": "1"}).offline
    assert not huggingface({"HF_HUB_OFFLINE": "0"}).offline
    assert huggingface({"HUGGING_FACE_HUB_TOKEN": "t"}).token == "t"
    assert modelscope({"MODELSCOPE_ENDPOINT": "hub.example"}).endpoint == "https://hub.example"
    assert modelscope({"MODELSCOPE_CACHE": str(tmp_path)}).cache == tmp_path
