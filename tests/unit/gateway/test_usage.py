"""Token counts without parsing replies, and the usage chunk that nobody asked for."""

from __future__ import annotations

import itertools
import json

from hypothesis import given
from hypothesis import strategies as st

from xinfer.gateway.naming import Naming
from xinfer.gateway.usage import StreamTail, Usage, find_usage

USAGE = {"prompt_tokens": 31, "completion_tokens": 5, "total_tokens": 36}


def event(body: dict[str, object], end: bytes = b"\n\n") -> bytes:
    return b"data: " + json.dumps(body).encode() + end


def chunk(text: str) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}


def test_usage_is_found_wherever_it_stands() -> None:
    first = json.dumps({"usage": USAGE, "data": [0.1] * 100}).encode()
    last = json.dumps({"choices": [], "usage": {**USAGE, "details": {"x": [1, {}]}}}).encode()
    assert find_usage(first) == find_usage(last) == Usage(31, 5)
    assert find_usage(b'{"usage": null}') is None
    assert find_usage(b"{}") is None


@given(st.text(max_size=40))
def test_words_about_usage_in_a_text_are_not_usage(text: str) -> None:
    said = json.dumps({"content": f'"usage": {{"prompt_tokens": 9}} {text}'}).encode()
    assert find_usage(said) is None


texts = st.lists(
    st.one_of(st.text(max_size=12), st.sampled_from(['"usage":{}', "[DONE]", "\n\n", "data: "])),
    max_size=8,
)


@given(texts, st.booleans(), st.sampled_from([b"\n\n", b"\r\n\r\n"]), st.data())
def test_any_cut_of_a_stream_gives_the_same_stream_without_the_usage_chunk(
    words: list[str], keep: bool, end: bytes, data: st.DataObject
) -> None:
    shown = [event(chunk(word), end) for word in words]
    usage = event({"choices": [], "usage": USAGE}, end)
    done = b"data: [DONE]" + end
    whole = b"".join([*shown, usage, done])
    expected = whole if keep else b"".join([*shown, done])
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=12).map(sorted))
    tail = StreamTail(keep=keep, naming=Naming(None))
    edges = [0, *cuts, len(whole)]
    out = [tail.feed(whole[a:b]) for a, b in itertools.pairwise(edges)]
    assert b"".join(out) + tail.finish() == expected
    assert tail.usage == Usage(31, 5)


def test_usage_beside_the_last_content_is_noted_and_stays() -> None:
    both = event({**chunk("end"), "usage": USAGE})
    tail = StreamTail(keep=False, naming=Naming(None))
    assert tail.feed(both) == both
    assert tail.usage == Usage(31, 5)


def test_nothing_complete_is_held_back() -> None:
    tail = StreamTail(keep=False, naming=Naming(None))
    first = event(chunk("a"))
    assert tail.feed(first + b"data: {") == first
    assert tail.feed(b'"x":1}\n') == b""
    assert tail.feed(b"\n") == b'data: {"x":1}\n\n'


def test_a_stream_is_closed_as_clients_expect_it() -> None:
    last = event({**chunk("end"), "usage": USAGE})
    tail = StreamTail(keep=False, naming=Naming(None))
    assert tail.feed(last) + tail.finish() == last + b"data: [DONE]\n\n"
    cut = StreamTail(keep=False, naming=Naming(None))
    assert cut.feed(last[:-1]) + cut.finish() == last + b"data: [DONE]\n\n"
    other = StreamTail(keep=True, naming=Naming(None), close=False)
    assert other.feed(last) + other.finish() == last


def test_tokens_are_counted_in_the_words_of_anthropic_and_of_responses() -> None:
    start = {"usage": {"cache_read_input_tokens": 3, "input_tokens": 14, "output_tokens": 0}}
    stream = event({"type": "message_start", "message": start})
    stream += event({"type": "message_delta", "usage": {"output_tokens": 5}})
    tail = StreamTail(keep=True, naming=Naming(None), close=False)
    assert tail.feed(stream) + tail.finish() == stream
    assert tail.usage == Usage(17, 5)
    whole = {"usage": {"input_tokens": 31, "output_tokens": 2, "total_tokens": 33}}
    assert find_usage(json.dumps(whole).encode()) == Usage(31, 2)
