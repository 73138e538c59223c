"""The page of the API, where callers need a key: read, tried out, and without its extra."""

from __future__ import annotations

import json

import falcon
import falcon.testing

from tests.browser.conftest import Open, playwright
from tests.process.appliance import Appliance
from xinfer.api.resources.docs import Docs


def signed_in(locked: tuple[Appliance, str], open_page: Open) -> playwright.Page:
    server, key = locked
    page = open_page(f"{server.url}/ui")
    session = json.dumps({"bearer": key, "refresh": None})
    page.evaluate("(said) => sessionStorage.setItem('xinfer.session', said)", session)
    return page


def test_an_operation_is_tried_out(locked: tuple[Appliance, str], open_page: Open) -> None:
    page = signed_in(locked, open_page)
    page.goto(f"{locked[0].url}/docs")
    page.locator("#operations-tag-models button").first.click()
    page.locator("#operations-models-get_v1_models button").first.click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_role("button", name="Execute").click()
    page.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
    page.emulate_media(color_scheme="dark")
    page.locator("html.dark-mode").wait_for()
    assert '"id": "echo"' in page.locator(".live-responses-table").inner_text()
    page.get_by_role("link", name="xinfer", exact=True).click()
    page.locator("[data-uid=echo]").wait_for()
    page.get_by_role("link", name="API", exact=True).click()
    page.locator("#operations-tag-models").wait_for()


def test_without_its_extra_the_page_lists_what_there_is(
    locked: tuple[Appliance, str], open_page: Open
) -> None:
    app = falcon.App()
    app.add_route("/docs", Docs("a_package_that_is_not_installed"))
    plain = falcon.testing.TestClient(app).simulate_get("/docs")
    page = signed_in(locked, open_page)
    page.route("**/docs", lambda route: route.fulfill(body=plain.text, headers=dict(plain.headers)))
    page.goto(f"{locked[0].url}/docs")
    page.locator("td", has_text="/v1/chat/completions").wait_for()
    assert "pip install 'xinfer[docs]'" in page.locator("main").inner_text()
