"""How many tokens texts have: what batches weigh, what usage says, what is too long."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any


class Tokens:
    """Counts by a copy of the model's tokenizer.

    A tokenizer must not be used while another thread changes its settings, which the library does
    on every batch; nobody changes those of the copy. `prompt` goes before every text.
    """

    def __init__(self, tokenizer: Any, prompt: str = "") -> None:
        self._slow = copy.deepcopy(tokenizer)
        self._fast = getattr(self._slow, "backend_tokenizer", None)
        if self._fast is not None:
            self._fast.no_truncation()
            self._fast.no_padding()
        self._prompt = prompt
        self._vocabulary = len(self._slow)

    def count(self, texts: Sequence[Any]) -> list[int]:
        """Tokens of each whole text, or pair of texts, however long."""
        if self._prompt:
            texts = [self._prompt + text for text in texts]
        if self._fast is not None:
            return [len(each.ids) for each in self._fast.encode_batch(list(texts))]
        return [len(ids) for ids in self._slow(list(texts), truncation=False)["input_ids"]]

    def text(self, ids: Sequence[int]) -> str:
        """The text of token ids. ValueError for an id that the model does not have."""
        self._check(ids)
        return str(self._slow.decode(list(ids), skip_special_tokens=True))

    def spelled(self, ids: Sequence[int]) -> list[str]:
        """Each token as the vocabulary spells it. ValueError as of `text`."""
        self._check(ids)
        return [str(each) for each in self._slow.convert_ids_to_tokens(list(ids))]

    def _check(self, ids: Sequence[int]) -> None:
        wrong = next((each for each in ids if not 0 <= each < self._vocabulary), None)
        if wrong is not None:
            raise ValueError(f"there is no token {wrong}, only 0 to {self._vocabulary - 1}")
