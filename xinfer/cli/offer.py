"""What engines offer to run of a family, and which of them is taken when nobody names one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from xinfer.catalog.match import plain_format, plain_size
from xinfer.cli.failure import Failure
from xinfer.cli.output import size
from xinfer.client import RESTfulClient
from xinfer.client import catalog as calls
from xinfer.client.cluster import get_device_count
from xinfer.domain.names import did_you_mean

_WITH_ACCELERATORS = ("vLLM", "SGLang", "MLX", "llama.cpp", "Transformers")
_WITHOUT = ("llama.cpp", "Transformers", "MLX", "vLLM", "SGLang")
_TYPES = ("LLM", "embedding", "rerank", "image", "audio", "video")
_WISHES = ("model_format", "model_size_in_billions", "quantization")

Offer = Sequence[Mapping[str, Any]] | str
"""The variants that an engine can run, or why it can run none."""


def offers_of(client: RESTfulClient, name: str, kind: str) -> Mapping[str, Offer]:
    """By engine. Raises Failure with the nearest name for one that the catalog does not have."""
    found = client.run(calls.query_engine_by_model_name(name, kind))
    if found is None:
        raise Failure(f"The catalog has no {kind} model '{name}'.", _nearest(client, name, kind))
    return found


def _nearest(client: RESTfulClient, name: str, kind: str) -> str:
    """Where the very name is, under another type, else the nearest one of this type."""
    known = {
        each: [str(one["model_name"]) for one in client.run(calls.list_model_registrations(each))]
        for each in _TYPES
    }
    for other, names in known.items():
        if name in names:
            return f"It has one of type {other}: ask for that by `-t {other}`."
    return did_you_mean(name, known[kind])


def rows(name: str, offer: Offer, asked: Mapping[str, str | None]) -> Iterator[dict[str, Any]]:
    """One for each quantization of an engine's offer that is asked for; what is None is not."""
    for entry in () if isinstance(offer, str) else offer:
        if not _is_asked(entry, asked):
            continue
        for quantization in entry["quantizations"]:
            wanted = asked["quantization"]
            if wanted and wanted.lower() != quantization.lower():
                continue
            memory = entry.get("memory_bytes", {}).get(quantization)
            yield {
                "model_name": entry["model_name"],
                "model_engine": name,
                "model_format": entry["model_format"],
                "model_size_in_billions": entry.get("model_size_in_billions"),
                "quantization": quantization,
                "memory": size(memory) if memory else None,
                "note": entry.get("too_large", {}).get(quantization, ""),
            }


def near(offers: Mapping[str, Offer], asked: Mapping[str, str | None]) -> str:
    """What is offered in place of the first wish that nothing fulfils; empty if nothing is."""
    free: dict[str, str | None] = dict.fromkeys(_WISHES)
    before = [row for name, offer in offers.items() for row in rows(name, offer, free)]
    for wish in _WISHES:
        free[wish] = asked[wish]
        left = [row for name, offer in offers.items() for row in rows(name, offer, free)]
        if before and not left:
            there = dict.fromkeys(str(row[wish]) for row in before)
            return f"Of {wish} there is {', '.join(there)}."
        before = left
    return ""


def pick_engine(client: RESTfulClient, name: str, kind: str, wish: Mapping[str, Any]) -> str:
    """The engine that suits the cluster best of those that can run what is wished.

    Raises Failure when none can, or the catalog does not have the name.
    """
    offers = offers_of(client, name, kind)
    asked = {key: wish.get(key) for key in _WISHES}
    able = [each for each, offer in offers.items() if any(rows(each, offer, asked))]
    if not able:
        hint = f"`xinfer engine -n {name}` shows what can run, and why the rest cannot."
        raise Failure(f"No engine here can run '{name}' as it is asked for.", hint)
    order = _WITH_ACCELERATORS if client.run(get_device_count()) else _WITHOUT
    return min(able, key=lambda each: order.index(each) if each in order else len(order))


def _is_asked(entry: Mapping[str, Any], asked: Mapping[str, str | None]) -> bool:
    form, amount = asked["model_format"], asked["model_size_in_billions"]
    same_format = not form or plain_format(form) == plain_format(str(entry["model_format"]))
    known = str(entry.get("model_size_in_billions", ""))
    return same_format and (not amount or plain_size(amount) == plain_size(known))
