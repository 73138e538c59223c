"""What the gateway reads of a body, and the little that it may change."""

from __future__ import annotations

import json

import pytest

from xinfer.errors import Invalid
from xinfer.gateway.peek import peek, upstream_body


@pytest.mark.parametrize(
    ("body", "key"),
    [
        (b"", "body"),
        (b"{", "body"),
        (b"[]", "body"),
        (b'"text"', "body"),
        (b"null", "body"),
        (b'{"model": "a"} trailing', "body"),
        (b'{"model": "\xff"}', "model"),
        (b"{}", "model"),
        (b'{"model": ""}', "model"),
        (b'{"model": 7}', "model"),
        (b'{"model": null}', "model"),
        (b'{"model": "%b"}' % (b"x" * 10**7), "model"),
        (b'{"model": "a", "stream": "yes"}', "stream"),
        (b'{"model": "a", "stream_options": []}', "stream_options"),
        (
            b'{"model": "a", "stream_options": {"include_usage": 1}}',
            "stream_options.include_usage",
        ),
        (b'{"model": "a", "x": ' + b"[" * 5000 + b"]" * 5000 + b"}", "body"),
    ],
)
def test_a_body_that_no_engine_should_see_is_refused_with_its_key(body: bytes, key: str) -> None:
    with pytest.raises(Invalid) as caught:
        peek(body)
    assert caught.value.key == key
    assert caught.value.message


def test_brackets_inside_texts_are_no_nesting() -> None:
    text = "[{" * 5000 + '\\"' * 10
    body = json.dumps({"model": "a", "messages": [{"content": text}]}).encode()
    assert peek(body).model == "a"


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        (b'{ "model":"a" ,\n"x": [1.50, "\\u00e4"]} ', b'{"model":"a","x":[1.50, "\\u00e4"]}'),
        (b'{"model":"b","x":1,"model":"a"}', b'{"model":"a","x":1}'),
        (b'{"\\u006dodel":"b","model":"a"}', b'{"model":"a"}'),
        (b'{"model":"a","stream":true,"stream":false}', b'{"model":"a","stream":false}'),
    ],
)
def test_an_engine_reads_what_was_judged_with_values_as_they_came(body: bytes, sent: bytes) -> None:
    peeked = peek(body)
    assert (peeked.model, peeked.stream) == ("a", False)
    assert upstream_body(peeked, None, add_usage=True) == sent


def test_only_the_needed_fields_change() -> None:
    body = b'{"model":"a","stream":true,"seed":1e3,"stream_options":{"x":1}}'
    sent = json.loads(upstream_body(peek(body), "other/name", add_usage=True))
    assert sent == {
        "model": "other/name",
        "stream": True,
        "seed": 1e3,
        "stream_options": {"x": 1, "include_usage": True},
    }
