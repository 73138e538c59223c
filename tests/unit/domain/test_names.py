"""Names that were meant."""

from __future__ import annotations

from xinfer.domain.names import did_you_mean


def test_the_nearest_name_or_a_list_that_can_be_read() -> None:
    many = [f"model-{number:03}" for number in range(171)]
    assert did_you_mean("Qwen25", ["qwen2.5", "llama-3"]) == "Did you mean 'qwen2.5'?"
    assert did_you_mean("zzz", ["b", "a"]) == "Known: a, b."
    assert did_you_mean("zzz", many).endswith("model-019 and 151 more.")
    assert did_you_mean("zzz", []) == ""
