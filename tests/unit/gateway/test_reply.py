"""Refusals and rankings of engines as clients get them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from xinfer.errors import EngineFailed
from xinfer.gateway.reply import Asked, error_event, shown


def asked(path: str, **fields: Any) -> Asked:
    raw = {key: msgspec.Raw(json.dumps(value).encode()) for key, value in fields.items()}
    return Asked(path=path, engine="some", request_id="r-1", replica_id="some-0", fields=raw)


def answer(of: Asked, status: int, said: Any) -> tuple[int, Any]:
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    shown_status, shown_body = shown(of, status, body)
    return shown_status, json.loads(shown_body)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"Not Found",
        {"detail": "Not Found"},
        {"error": {"message": "File Not Found", "type": "not_found_error", "code": 404}},
    ],
)
@pytest.mark.parametrize("status", [404, 405])
def test_a_path_that_an_engine_does_not_have_is_not_served(said: Any, status: int) -> None:
    status, body = answer(asked("/v1/responses"), status, said)
    assert (status, body["detail"]) == (501, "Engine 'some' does not serve /v1/responses.")
    assert body["error"]["message"] == body["detail"]


def test_what_an_engine_says_is_not_there_stays_so() -> None:
    error = {"error": {"message": "The adapter `x` does not exist", "code": 404}}
    status, body = answer(asked("/v1/chat/completions"), 404, error)
    assert (status, body["detail"]) == (404, "The adapter `x` does not exist")


def test_a_client_of_anthropic_gets_its_envelope() -> None:
    status, body = answer(asked("/v1/messages"), 400, {"error": {"message": "no", "type": "t"}})
    assert (status, body["type"], body["request_id"]) == (400, "error", "r-1")
    assert body["error"] == {"message": "no", "type": "t"}
    event = error_event(asked("/v1/messages"), EngineFailed("It ended."), "engine_error", "x")
    name, _, data = event.partition(b"\ndata: ")
    assert (name, json.loads(data)["error"]["message"]) == (b"event: error", "It ended.")


def test_vectors_say_which_replica_made_them() -> None:
    status, body = answer(asked("/v1/embeddings"), 200, {"object": "list", "data": []})
    assert (status, body) == (200, {"model_replica": "some-0", "object": "list", "data": []})


RANKED = {
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
    "results": [{"index": 1, "relevance_score": 2}, {"index": 0, "relevance_score": 1}],
}


def test_a_ranking_has_every_key() -> None:
    documents = ["a", {"text": "b"}]
    _, plain = answer(asked("/v1/rerank", documents=documents), 200, RANKED)
    assert [each["document"] for each in plain["results"]] == [None, None]
    assert plain["meta"]["tokens"] == {"input_tokens": 7, "output_tokens": 0}
    assert plain["id"]
    shows = asked("/v1/rerank", documents=documents, return_documents=True)
    _, shown_all = answer(shows, 200, RANKED)
    assert [each["document"] for each in shown_all["results"]] == [{"text": "b"}, {"text": "a"}]


@pytest.mark.parametrize("said", [b"[]", b"no json", b'{"results": [{"index": 9}]}', b'{"meta":1}'])
def test_another_reply_to_a_ranking_passes(said: bytes) -> None:
    of = asked("/v1/rerank", documents=["a"], return_documents=True)
    assert shown(of, 200, said) == (200, said)
