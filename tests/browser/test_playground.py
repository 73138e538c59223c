"""A chat that streams, is stopped and said again; embeddings; rerank."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.browser.conftest import Open, playwright
from tests.process.appliance import Appliance


def most_tokens(page: playwright.Page, count: int) -> None:
    page.get_by_label("Max tokens").evaluate(
        "(slider, count) => { slider.value = count; slider.dispatchEvent(new Event('input')); }",
        count,
    )


def test_a_reply_streams_and_is_counted(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=chat")
    most_tokens(page, 16)
    page.get_by_label("Message", exact=True).fill("Say hello.")
    page.keyboard.press("Enter")
    foot = page.locator(".turn.assistant .turn-foot")
    foot.get_by_text(re.compile(r"\d+ in · \d+ out · first token .* tokens/s")).wait_for()
    assert page.locator(".turn.assistant .turn-said").inner_text().strip()
    # So short a reply may be over before one sees that it can be stopped.
    with page.expect_request("**/v1/chat/completions") as again:
        page.get_by_role("button", name="Say it again").click()
    again.value.response()
    page.get_by_role("button", name="Say it again").wait_for()
    assert page.locator(".turn.assistant").count() == 1


def test_a_reply_is_stopped(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=chat")
    # Its most probable story does not end before one can click.
    alter(page, temperature=0)
    story = "Tell me a very long story about a fox, a dog and a bear, with all that they say."
    page.get_by_label("Message", exact=True).fill(story)
    page.get_by_role("button", name="Send").click()
    page.locator(".turn.assistant .turn-said", has_text=re.compile(r"\w+")).wait_for()
    page.get_by_role("button", name="Stop the reply").click()
    page.locator(".turn-foot").get_by_text("stopped").wait_for()
    page.get_by_role("button", name="Send").wait_for()


def test_a_schema_that_is_no_json_is_refused_here(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=chat")
    page.get_by_text("JSON schema", exact=True).click()
    page.get_by_label("The reply follows it").fill("{")
    page.get_by_label("Message", exact=True).fill("hello")
    page.keyboard.press("Enter")
    page.get_by_role("alert").get_by_text("this is no JSON").wait_for()


def test_texts_are_compared_and_ranked(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?way=embeddings")
    page.get_by_role("button", name="Compare").click()
    page.locator(".heat td", has_text="1.00").first.wait_for()
    page.get_by_role("button", name="Rerank").click()
    page.get_by_role("button", name="Rank", exact=True).click()
    page.get_by_role("progressbar").nth(3).wait_for()


def behave(page: playwright.Page, **how: Any) -> None:
    """Have the echo engine misbehave, until this is taken back."""
    alter(page, echo=how)


def alter(page: playwright.Page, **more: Any) -> None:
    """Ask for `more` than the page itself does, until this is taken back."""

    def go_on(route: playwright.Route) -> None:
        body = {**(route.request.post_data_json or {}), **more}
        route.continue_(post_data=json.dumps(body))

    page.route("**/v1/chat/completions", go_on)


def say(page: playwright.Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def test_a_reply_is_stopped_before_its_first_word(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=echo")
    behave(page, delay_s=600)
    say(page, "hello there")
    page.get_by_role("button", name="Stop the reply").click()
    page.locator(".turn-foot").get_by_text("stopped").wait_for()
    page.unroute_all()
    page.get_by_role("button", name="Say it again").click()
    page.locator(".turn.assistant .turn-said", has_text="hello there").wait_for()


def test_a_reply_that_fails_is_asked_for_again(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=echo")
    behave(page, status=429)
    say(page, "hello there")
    alert = page.locator(".turns").get_by_role("alert")
    alert.wait_for()
    page.unroute_all()
    alert.get_by_role("button", name="Try again").click()
    page.locator(".turn.assistant .turn-said", has_text="hello there").wait_for()
    assert page.locator(".turn.user").count() == 1
    open_page.expect("429")


def test_a_tool_is_called_and_its_result_sent(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=echo")
    asked: list[dict[str, Any]] = []

    def call(route: playwright.Route) -> None:
        asked.append(route.request.post_data_json or {})
        if len(asked) > 1:
            return route.continue_()
        calls = [{"index": 0, "id": "c1", "function": {"name": "weather", "arguments": '{"at":'}}]
        more = [{"index": 0, "function": {"arguments": '"Oslo"}'}}]
        pieces = [{"tool_calls": calls}, {"tool_calls": more}]
        lines = [f"data: {json.dumps({'choices': [{'delta': one}]})}" for one in pieces]
        text = "\n\n".join([*lines, "data: [DONE]", ""])
        return route.fulfill(body=text, content_type="text/event-stream")

    page.route("**/v1/chat/completions", call)
    page.get_by_text("Tools", exact=True).click()
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    page.get_by_label("Functions as JSON").fill(json.dumps([tool]))
    say(page, "How is the weather in Oslo?")
    page.get_by_text('weather({"at":"Oslo"})').wait_for()
    page.get_by_label("What weather returns").fill("rain")
    page.get_by_role("button", name="Go on").click()
    page.locator(".turn.assistant .turn-said").last.wait_for()
    assert asked[0]["tools"] == [tool]
    function = {"name": "weather", "arguments": '{"at":"Oslo"}'}
    assert asked[1]["messages"][1:] == [
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [{"id": "c1", "type": "function", "function": function}],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "rain"},
    ]


def test_a_small_model_calls_a_tool_and_answers_with_its_result(
    server: Appliance, open_page: Open
) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=chat")
    page.get_by_text("Tools", exact=True).click()
    parameters = {
        "type": "object",
        "properties": {"city": {"enum": ["Oslo", "Rome"]}},
        "required": ["city"],
        "additionalProperties": False,
    }
    tool = {"type": "function", "function": {"name": "weather", "parameters": parameters}}
    page.get_by_label("Functions as JSON").fill(json.dumps([tool]))
    page.get_by_label("Whether it calls them").select_option("schema")
    say(page, "How is the weather in Oslo?")
    result = page.get_by_label("What weather returns")
    result.wait_for(timeout=120_000)
    called = page.locator(".call").inner_text()
    assert called.splitlines()[0] in {f'weather({{"city":"{city}"}})' for city in ("Oslo", "Rome")}
    asked: list[dict[str, Any]] = []
    page.on("request", lambda request: asked.append(request.post_data_json or {}))
    most_tokens(page, 32)
    result.fill("rain, 7 degrees")
    page.keyboard.press("Enter")
    answer = page.locator(".turn.assistant").nth(1)
    answer.get_by_text(re.compile(r"\d+ out · first token")).wait_for(timeout=120_000)
    answer.get_by_role("button", name="Say it again").wait_for(timeout=120_000)
    assert answer.locator(".turn-said").inner_text().strip()
    (body,) = [each for each in asked if "messages" in each]
    assert "response_format" not in body, "it may answer in words"
    assert body["messages"][-1]["content"] == "rain, 7 degrees"


def test_an_engine_that_passes_over_tool_choice_is_found_out(
    server: Appliance, open_page: Open
) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=echo")
    page.get_by_text("Tools", exact=True).click()
    page.get_by_role("button", name="Example").first.click()
    page.get_by_label("Whether it calls them").select_option("required")
    with page.expect_request("**/v1/chat/completions") as asked:
        say(page, "How is the weather in Oslo?")
    body = asked.value.post_data_json
    assert body["tool_choice"] == "required"
    assert [tool["function"]["name"] for tool in body["tools"]] == ["weather"]
    page.get_by_text("It had to call a function and did not").wait_for()


def test_a_reply_follows_a_schema(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=chat")
    page.get_by_text("JSON schema", exact=True).click()
    schema = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    page.get_by_label("The reply follows it").fill(json.dumps(schema))
    say(page, "How old is the dog?")
    page.get_by_role("button", name="Say it again").wait_for(timeout=120_000)
    assert isinstance(json.loads(page.locator(".turn-said").last.inner_text())["age"], int)
