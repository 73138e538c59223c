"""The queue of the embedder: who is computed with whom, who is spared, who is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gevent
import pytest

from xinfer.engines.hosts.embedder import metrics
from xinfer.engines.hosts.embedder.batch import Limits
from xinfer.engines.hosts.embedder.pool import Pool

PATIENCE_S = 60


class Shouting:
    """A model that breaks on a text "bad", and remembers what it was given together."""

    max_length = 0
    tokens: Any = None

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def compute(self, texts: Sequence[str]) -> list[str]:
        self.calls.append(list(texts))
        if "bad" in texts:
            raise ValueError("bad text")
        return [text.upper() for text in texts]


@pytest.fixture
def model() -> Shouting:
    return Shouting()


@pytest.fixture
def pool(model: Shouting) -> Pool:
    """Not running yet: what is submitted before waits together."""
    return Pool(model, Limits(texts=8, weight=1000))


def submit(pool: Pool, *texts: str) -> Any:
    return pool.submit(texts, [len(text) for text in texts])


def results(request: Any) -> list[str]:
    return [each.result.get(timeout=PATIENCE_S) for each in request.texts]


def test_requests_are_computed_together_and_answered_apart(pool: Pool, model: Shouting) -> None:
    first, second = submit(pool, "a", "long one"), submit(pool, "bb")
    running = gevent.spawn(pool.run)
    assert results(first) == ["A", "LONG ONE"]
    assert results(second) == ["BB"]
    assert model.calls == [["long one", "bb", "a"]]
    running.kill()


def test_a_bad_text_spoils_only_its_own_request(pool: Pool) -> None:
    good, bad, other = submit(pool, "a", "b"), submit(pool, "bad"), submit(pool, "c")
    running = gevent.spawn(pool.run)
    with pytest.raises(ValueError, match="bad text"):
        results(bad)
    assert (results(good), results(other)) == (["A", "B"], ["C"])
    running.kill()


def test_what_nobody_waits_for_is_not_computed(pool: Pool, model: Shouting) -> None:
    left, stayed = submit(pool, *["gone"] * 20), submit(pool, "here")
    pool.leave(left)
    assert pool.waiting == 1
    running = gevent.spawn(pool.run)
    assert results(stayed) == ["HERE"]
    assert model.calls == [["here"]]
    running.kill()


def test_the_page_of_metrics_counts_requests_and_batches(pool: Pool) -> None:
    one, other = submit(pool, "a", "b"), submit(pool, "c")
    assert "embedder_requests_waiting 2\nembedder_texts_running 0" in metrics.page(pool)
    running = gevent.spawn(pool.run)
    results(one), results(other)
    pool.leave(one)
    pool.leave(other)
    gevent.sleep(0)
    page = metrics.page(pool).splitlines()
    assert "embedder_requests_running 0" in page
    assert 'embedder_batch_texts_bucket{le="2"} 0' in page
    assert 'embedder_batch_texts_bucket{le="4"} 1' in page
    assert "embedder_batch_texts_sum 3" in page
    running.kill()
