"""One gateway before engines of three tempers."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.process.appliance import Appliance, wait_until

RECIPE = """
defaults: [base]
gateway: {max_body_bytes: 1000000, header_timeout_s: 4}
models:
  parrot: {engine: echo, replicas: 2}
  narrow: {engine: echo, limits: {max_in_flight: 1, max_queue: 1}}
  slow: {engine: echo, engine_kwargs: {load_s: 600}}
"""


@pytest.fixture(scope="package")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Appliance]:
    made = Appliance(tmp_path_factory.mktemp("gateway"), RECIPE)
    try:
        made.start()
        wait_until(
            "parrot and narrow serve, and slow loads",
            lambda: (
                made.models().get("parrot", {}).get("replicas_ready") == 2
                and made.models().get("narrow", {}).get("state") == "ready"
                and made.models().get("slow", {}).get("reason") == "loading"
            ),
        )
        yield made
    finally:
        made.destroy()
