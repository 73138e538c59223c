"""One thing done in the background, looked at by a loop that must not wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_Result = TypeVar("_Result")


class Task(Generic[_Result]):
    """Starts `work` at once in a thread (a greenlet where gevent is patched in).

    `wake` is called when it has ended; `result()` then returns or raises what `work` did.
    """

    def __init__(self, work: Callable[[], _Result], wake: Callable[[], None], name: str) -> None:
        self._work = work
        self._wake = wake
        self._result: list[_Result] = []
        self._error: BaseException | None = None
        self._done = False
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        try:
            self._result.append(self._work())
        except Exception as error:  # noqa: BLE001 - kept and raised where the result is asked for
            self._error = error
        finally:
            self._done = True
            self._wake()

    @property
    def done(self) -> bool:
        return self._done

    def result(self) -> _Result:
        """Only once `done`."""
        if self._error is not None:
            raise self._error
        return self._result[0]
