"""Engine options from words on the command line."""

from __future__ import annotations

import json
from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xinfer.cli.engine_options import coerce, parse_options

OWN = ("--model-engine", "--replica", "--n-gpu", "--memory", "--env")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("None", None),
        ("null", None),
        ("true", True),
        ("False", False),
        ("8192", 8192),
        ("-1", -1),
        ("0.9", 0.9),
        ("1e-3", 0.001),
        ('{"a": [1, null]}', {"a": [1, None]}),
        ('[0.5, "x"]', [0.5, "x"]),
        ('"8192"', "8192"),
        ("0_5", "0_5"),
        ("1_000", "1_000"),
        ("nan", "nan"),
        ("inf", "inf"),
        ("Q4_K_M", "Q4_K_M"),
        ("1.2.3", "1.2.3"),
        ("{port}", "{port}"),
        ("", ""),
    ],
)
def test_coercion(text: str, value: Any) -> None:
    assert coerce(text) == value
    assert type(coerce(text)) is type(value)


@given(st.recursive(st.none() | st.booleans() | st.integers(), st.lists) | st.text())
def test_json_written_out_is_read_back(value: Any) -> None:
    """Whatever a program quotes as JSON arrives as it was."""
    assert coerce(json.dumps(value)) == value


@given(st.text())
def test_any_word_has_a_value(text: str) -> None:
    value = coerce(text)
    assert isinstance(value, str | int | float | bool | None | list | dict)
    if isinstance(value, str) and not text.startswith('"'):
        assert value == text


def test_words_are_paired() -> None:
    words = ["--n-ctx", "8192", "--seed", "-1", "--flash", "--name=a=b", "--last"]
    assert parse_options(words, OWN) == {
        "n_ctx": 8192,
        "seed": -1,
        "flash": True,
        "name": "a=b",
        "last": True,
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chat"], "'chat' belongs to no option"),
        (["-x", "1"], "'-x' belongs to no option"),
        (["--a", "1", "2"], "'2' belongs to no option"),
        (["--n-ctx", "1", "--n_ctx", "2"], "given twice"),
        (["--model-engin", "echo"], "Did you mean --model-engine"),
        (["--replicas", "2"], "Did you mean --replica"),
    ],
)
def test_words_that_cannot_be_options_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        parse_options(words, OWN)


def test_an_engine_option_that_resembles_ours_a_little_is_let_through() -> None:
    assert parse_options(["--n_gpu_layers", "99"], OWN) == {"n_gpu_layers": 99}
