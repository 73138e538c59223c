"""The model itself: texts in, vectors or scores out; one call at a time, in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from xinfer.engines.hosts.embedder.packed import Compute, pack
from xinfer.engines.hosts.embedder.tokens import Tokens

log = logging.getLogger("xinfer.embedder")

_SAMPLE = ("One short text.", "And another, which is a little longer.") * 4


class Model(Protocol):
    """What the queue and the routes need of a model.

    `max_length`: tokens of a text that it reads, 0 when nothing limits them. `tokens` may be used
    from any thread while it computes.
    """

    max_length: int
    tokens: Tokens

    def compute(self, texts: Sequence[Any]) -> Sequence[Any]:
        """Results in the order of `texts`. Raises what the library raises."""
        ...


class Embedder:
    """Vectors (numpy arrays of float32) by sentence-transformers."""

    def __init__(self, path: str, options: Mapping[str, Any]) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(path, **_loading(options))
        _prepare(self._model, options)
        self._normalize = bool(options.get("normalize_embeddings", False))
        name = options.get("prompt_name") or self._model.default_prompt_name
        self._prompt = _prompt(self._model.prompts, name)
        self.max_length = int(self._model.max_seq_length or 0)
        self.dimensions = int(self._model.get_embedding_dimension() or 0)
        self.tokens = Tokens(self._model.tokenizer, self._prompt)
        _pack(self._model, self.compute, _SAMPLE)

    def compute(self, texts: Sequence[Any]) -> Sequence[Any]:
        found: Sequence[Any] = self._model.encode(
            list(texts),
            batch_size=max(1, len(texts)),
            prompt=self._prompt or None,
            normalize_embeddings=self._normalize,
            show_progress_bar=False,
        )
        return found


class Ranker:
    """Scores of pairs of query and document by a cross-encoder."""

    def __init__(self, path: str, options: Mapping[str, Any]) -> None:
        from sentence_transformers import CrossEncoder

        self._model = CrossEncoder(path, **_loading(options))
        _prepare(self._model, options)
        self._activation = _activation(options.get("activation"))
        self.max_length = int(self._model.max_seq_length or 0)
        self.tokens = Tokens(self._model.tokenizer)
        _pack(self._model, self.compute, [(text, text) for text in _SAMPLE])

    def compute(self, texts: Sequence[Any]) -> Sequence[Any]:
        pairs = list(texts)
        scores = self._model.predict(
            pairs,
            batch_size=max(1, len(pairs)),
            activation_fn=self._activation,
            show_progress_bar=False,
        )
        return [float(_last(score)) for score in scores]


def _last(score: Any) -> Any:
    """A model with several labels says its answer in the last; one with one label says a number."""
    return score[-1] if getattr(score, "ndim", 0) else score


def _prompt(prompts: Mapping[str, str], name: str | None) -> str:
    """ValueError when the model has no prompt of that name: the launch is to fail, no request."""
    if name is None:
        return ""
    if name not in prompts:
        known = ", ".join(prompts) or "none"
        raise ValueError(f"The model has no prompt '{name}'; it has: {known}.")
    return prompts[name]


def _activation(name: str | None) -> Any:
    """None leaves it to the library: a sigmoid for one label, if the model says nothing else."""
    import torch

    kinds = {"sigmoid": torch.nn.Sigmoid, "identity": torch.nn.Identity}
    return kinds[name]() if name else None


def _loading(options: Mapping[str, Any]) -> dict[str, Any]:
    given: dict[str, Any] = {
        "device": options.get("device"),
        "local_files_only": True,
        "trust_remote_code": bool(options.get("trust_remote_code", False)),
    }
    if options.get("dtype"):
        given["model_kwargs"] = {"dtype": options["dtype"]}
    return given


def _prepare(model: Any, options: Mapping[str, Any]) -> None:
    import torch

    if options.get("n_threads"):
        torch.set_num_threads(int(options["n_threads"]))
    if options.get("max_length"):
        model.max_seq_length = int(options["max_length"])
    model.eval()


def _pack(model: Any, compute: Compute, sample: Any) -> None:
    """Last of all: what it measures is the model as it will serve."""
    count = pack(model, compute, sample)
    if count:
        log.info("%d linear layers are packed for this processor.", count)
