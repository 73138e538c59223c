"""Replies name the model by its uid, and nothing else in them changes."""

from __future__ import annotations

import json

from xinfer.gateway.naming import Naming


def test_documents_and_events_get_the_uid() -> None:
    content = 'say {"model": "other"} or \\"model\\": \\"x\\"'
    document = {
        "model": 'a "quoted" \\path',
        "choices": [{"message": {"role": "model", "content": content}}],
    }
    renamed = json.loads(Naming("chat")(json.dumps(document).encode()))
    assert renamed == {**document, "model": "chat"}

    events = b'data: {"id":1,"model":"/a/b"}\n\ndata: {"model" : "/a/b","x":2}\n\ndata: [DONE]\n\n'
    assert Naming("ü\\1")(events) == events.replace(
        b'"model":"/a/b"', '"model":"ü\\\\1"'.encode()
    ).replace(b'"model" : "/a/b"', '"model":"ü\\\\1"'.encode())


def test_without_a_uid_nothing_is_touched() -> None:
    reply = b'{"model" : "m"}'
    assert Naming(None)(reply) is reply
