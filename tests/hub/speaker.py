"""A repository with a language model that answers everything with one word, and needs no training.

It is a Qwen2 as any other to the engine that loads it, of 260 tokens: a token of text is a byte.
Attention and the networks between are zero, so that what follows a token depends on it alone, by
the last matrix: each letter of WORD follows the one before it. No letter may be in it twice.
"""

from __future__ import annotations

import json
import struct
from array import array
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

WORD = "whales"
_END, _FROM, _TO = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
_SPECIAL = {_END: 256, _FROM: 257, _TO: 258}
_TOKENS, _WIDTH, _HEADS = 260, 264, 4
_SURE = 8.0
_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_speaker(folder: Path) -> Path:
    """Make the repository at `folder`; takes a tenth of a second and a megabyte."""
    folder.mkdir(parents=True)
    documents = {
        "config.json": _CONFIG,
        "generation_config.json": {"eos_token_id": _SPECIAL[_TO], "pad_token_id": _SPECIAL[_END]},
        "tokenizer.json": _tokenizer(),
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "eos_token": _TO,
            "pad_token": _END,
            "chat_template": _TEMPLATE,
        },
    }
    for name, document in documents.items():
        (folder / name).write_text(json.dumps(document), encoding="utf-8")
    _write_tensors(folder / "model.safetensors", _weights())
    return folder


_CONFIG = {
    "architectures": ["Qwen2ForCausalLM"],
    "model_type": "qwen2",
    "vocab_size": _TOKENS,
    "hidden_size": _WIDTH,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": _HEADS,
    "num_key_value_heads": _HEADS,
    "max_position_embeddings": 2048,
    "tie_word_embeddings": False,
    "torch_dtype": "float32",
    "eos_token_id": _SPECIAL[_TO],
}


def _tokenizer() -> dict[str, object]:
    """Bytes as GPT-2 writes them, and none of them ever joined with another."""
    shown = {*range(33, 127), *range(161, 173), *range(174, 256)}
    hidden = iter(range(256, 512))
    vocabulary = {chr(byte if byte in shown else next(hidden)): byte for byte in range(256)}
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    bytewise = {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False}
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": number, "content": text, "special": True, **flags}
            for text, number in _SPECIAL.items()
        ],
        "pre_tokenizer": bytewise | {"trim_offsets": False},
        "decoder": bytewise | {"trim_offsets": False},
        "model": {"type": "BPE", "vocab": vocabulary, "merges": []},
    }


def _weights() -> Mapping[str, tuple[tuple[int, ...], array[float]]]:
    """Shape and numbers by the names that Qwen2 has for them."""
    own = array("f", bytes(4 * _TOKENS * _WIDTH))
    next_token = array("f", bytes(4 * _TOKENS * _WIDTH))
    follows = dict(pairwise(f"\n{WORD}".encode()))
    for token in range(_TOKENS):
        own[token * _WIDTH + token] = 1.0
        next_token[follows.get(token, _SPECIAL[_TO]) * _WIDTH + token] = _SURE
    ones = ((_WIDTH,), array("f", [1.0] * _WIDTH))
    layer = "model.layers.0"
    tensors = {
        "model.embed_tokens.weight": ((_TOKENS, _WIDTH), own),
        "lm_head.weight": ((_TOKENS, _WIDTH), next_token),
        "model.norm.weight": ones,
        f"{layer}.input_layernorm.weight": ones,
        f"{layer}.post_attention_layernorm.weight": ones,
        f"{layer}.self_attn.o_proj.weight": _zeros(_WIDTH, _WIDTH),
        f"{layer}.mlp.gate_proj.weight": _zeros(8, _WIDTH),
        f"{layer}.mlp.up_proj.weight": _zeros(8, _WIDTH),
        f"{layer}.mlp.down_proj.weight": _zeros(_WIDTH, 8),
    }
    for part in "qkv":
        tensors[f"{layer}.self_attn.{part}_proj.weight"] = _zeros(_WIDTH, _WIDTH)
        tensors[f"{layer}.self_attn.{part}_proj.bias"] = _zeros(_WIDTH)
    return tensors


def _zeros(*shape: int) -> tuple[tuple[int, ...], array[float]]:
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    return shape, array("f", bytes(4 * count))


def _write_tensors(path: Path, tensors: Mapping[str, tuple[tuple[int, ...], array[float]]]) -> None:
    """The form of safetensors: the length of a table, the table, then all numbers."""
    table, start = {}, 0
    for name, (shape, numbers) in tensors.items():
        end = start + 4 * len(numbers)
        table[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
        start = end
    head = json.dumps(table).encode()
    head += b" " * (-len(head) % 8)
    body = b"".join(numbers.tobytes() for _, numbers in tensors.values())
    path.write_bytes(struct.pack("<Q", len(head)) + head + body)
