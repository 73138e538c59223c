"""Whether callers need a key, and the secrets of a home: whole, random, and the owner's alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from xinfer.domain.cluster import AuthSettings, ClusterSettings, Settings
from xinfer.domain.home import Home
from xinfer.launch.credentials import Credentials, auth_is_on, credentials
from xinfer.launch.preflight import prepare_home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    prepare_home(made)
    return made


def settings(home: Home, mode: str = "auto", host: str = "0.0.0.0", *keys: str) -> Settings:
    return Settings(
        home=home.root,
        cluster=ClusterSettings(host=host),
        auth=AuthSettings(mode=mode, keys=keys),
    )


@pytest.mark.parametrize(
    ("mode", "host", "needed"),
    [
        *(("auto", host, False) for host in ("127.0.0.1", "127.9.9.9", "localhost", "::1")),
        *(("auto", host, True) for host in ("0.0.0.0", "::", "10.0.0.7", "gpu-1", "", "0")),
        ("auto", "localhost.example.org", True),
        ("on", "127.0.0.1", True),
        ("off", "0.0.0.0", False),
    ],
)
def test_a_key_is_needed_as_soon_as_others_can_connect(
    home: Home, mode: str, host: str, needed: bool
) -> None:
    assert auth_is_on(settings(home, mode, host)) is needed


def secrets_of(found: Credentials) -> tuple[str, ...]:
    return found.admin_key, found.token_secret, found.cluster_token


def test_secrets_are_made_once_and_are_the_owners_alone(home: Home) -> None:
    first = credentials(home, settings(home))
    assert all(len(secret) >= 51 for secret in secrets_of(first))
    assert len(set(secrets_of(first))) == 3
    places = (home.admin_key, home.token_secret, home.cluster_token)
    for place in places:
        assert place.stat().st_mode & 0o777 == 0o600
        place.chmod(0o644)
    prepare_home(home)
    again = credentials(home, settings(home))
    assert secrets_of(again) == secrets_of(first)
    assert {place.stat().st_mode & 0o777 for place in places} == {0o600}
    assert not any(secret in repr(again) for secret in secrets_of(again))
    assert sorted(home.run.iterdir()) == sorted(places), "nothing is left beside them"


def test_an_empty_file_is_no_secret(home: Home) -> None:
    places = (home.admin_key, home.token_secret, home.cluster_token)
    for place in places:
        place.write_text("\n")
    prepare_home(home)
    assert all(len(secret) >= 51 for secret in secrets_of(credentials(home, settings(home))))


def test_keys_of_the_recipe_take_the_place_of_one_of_our_own(home: Home) -> None:
    found = credentials(home, settings(home, "on", "127.0.0.1", "xf-of-the-recipe"))
    assert (found.admin_key, found.keys) == ("", ("xf-of-the-recipe",))
    assert not home.admin_key.exists()
    assert credentials(home, settings(home, "off")).admin_key == ""
