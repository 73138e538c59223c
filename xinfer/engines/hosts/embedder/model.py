"""The model itself: texts in, vectors or scores out; one call at a time, in a thread of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_GROUP = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """One text's result: a vector (numpy array of float32) or a score, and its tokens."""

    value: Any
    tokens: int


class Model(Protocol):
    """What the queue needs of a model."""

    def compute(self, texts: Sequence[Any]) -> list[Computed]:
        """Results in the order of `texts`. Raises what the library raises."""
        ...


class Embedder:
    """Vectors by sentence-transformers."""

    def __init__(self, path: str, options: Mapping[str, Any]) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(path, **_loading(options))
        _prepare(self._model, options)
        self._normalize = bool(options.get("normalize_embeddings", False))
        self._prompt = options.get("prompt_name")
        self.max_length = int(self._model.max_seq_length or 0)
        self.dimensions = int(self._model.get_embedding_dimension() or 0)

    def compute(self, texts: Sequence[Any]) -> list[Computed]:
        vectors = self._model.encode(
            list(texts),
            batch_size=max(1, len(texts)),
            prompt_name=self._prompt,
            normalize_embeddings=self._normalize,
            show_progress_bar=False,
        )
        counts = self.count(texts)
        return [
            Computed(value=vector, tokens=count)
            for vector, count in zip(vectors, counts, strict=True)
        ]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, as far as the model reads it."""
        limit = self.max_length or None
        found = self._model.tokenizer(list(texts), truncation=limit is not None, max_length=limit)
        return [len(each) for each in found["input_ids"]]

    def full_length(self, text: str) -> int:
        """Tokens of a whole text, however long."""
        return len(self._model.tokenizer([text], truncation=False)["input_ids"][0])

    def text(self, tokens: Sequence[int]) -> str:
        """The text of token ids."""
        return str(self._model.tokenizer.decode(list(tokens), skip_special_tokens=True))


class Ranker:
    """Scores of pairs of query and document by a cross-encoder."""

    def __init__(self, path: str, options: Mapping[str, Any]) -> None:
        from sentence_transformers import CrossEncoder

        self._model = CrossEncoder(path, **_loading(options))
        _prepare(self._model, options)

    def compute(self, texts: Sequence[Any]) -> list[Computed]:
        pairs = list(texts)
        scores = self._model.predict(pairs, batch_size=max(1, len(pairs)), show_progress_bar=False)
        encoded = self._model.tokenizer(
            [query for query, _ in pairs],
            [document for _, document in pairs],
            truncation=True,
            max_length=self._model.max_seq_length or None,
        )
        return [
            Computed(value=float(_first(score)), tokens=len(tokens))
            for score, tokens in zip(scores, encoded["input_ids"], strict=True)
        ]


def _first(score: Any) -> Any:
    """A model with several labels says its answer in the last; one with one label says a number."""
    return score[-1] if getattr(score, "ndim", 0) else score


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
