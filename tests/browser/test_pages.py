"""Every page, in both themes and at the widths of a phone and a desk."""

from __future__ import annotations

import pytest

from tests.browser.conftest import Open
from tests.process.appliance import Appliance
from xinfer.api.resources.ui import PLACE

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")

PAGES = {
    "models": ".model",
    "models/chat": ".phases",
    "models/chat?tab=logs": ".log",
    "models/chat?tab=events": ".events li",
    "models/chat?tab=details": "td",
    "models/nothing": ".empty",
    "launch": ".family",
    "launch?q=zzzz": ".empty",
    "launch/LLM/qwen3": ".choice",
    "launch/video/CogVideoX-2b": ".note.warn",
    "launch/source": "#f-ref",
    "launch/register": "textarea",
    "playground?model=chat": ".compose",
    "playground?way=embeddings": "form",
    "playground?way=rerank": "form",
    "cluster": ".plot-area",
    "access": ".empty",
    "access?tab=usage": ".segments",
}
LIMIT = 300_000


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_barrier(server: Appliance, open_page: Open, theme: str) -> None:
    page = open_page(f"{server.url}/ui", theme)
    barriers = []
    for path, shown in PAGES.items():
        page.goto(f"{server.url}/ui#/{path}")
        page.locator(f"main {shown}").first.wait_for()
        for rule in axe.Axe().run(page).response["violations"]:
            nodes = [(node["target"], node["failureSummary"]) for node in rule["nodes"]]
            barriers.append((path, rule["id"], nodes))
    assert not barriers


@pytest.mark.parametrize("width", [360, 1600])
def test_no_page_is_wider_than_its_window(server: Appliance, open_page: Open, width: int) -> None:
    page = open_page(f"{server.url}/ui", "light", width)
    for path, shown in PAGES.items():
        page.goto(f"{server.url}/ui#/{path}")
        page.locator(f"main {shown}").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_all_that_is_loaded_is_small_and_from_here(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui")
    asked: set[str] = set()
    page.on("request", lambda request: asked.add(request.url))
    page.reload()
    for path, shown in PAGES.items():
        page.goto(f"{server.url}/ui#/{path}")
        page.locator(f"main {shown}").first.wait_for()
    assert all(url.startswith(server.url) for url in asked)
    files = {url.partition("/ui/")[2] for url in asked if "/ui/" in url}
    assert len(files) > 30
    assert sum((PLACE / name).stat().st_size for name in files) <= LIMIT


def test_the_theme_is_kept(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui", "light")
    background = "getComputedStyle(document.body.parentElement).backgroundColor"
    light = page.evaluate(background)
    page.get_by_role("button", name="Switch to light").click()
    page.get_by_role("button", name="Switch to dark").click()
    assert page.evaluate(background) != light
    page.reload()
    page.get_by_role("button", name="Switch to the system's").wait_for()
    assert page.evaluate(background) != light


def test_the_keyboard_reaches_the_page_and_the_search(server: Appliance, open_page: Open) -> None:
    page = open_page(f"{server.url}/ui#/launch")
    page.locator(".family").first.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'main'")
    page.keyboard.press("/")
    page.keyboard.type("qwen3 reasoning")
    page.locator(".family", has_text="qwen3").first.wait_for()
    page.wait_for_function("document.querySelectorAll('.family').length < 60")
    page.wait_for_url(lambda url: "q=qwen3" in url)


def test_a_page_that_arrived_in_part_says_so(server: Appliance, open_page: Open) -> None:
    page = open_page("about:blank")
    page.route("**/ui/core/live.js", lambda route: route.abort())
    page.goto(f"{server.url}/ui")
    again = page.get_by_role("button", name="Load it again")
    again.wait_for()
    page.unroute("**/ui/core/live.js")
    again.click()
    page.locator(".model").first.wait_for()
    # The browser itself writes down that the file was missing.
    open_page.expect("ERR_FAILED")
