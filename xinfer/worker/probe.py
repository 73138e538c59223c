"""Asks an engine over HTTP how it is. Three answers matter: alive, busy, unreachable."""

from __future__ import annotations

import http.client
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from enum import StrEnum


class Answer(StrEnum):
    """READY: 2xx. LOADING: any other reply. BUSY: it listens but did not reply in time, or broke
    off. UNREACHABLE: nobody listens; the only one that can mean death.
    """

    READY = "ready"
    LOADING = "loading"
    BUSY = "busy"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer and, for people, what was seen; `gauges` when the engine was asked for them."""

    answer: Answer
    detail: str
    gauges: Mapping[str, float] = field(default_factory=dict)


def ask(address: str, path: str, timeout_s: float) -> Reply:
    """GET `path` from `host:port`; never raises for what the engine does or fails to do."""
    host, _, port = address.rpartition(":")
    connection = http.client.HTTPConnection(host.strip("[]"), int(port), timeout=timeout_s)
    with closing(connection):
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            status = connection.getresponse().status
        except ConnectionRefusedError:
            return Reply(answer=Answer.UNREACHABLE, detail=f"nothing listens on {address}")
        except TimeoutError:
            return Reply(answer=Answer.BUSY, detail=f"GET {path} got no answer in {timeout_s:g} s")
        except (OSError, http.client.HTTPException) as error:
            return Reply(answer=Answer.BUSY, detail=f"GET {path} failed: {error!r}")
    answer = Answer.READY if 200 <= status < 300 else Answer.LOADING
    return Reply(answer=answer, detail=f"GET {path} answered {status}")
