"""How checked options become words of a command line."""

from __future__ import annotations

import argparse

import pytest

from xinfer.domain.model import JsonValue
from xinfer.domain.options import Option
from xinfer.engines.flags import render


def words(value: JsonValue, kind: str = "str", **how: object) -> list[str]:
    return render([Option(name="an_option", type=kind, doc="")], {"an_option": value}, **how)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.9, ["--an-option", "0.9"]),
        (0, ["--an-option", "0"]),
        ("", ["--an-option", ""]),
        (-1, ["--an-option=-1"]),
        ("--x", ["--an-option=--x"]),
        (True, ["--an-option"]),
        (False, ["--no-an-option"]),
        (["a=b", "c=d"], ["--an-option", "a=b", "c=d"]),
        ([], []),
        (None, []),
        ({"a": [1, {"b": None}]}, ["--an-option", '{"a":[1,{"b":null}]}']),
    ],
)
def test_values_of_every_type(value: JsonValue, expected: list[str]) -> None:
    assert words(value) == expected


def test_a_switch_can_only_be_turned_on() -> None:
    assert words(True, switches={"an_option"}) == ["--an-option"]
    assert words(False, switches={"an_option"}) == []


def test_other_spellings_and_joined_lists() -> None:
    assert words([1, 2.5], names={"an_option": "other"}, joined={"an_option"}) == [
        "--other",
        "1,2.5",
    ]


def test_only_the_options_are_rendered_and_in_their_order() -> None:
    options = [Option(name=name, type="int", doc="") for name in ("b", "a")]
    assert render(options, {"a": 1, "b": 2, "c": 3}) == ["--b", "2", "--a", "1"]


def test_argparse_reads_it_back() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int)
    parser.add_argument("--text")
    parser.add_argument("--items", nargs="+")
    parser.add_argument("--eager", action=argparse.BooleanOptionalAction)
    options = [Option(name=name, type="str", doc="") for name in ("seed", "text", "items", "eager")]
    values = {"seed": -1, "text": "-- {{ a }}", "items": ["x", "y"], "eager": False}
    assert vars(parser.parse_args(render(options, values))) == values
