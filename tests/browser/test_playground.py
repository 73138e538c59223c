"""A chat that streams, is stopped and said again; embeddings; rerank."""

from __future__ import annotations

import re

from tests.browser.conftest import Open
from tests.process.appliance import Appliance


def test_a_reply_streams_and_is_counted(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=chat")
    page.get_by_label("Max tokens").evaluate(
        "(slider) => { slider.value = 16; slider.dispatchEvent(new Event('input')); }"
    )
    page.get_by_label("Message", exact=True).fill("Say hello.")
    page.keyboard.press("Enter")
    foot = page.locator(".turn.assistant .turn-foot")
    foot.get_by_text(re.compile(r"\d+ in · \d+ out · first token .* tokens/s")).wait_for(
        timeout=60_000
    )
    assert page.locator(".turn.assistant .turn-said").inner_text().strip()
    page.get_by_role("button", name="Say it again").click()
    page.get_by_role("button", name="Stop the reply").wait_for()
    page.get_by_role("button", name="Say it again").wait_for(timeout=60_000)
    assert page.locator(".turn.assistant").count() == 1


def test_a_reply_is_stopped(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=chat")
    story = "Tell me a very long story about a fox, a dog and a bear, with all that they say."
    page.get_by_label("Message", exact=True).fill(story)
    page.get_by_role("button", name="Send").click()
    page.locator(".turn.assistant .turn-said", has_text=re.compile(r"\w+")).wait_for(timeout=60_000)
    page.get_by_role("button", name="Stop the reply").click()
    page.locator(".turn-foot").get_by_text("stopped").wait_for()
    page.get_by_role("button", name="Send").wait_for()


def test_a_schema_that_is_no_json_is_refused_here(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/playground?model=chat")
    page.get_by_text("JSON schema").click()
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
