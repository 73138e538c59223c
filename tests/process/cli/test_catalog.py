"""What can run here, what is kept, and families of one's own, from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.process.appliance import Appliance, wait_until

INFO = "/v1/cluster/info"
FAMILY = """\
version: 2
model_name: mine
model_lang: [en]
model_ability: [chat]
model_family: mine
model_specs:
  - {model_format: ggufv2, model_size_in_billions: 1_8, quantization: q4_0,
     model_uri: /weights, model_file_name_template: "mine-{quantization}.gguf"}
"""


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("catalog"), "models: {}\n")
    made.start().wait_ready({})
    # Without a worker nothing can run anywhere.
    wait_until("the worker has joined", lambda: len(made.request("GET", INFO)[1] or ()) == 2)
    yield made
    made.destroy()


def test_engines_say_what_they_run_and_why_not(one: Appliance) -> None:
    asked = ("xinfer", "engine", "-n", "qwen2.5-instruct", "-s", "0_5")
    shown = one.run(*asked, "-en", "LLAMA.CPP", "-f", "gguf", "-o", "json")
    offers = json.loads(shown.stdout)["offers"]
    assert {offer["model_engine"] for offer in offers} == {"llama.cpp"}
    assert {"q4_0", "q8_0"} <= {offer["quantization"] for offer in offers}
    other = one.run(*asked, "-en", "sglang")
    assert other.returncode == 1
    assert "does not support" in other.stderr
    assert "SGLang:" in other.stderr
    typo = one.run("xinfer", "engine", "-n", "qwen2.5-instrct")
    assert (typo.returncode, "Did you mean 'qwen2.5-instruct'?" in typo.stderr) == (1, True)
    size = one.run("xinfer", "engine", "-n", "qwen2.5-instruct", "-f", "gguf", "-s", "0_6")
    assert "model_size_in_billions there is 0_5, 1_5, 3, 7," in size.stderr
    elsewhere = one.run("xinfer", "engine", "-n", "bge-m3")
    assert (elsewhere.returncode, "ask for that by `-t embedding`" in elsewhere.stderr) == (1, True)


def test_a_family_is_registered_listed_and_forgotten(one: Appliance, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(FAMILY)
    assert one.run("xinfer", "register", "-t", "LLM", "-f", str(file), "-p").returncode == 0
    listed = json.loads(one.run("xinfer", "registrations", "-t", "llm", "-o", "json").stdout)
    (mine,) = [each for each in listed if not each["is_builtin"]]
    assert mine["model_name"] == "mine"
    again = one.run("xinfer", "register", "-f", str(file))
    assert (again.returncode, "already" in again.stderr) == (1, True)
    file.write_text(FAMILY.replace("ggufv2", "ggufv3"))
    wrong = one.run("xinfer", "register", "-f", str(file))
    assert "model_specs[0].model_format" in wrong.stderr
    file.write_text(FAMILY.replace("model_format", "model_fromat"))
    mistyped = one.run("xinfer", "register", "-f", str(file))
    assert "model_specs[0].model_fromat" in mistyped.stderr
    assert one.run("xinfer", "unregister", "-n", "mine").returncode == 0
    assert "mine" not in one.run("xinfer", "registrations").stdout.split()


def test_an_earlier_version_is_registered_again(one: Appliance, tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    first = FAMILY.replace("mine", "twice")
    for text in (first, first.replace("[en]", "[de]")):
        file.write_text(text)
        assert one.run("xinfer", "register", "-f", str(file)).returncode == 0
        assert one.run("xinfer", "unregister", "-n", "twice").returncode == 0
    asked = ("xinfer", "registrations", "-n", "twice")
    told = json.loads(one.run(*asked, "-o", "json").stdout)
    assert [(each["version"], each["removed_s"] is None) for each in told] == [
        (1, False),
        (2, False),
    ]
    file.write_text(one.run(*asked, "--version", "1").stdout)
    assert file.read_text().strip() == first.strip()
    assert one.run("xinfer", "register", "-f", str(file)).returncode == 0
    assert "in force" in one.run(*asked).stdout.splitlines()[-1]
    missing = one.run(*asked, "--version", "4")
    assert (missing.returncode, "There are 1 to 3." in missing.stderr) == (1, True)
    unknown = one.run("xinfer", "registrations", "-n", "twise")
    assert (unknown.returncode, "was ever registered" in unknown.stderr) == (1, True)


def test_memory_is_estimated_without_a_server(one: Appliance) -> None:
    asked = ("xinfer", "cal-model-mem", "-s", "7", "-f", "pytorch", "-c", "16384")
    found = json.loads(one.run(*asked, "-o", "json").stdout)
    assert found["model mem"] == "13352 MB"
    assert found["total"] == "38226 MB (38 GB)"
    assert "kv_cache: 7272 MB" in one.run(*asked).stdout.splitlines()
    wrong = one.run("xinfer", "cal-model-mem", "-s", "7", "-f", "ggufv2", "-q", "x", "-c", "9")
    assert (wrong.returncode, "no formula for the quantization 'x'" in wrong.stderr) == (1, True)


def test_an_empty_cache_and_a_version_that_is_not_there(one: Appliance) -> None:
    # The caches of other programs of this user may hold something.
    shown = one.run("xinfer", "cached", "-n", "nothing-of-this-name")
    assert shown.stdout.strip() == "There are no cache files."
    gone = one.run("xinfer", "remove-cache", "-n", "x--1B--ggufv2--q", "--check")
    assert (gone.returncode, "No node keeps files" in gone.stderr) == (1, True)
    assert "chat" in one.run("xinfer", "vllm-models").stdout
