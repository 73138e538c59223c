"""The pages: whole, typed, cacheable, strict, and no way into the disk."""

from __future__ import annotations

import gzip
import re

import falcon.testing
import pytest

from xinfer.api.resources.ui import PLACE

Client = falcon.testing.TestClient

FILES = sorted(path.relative_to(PLACE).as_posix() for path in PLACE.rglob("*") if path.is_file())
LIMIT = 300_000
NO_LINKS = {"http://www.w3.org/2000/svg", "http://127.0.0.1:9997"}
"""The name of a language, and the default of the commands that the form shows."""


def anonymous(api: Client, path: str, **headers: str) -> falcon.testing.Result:
    return api.simulate_get(path, headers={"Authorization": "", **headers})


def test_the_root_leads_to_the_page_without_a_key(api: Client) -> None:
    reply = anonymous(api, "/")
    assert (reply.status_code, reply.headers["location"]) == (302, "/ui")
    page = anonymous(api, "/ui")
    assert page.status_code == 200
    assert "<script" in page.text
    assert anonymous(api, "/ui/").text == page.text


@pytest.mark.parametrize("name", FILES)
def test_every_file_is_served_as_what_it_is(api: Client, name: str) -> None:
    reply = anonymous(api, f"/ui/{name}")
    assert reply.content == (PLACE / name).read_bytes()
    kind = {"js": "text/javascript", "css": "text/css", "html": "text/html", "svg": "image/svg+xml"}
    assert reply.headers["content-type"].partition(";")[0] == kind[name.rpartition(".")[2]]
    assert "default-src 'self'" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_what_a_browser_has_is_not_sent_again(api: Client) -> None:
    first = anonymous(api, "/ui", **{"Accept-Encoding": "gzip, br"})
    assert gzip.decompress(first.content) == (PLACE / "index.html").read_bytes()
    again = anonymous(api, "/ui", **{"If-None-Match": f"W/{first.headers['etag']}"})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    ["/ui/../api/scopes.py", "/ui/..%2fapi/scopes.py", "/ui//etc/passwd", "/ui/no.js", "/ui/style"],
)
def test_nothing_else_is_served(api: Client, path: str) -> None:
    assert anonymous(api, path).status_code in (401, 404)


def test_no_page_has_inline_code_or_reaches_elsewhere() -> None:
    for name in FILES:
        text = (PLACE / name).read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=\"|\son\w+=\"|<style|innerHTML|outerHTML|\beval\(", text), (
            name
        )
        links = set(re.findall(r"https?://[^\s\"'`)<]+", text))
        assert links <= NO_LINKS, f"{name}: {links}"


def test_all_of_it_is_small() -> None:
    sizes = {name: (PLACE / name).stat().st_size for name in FILES}
    assert sum(sizes.values()) <= LIMIT, sizes
