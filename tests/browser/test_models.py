"""Launching from the form, watching, a failure and its cause, the end."""

from __future__ import annotations

from tests.browser.conftest import Open
from tests.process.appliance import Appliance, wait_until


def test_a_model_is_launched_from_the_form_and_terminated(
    server: Appliance, open_page: Open
) -> None:
    page = open_page(f"{server.url}/ui#/launch/source")
    page.get_by_label("Engine", exact=True).select_option("echo")
    page.locator("#f-uid").fill("parrot")
    page.get_by_text("Engine options").click()
    page.get_by_label("load_s").fill("0.2")
    page.keyboard.press("Tab")
    same = page.get_by_role("region", name="As YAML")
    same.get_by_text("load_s: 0.2").wait_for()
    page.get_by_role("button", name="CLI").click()
    page.get_by_role("region", name="As CLI").get_by_text("xinfer launch").wait_for()
    page.get_by_role("button", name="Launch parrot").click()
    page.get_by_role("heading", name="parrot").wait_for()
    page.locator(".badge.good").first.wait_for()
    assert server.chat("parrot")[0] == 200
    page.get_by_role("button", name="Terminate").click()
    page.get_by_role("dialog").get_by_role("button", name="Terminate").click()
    page.locator("main h1", has_text="Models").wait_for()
    wait_until("the model is gone", lambda: "parrot" not in server.models())
    page.locator("[data-uid=parrot]").wait_for(state="detached")


def test_a_failed_launch_shows_its_cause(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/launch/source")
    page.get_by_label("Engine", exact=True).select_option("echo")
    page.locator("#f-uid").fill("broken")
    page.get_by_text("Engine options").click()
    page.get_by_label("fail", exact=True).fill("the weights are <b>torn</b>")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Launch broken").click()
    cause = page.get_by_role("region", name="Cause of the failure")
    cause.get_by_text("the weights are <b>torn</b>").first.wait_for(timeout=60_000)
    cause.get_by_role("region", name="The engine's last words").wait_for()
    server.request("DELETE", "/v1/models/broken")


def test_the_form_offers_what_can_run_and_says_why_not(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/launch/LLM/qwen3")
    page.get_by_role("group", name="Engine").get_by_role("button", name="llama.cpp").click()
    quantizations = page.get_by_role("group", name="Quantization")
    quantizations.get_by_role("button", name="Q8_0").first.click()
    page.get_by_role("region", name="As YAML").get_by_text("quantization: Q8_0").wait_for()
    page.get_by_text("free on").wait_for()
    page.get_by_text("Why not another engine?").click()
    page.locator(".why").get_by_text("MLX", exact=True).wait_for()


def test_the_log_is_followed_and_paused(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/models/chat?tab=logs")
    log = page.get_by_role("log", name="Log of chat")
    log.get_by_text("loading model").first.wait_for()
    page.get_by_role("button", name="Pause").click()
    before = log.inner_text()
    assert server.chat("chat", max_tokens=2)[0] == 200
    assert log.inner_text() == before
    page.get_by_role("button", name="Follow").click()
    page.wait_for_function(
        "(length) => document.querySelector('.log').textContent.length > length", arg=len(before)
    )


def test_replicas_are_added_and_taken_away(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/models/vectors")
    page.get_by_role("button", name="One replica more").click()
    page.get_by_role("cell", name="vectors-rep1").wait_for()
    server.wait_ready({"chat": 1, "vectors": 2, "ranks": 1})
    page.get_by_role("button", name="One replica less").click()
    page.get_by_role("cell", name="vectors-rep1").wait_for(state="detached")
    server.wait_ready({"chat": 1, "vectors": 1, "ranks": 1})
