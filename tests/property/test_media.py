"""What stands in the place of an image is content, or is allowed; else no engine sees it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xinfer.errors import Invalid
from xinfer.gateway.media import Media

PIXELS = base64.b64encode(bytes(range(90))).decode()
INLINE = (f"data:image/png;base64,{PIXELS}", "data:,x", PIXELS, "/9j/" + PIXELS * 40)
FOREIGN = (
    *("/etc/passwd", "etc/passwd", "~/.ssh/id_rsa", "../key", "key.pem", "secret", "\\\\host\\x"),
    *("file:///etc/passwd", "FILE:///etc/passwd", "file:/etc/passwd", "file://localhost/etc/x"),
    *("http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/"),
    *("http://0177.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://0/"),
    *("http://localhost:9997/v1/models", "http://169.254.169.254/latest", "http://10.0.0.7/x"),
    *("http://intranet/", "http://x.internal/", "http://x.local/", "http://127.0.0.1.:80/"),
    *("http://good.org@127.0.0.1/", "http://good.org/@127.0.0.1/", "http://good.org\\@127.0.0.1/"),
    *("http://good.org#@127.0.0.1/", "http://good.org?.bad.org/", "http://good.org:22/"),
    *("http://good.org.bad.org:8080/", "http://good.org%2f@bad.org/", "//good.org/x"),
    *(" http://good.org/", "http://good.org/\n", "http:/good.org/", "http://ⓖood.org/"),
    *("http://127.0.0.1.nip.io/", "data:/../../etc/passwd", "data:image/png;base64,/../x"),
    *("ftp://good.org/", "gopher://good.org/", "jar:http://good.org/", "DATA:,x", " data:,x", ""),
    *("/" + "a" * 64, "./" + "a" * 64, "a" * 63),
)
PARTS: tuple[Any, ...] = (
    lambda it: {"type": "image_url", "image_url": {"url": it, "detail": "low"}},
    lambda it: {"type": "image_url", "image_url": it},
    lambda it: {"image_url": it},
    lambda it: {"type": "image", "image": it},
    lambda it: {"type": "image", "url": it},
    lambda it: {"type": "video", "video": [it]},
    lambda it: {"type": "video_url", "video_url": {"url": it}},
    lambda it: {"type": "input_audio", "input_audio": {"data": it, "format": "wav"}},
    lambda it: {"type": "audio_url", "audio_url": {"url": it}},
    lambda it: {"type": "file", "file": {"filename": "a.pdf", "file_data": it}},
    lambda it: {"type": "input_file", "file_url": it},
    lambda it: {"type": "image", "source": {"type": "url", "url": it}},
    lambda it: {"type": "image_url", "image_url": {"type": "text", "url": it}},
    lambda it: {"type": "document", "source": {"type": "url", "url": it}},
    lambda it: {"text": "what is it?", "image": it},
)
WHOLES: tuple[Any, ...] = (
    lambda part: {"model": "m", "messages": [{"role": "user", "content": [part]}]},
    lambda part: {"model": "m", "input": [part]},
    lambda part: {"model": "m", "query": part, "documents": ["x", {"content": [part]}]},
)


def test_a_refusal_names_the_place() -> None:
    with pytest.raises(Invalid, match=r"'/etc/passwd'.*gateway\.media_hosts") as caught:
        Media().check(json.dumps(WHOLES[0](PARTS[0]("/etc/passwd"))).encode())
    assert caught.value.key == "messages[0].content[0].image_url.url"


def refuses(rule: Media, body: str) -> bool:
    try:
        rule.check(body.encode())
    except Invalid:
        return True
    return False


@pytest.mark.parametrize("whole", WHOLES)
@pytest.mark.parametrize("part", PARTS)
def test_content_passes_and_all_else_does_not(part: Any, whole: Any) -> None:
    for reference in INLINE:
        assert not refuses(Media(), json.dumps(whole(part(reference)))), reference
    for reference in FOREIGN:
        for rule in (Media(), Media(["good.org", "*"]), Media(roots=["/srv"])):
            assert refuses(rule, json.dumps(whole(part(reference)))), reference


@given(st.text())
@example("data:")
def test_whatever_it_is_it_is_content_or_refused(reference: str) -> None:
    """Without settings nothing passes that a reader could take for a file or an address."""
    if Media().allows(reference):
        is_path = reference.startswith("/") and len(reference) <= 4096
        assert reference.startswith("data:") or not (is_path or set(reference) & set(":.~\\% "))


@given(st.sampled_from(["good.org", "1.2.3.4", "::1", "h:8080"]), st.text(min_size=1, max_size=20))
def test_a_host_that_is_listed_stays_the_host(host: str, after: str) -> None:
    """What follows the host does not change where it leads."""
    written = f"[{host}]" if host == "::1" else host
    rule = Media([host])
    assert rule.allows(f"https://{written}/x.png")
    if rule.allows(f"http://{written}{after}"):
        assert after[0] in "/." or after.startswith((":80", ":080"))
        assert not set(after) & set("@\\ \n")


def test_files_below_a_root_only() -> None:
    rule = Media(roots=["/srv/pictures"])
    for inside in ("a.png", "b/c%20d.png"):
        assert rule.allows(f"file:///srv/pictures/{inside}")
    for outside in ("../x", "%2e%2e/x", "%252e%252e/x", "a/../../x", "%00", "a?x", "a#x"):
        assert not rule.allows(f"file:///srv/pictures/{outside}")
    assert not rule.allows("file:///srv/pictures-of-others/a.png")
    assert not rule.allows("/srv/pictures/a.png")


def test_what_an_engine_would_load_is_nobodys_to_name() -> None:
    for key in ("adapters", "draft_model"):
        assert refuses(Media(), json.dumps({"model": "m", "messages": [], key: "/etc"}))
        assert refuses(Media(), json.dumps({"model": "m", key: ["org/repo"]}))
        assert not refuses(Media(), json.dumps({"model": "m", key: None}))
        assert not refuses(Media(), json.dumps({"model": "m", "metadata": {key: "/etc"}}))


def test_of_two_equal_keys_both_count_and_escapes_hide_nothing() -> None:
    bad, good = '{"url": "/etc/passwd"}', f'{{"url": "{INLINE[0]}"}}'
    for one, two in ((bad, good), (good, bad)):
        text = f'{{"messages": [{{"content": [{{"image_url": {one}, "image_url": {two}}}]}}]}}'
        assert refuses(Media(), text)
        assert refuses(Media(), text.replace("image", "\\u0069mage"))
    assert not refuses(Media(), f'{{"messages": [{{"content": [{{"image_url": {good}}}]}}]}}')


def test_words_about_media_are_no_media() -> None:
    schema = {"properties": {"image_url": {"type": "string", "default": "/a.png"}}}
    text = {"type": "text", "media_type": "text/plain", "data": "look at /etc/passwd"}
    call = {"function": {"name": "f", "arguments": {"image_url": "http://x/"}}}
    said = {
        "model": "m",
        "tools": [{"type": "function", "function": {"name": "f", "parameters": schema}}],
        "messages": [
            {"role": "user", "content": 'look at "image_url": "/etc/passwd", http://localhost'},
            {"role": "user", "content": [{"type": "text", "text": '"file" /etc/passwd'}]},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "assistant", "audio": {"id": "audio_1", "transcript": "/etc/passwd"}},
            {"content": [{"type": "tool_use", "name": "f", "input": {"image_url": "http://x/"}}]},
            {"content": [{"type": "document", "source": text, "title": "file:///x"}]},
        ],
        "audio": {"voice": "alloy", "format": "mp3"},
        "documents": [{"text": "a", "url": "http://localhost/", "image_caption": "a cat"}],
        "media_io_kwargs": {"video": {"num_frames": 4}},
    }
    assert not refuses(Media(), json.dumps(said))
