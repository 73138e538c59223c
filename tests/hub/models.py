"""Small repositories to serve, and the hubs of a machine that fetch from there."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from xinfer.catalog.hubs.huggingface import huggingface
from xinfer.catalog.hubs.mirrored import MirroredHub
from xinfer.catalog.hubs.modelscope import modelscope
from xinfer.catalog.hubs.remote import RemoteHub
from xinfer.catalog.hubs.site import Site
from xinfer.catalog.listings import Listings
from xinfer.domain.model import Hub, Source

REPO = "org/tiny.model"
WEIGHTS = "model.safetensors"
SIZE = 3_000_000
WANTED = {"config.json", "tokenizer.json", WEIGHTS, "1_Pooling/config.json"}


def write_repo(folder: Path, repo: str = REPO) -> Path:
    """A repository with a model in several formats; WANTED is what a launch needs."""
    files: Mapping[str, bytes] = {
        "config.json": b'{"model_type": "tiny"}',
        "tokenizer.json": b"{}",
        "1_Pooling/config.json": b'{"pooling": "mean"}',
        WEIGHTS: random.Random(7).randbytes(SIZE),
        "pytorch_model.bin": b"the same in another format",
        "onnx/model.onnx": b"and in another",
        "README.md": b"# Tiny",
        ".gitattributes": b"*",
    }
    for name, content in files.items():
        path = folder / repo / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder / repo


def site(hub: Hub, url: str, cache: Path, **changes: object) -> Site:
    """The hub at `url` with its cache below `cache`."""
    made = (
        huggingface(url, None, (cache / "hf",), offline=False)
        if hub is Hub.HUGGINGFACE
        else modelscope(url, None, (cache / "ms",))
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def machine(folder: Path, *sites: Site) -> MirroredHub:
    """The hubs of a machine whose own notes lie in `folder`."""
    listings = Listings(folder / "listings")
    return MirroredHub({one.hub: RemoteHub(one, listings) for one in sites})


def source(hub: Hub, **changes: object) -> Source:
    return replace(Source(hub=hub, ref=REPO), **changes)  # type: ignore[arg-type]
