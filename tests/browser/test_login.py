"""Signing in where access control is on, and keys."""

from __future__ import annotations

from tests.browser.conftest import Open, playwright
from tests.process.appliance import Appliance


def test_a_key_opens_the_pages_until_one_signs_out(
    locked: tuple[Appliance, str], open_page: Open
) -> None:
    server, key = locked
    page = open_page(f"{server.url}/ui#/models")
    page.get_by_role("heading", name="Sign in").wait_for()
    assert page.locator(".model").count() == 0
    page.get_by_label("API key", exact=True).fill(key)
    page.keyboard.press("Enter")
    page.locator("[data-uid=echo]").wait_for()
    page.reload()
    page.locator("[data-uid=echo]").wait_for()
    assert key not in page.evaluate("JSON.stringify(localStorage) + document.cookie")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Sign in").wait_for()


def test_a_user_is_set_up_and_a_new_key_is_shown_once(
    locked: tuple[Appliance, str], open_page: Open
) -> None:
    server, key = locked
    page = open_page(f"{server.url}/ui#/access")
    page.get_by_role("button", name="First user").click()
    page.get_by_label("Administrator's key").fill(key)
    page.get_by_label("Name").fill("ann")
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_role("button", name="Make the user and sign in").click()
    page.get_by_role("button", name="New key").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("ci")
    dialog.get_by_role("button", name="Make the key").click()
    made = dialog.locator("[data-secret]").inner_text()
    dialog.get_by_role("button", name="Done").click()
    page.get_by_role("cell", name="ci ann").wait_for()
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.get_by_role("button", name="Turn off ci").click()
    page.get_by_role("button", name="Turn on ci").click()
    page.get_by_role("button", name="Turn off ci").wait_for()
    assert made.startswith("xf-")
    assert made not in page.content()
    status, _ = server.request("GET", "/v1/models", headers={"Authorization": f"Bearer {made}"})
    assert status == 200


def test_a_key_is_offered_what_it_may_do(locked: tuple[Appliance, str], open_page: Open) -> None:
    server, key = locked
    body = {"name": "reader", "scopes": ["models:list", "models:read"]}
    header = {"Authorization": f"Bearer {key}"}
    _, made = server.request("POST", "/v1/admin/keys", body, header)
    page = open_page(f"{server.url}/ui#/models")
    page.get_by_label("API key", exact=True).fill(made["key"])
    page.keyboard.press("Enter")
    model = page.locator("[data-uid=echo]")
    model.get_by_role("link", name="Try").wait_for()
    assert model.get_by_role("button").count() == 0
    page.get_by_text("are not shown: This needs the scope 'monitor:view'").wait_for()
    page.goto(f"{server.url}/ui#/launch/LLM/qwen3")
    page.get_by_text("not launch: that needs the scope models:write").wait_for()
    assert page.get_by_role("button", name="Launch qwen3").is_disabled()
    open_page.expect("403")


def test_a_wrong_key_is_refused(locked: tuple[Appliance, str], open_page: Open) -> None:
    server, _ = locked
    page = open_page(f"{server.url}/ui")
    page.get_by_label("API key", exact=True).fill("xf-wrong")
    page.keyboard.press("Enter")
    # Unlike a wait, this tells what the page shows instead.
    playwright.expect(page.get_by_role("main")).to_contain_text("does not know this key")
    assert page.get_by_role("alert").is_visible()
    # What was typed stays, to be mended.
    assert page.get_by_label("API key", exact=True).input_value() == "xf-wrong"
    # The browser itself writes down that a request was refused.
    open_page.expect("401")
