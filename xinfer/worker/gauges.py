"""What an engine measures of itself, read from its own metrics page."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from contextlib import closing

_MAX_BYTES = 4 * 1024 * 1024


def measure(address: str, names: Mapping[str, str], timeout_s: float) -> dict[str, float]:
    """The gauges of the engine at `host:port`: our name -> the value of the metric `names` has.

    Empty when the page cannot be read: the engine may be busy, and nothing depends on it.
    """
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout_s)
    with closing(connection):
        try:
            connection.request("GET", "/metrics", headers={"Connection": "close"})
            reply = connection.getresponse()
            page = reply.read(_MAX_BYTES) if reply.status == 200 else b""
        except (OSError, http.client.HTTPException):
            return {}
    return read(page.decode(errors="replace"), names)


def read(page: str, names: Mapping[str, str]) -> dict[str, float]:
    """The same from a page in Prometheus' text format.

    Where a metric has several label sets (one per engine core, say) counts are added up, and of
    shares, whose names end in "usage", the largest counts.
    """
    ours = {theirs: name for name, theirs in names.items()}
    found: dict[str, float] = {}
    for line in page.splitlines():
        metric = line.partition("{")[0].partition(" ")[0]
        name = ours.get(metric)
        if name is None:
            continue
        try:
            value = float(line.rpartition("}")[2].split()[0 if "}" in line else 1])
        except (ValueError, IndexError):
            continue
        known = found.get(name, 0.0)
        found[name] = max(known, value) if name.endswith("usage") else known + value
    return found
