"""Metrics pages of engines as they really look."""

from __future__ import annotations

from xinfer.worker.gauges import read

PAGE = """\
# HELP vllm:num_requests_running Number of requests in model execution batches.
# TYPE vllm:num_requests_running gauge
vllm:num_requests_running{engine="0",model_name="a b}"} 2.0
vllm:num_requests_running{engine="1",model_name="a b}"} 1.0
vllm:num_requests_running_total 99
vllm:kv_cache_usage_perc{engine="0"} 0.25
vllm:kv_cache_usage_perc{engine="1"} 0.5 1700000000
llamacpp:requests_processing 3
broken
llamacpp:requests_deferred nonsense
"""


def test_counts_are_added_and_the_largest_share_counts() -> None:
    names = {
        "running": "vllm:num_requests_running",
        "cache_usage": "vllm:kv_cache_usage_perc",
        "waiting": "llamacpp:requests_deferred",
    }
    assert read(PAGE, names) == {"running": 3.0, "cache_usage": 0.5}
    assert read(PAGE, {"running": "llamacpp:requests_processing"}) == {"running": 3.0}
    assert read("", names) == {}
