"""How soon the web UI shows something, and what a page weighs, in a headless Chromium."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

from tests.process.appliance import Appliance

_ROUNDS = 7
_PAGES = {"models": ".model", "launch": ".family", "playground": ".compose", "cluster": ".plot"}
_FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run")
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"
_SENT = """['resource', 'navigation']
  .flatMap((kind) => performance.getEntriesByType(kind))
  .filter((each) => new URL(each.name).pathname.startsWith('/ui'))
  .reduce((sum, each) => sum + each.decodedBodySize, 0)"""


def ui() -> dict[str, Any]:
    """First contentful paint and the content shown, in ms with an empty cache: medians by page.

    `first_paint_ms` is the slowest page's; `kb` what the heaviest page loads of the UI, unpacked.
    """
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        return {"skipped": "no chromium on this machine; Debian's package is called chromium"}
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="xinfer-bench-") as folder:
        one = Appliance(Path(folder), "models: {chat: {engine: echo}}\n").start()
        try:
            one.wait_ready({"chat": 1})
            with sync_playwright() as driver:
                browser = driver.chromium.launch(executable_path=program, args=list(_FLAGS))
                pages = {
                    name: _measure(browser, f"{one.url}/ui#/{name}", shown)
                    for name, shown in _PAGES.items()
                }
                browser.close()
        finally:
            one.destroy()
    return {
        "first_paint_ms": max(page["first_paint_ms"] for page in pages.values()),
        "kb": max(page["kb"] for page in pages.values()),
        "pages": pages,
    }


def _measure(browser: Any, url: str, shown: str) -> dict[str, float]:
    paints, contents, weights = [], [], []
    # The first one fills what the browser itself keeps.
    for _ in range(_ROUNDS + 1):
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        page.locator(f"main {shown}").first.wait_for()
        contents.append(page.evaluate("performance.now()"))
        page.wait_for_function(_PAINT)
        paints.append(page.evaluate(_PAINT))
        weights.append(page.evaluate(_SENT))
        context.close()
    return {
        "first_paint_ms": round(median(paints[1:])),
        "content_ms": round(median(contents[1:])),
        "kb": round(max(weights) / 1000, 1),
    }
