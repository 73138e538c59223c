"""What a recipe says of callers and of TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.config.conftest import Compile, Refuse

AUTH = """
auth:
  mode: on
  cors_origins: [https://chat.example.org]
  model_roots: [models, /srv/models]
gateway:
  tls_cert: tls/cert.pem
  tls_key: /etc/tls/key.pem
  media_hosts: [cdn.example.org]
  media_roots: [pictures]
"""


def test_paths_are_relative_to_the_recipe(compiled: Compile, folder: Path) -> None:
    settings = compiled(AUTH).settings
    assert settings.auth.cors_origins == ("https://chat.example.org",)
    assert settings.auth.model_roots == (str(folder / "models"), "/srv/models")
    gateway = settings.gateway
    assert gateway.media_hosts == ("cdn.example.org",)
    assert gateway.media_roots == (str(folder / "pictures"),)
    assert (gateway.tls_cert, gateway.tls_key) == (str(folder / "tls/cert.pem"), "/etc/tls/key.pem")


def test_a_key_is_not_empty_and_has_no_space_around_it(
    compiled: Compile, refused: Refuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compiled('auth: {keys: ["xf-1\\n", " xf-2"]}').settings.auth.keys == ("xf-1", "xf-2")
    monkeypatch.setenv("XINFER_API_KEY", " ")
    for keys in ('[""]', "[xf-1, '${oc.env:XINFER_API_KEY}']"):
        assert "auth.keys: a key is empty" in str(refused(f"auth: {{keys: {keys}}}"))


def test_a_certificate_needs_its_key_and_the_other_way_round(refused: Refuse) -> None:
    assert "gateway.tls_key is missing" in str(refused("gateway: {tls_cert: cert.pem}"))
    assert "gateway.tls_cert is missing" in str(refused("gateway: {tls_key: key.pem}"))
