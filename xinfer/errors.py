"""Every failure that a person can be shown, as one tree.

    XinferError                 message + hint: what happened, to what, and what to do next
    ├── Invalid                 wrong request or recipe; names the key and the nearest right name
    ├── NotFound                no such model, engine, node …
    ├── Conflict                the world moved on, or the name is taken
    ├── NotReady                right request, too early; carries retry_after_s
    ├── NoCapacity              it can never fit as asked; names the shortage
    ├── Cancelled               somebody ended it on purpose while it was waited for
    ├── Limited                 a queue or a rate is full; carries retry_after_s
    ├── LaunchFailed            a replica did not become ready; carries phase, cause and log tail
    ├── Unsupported             right request, but nothing here can do it
    ├── EngineFailed            a ready engine broke while it served
    ├── Unauthorized            no valid credential
    ├── Forbidden               a valid credential without the right
    └── StoreFailed             state not readable or writable (disk full, read-only, corrupt)

HTTP status codes are not decided here but in `api/errors.py`, exit codes in `cli`.
"""

from __future__ import annotations


class XinferError(Exception):
    """Base of all expected failures.

    `message` says what happened and to what; `hint` says what to do next (may be empty).
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class Invalid(XinferError):
    """The input is wrong. `key` is the full dotted key where one is known."""

    def __init__(self, message: str, hint: str = "", *, key: str = "") -> None:
        super().__init__(message, hint)
        self.key = key


class NotFound(XinferError):
    """The named thing does not exist."""


class Conflict(XinferError):
    """The stored revision is not the expected one, or a name is already taken."""


class Cancelled(XinferError):
    """Somebody ended on purpose what this was waiting for."""


class NotReady(XinferError):
    """The thing exists but cannot serve yet; try again after `retry_after_s` seconds."""

    def __init__(self, message: str, hint: str = "", *, retry_after_s: float = 1.0) -> None:
        super().__init__(message, hint)
        self.retry_after_s = retry_after_s


class NoCapacity(XinferError):
    """No node can take the model as asked; the message names the shortage."""


class Limited(XinferError):
    """A bounded queue or a rate limit is full; try again after `retry_after_s` seconds."""

    def __init__(self, message: str, hint: str = "", *, retry_after_s: float = 1.0) -> None:
        super().__init__(message, hint)
        self.retry_after_s = retry_after_s


class LaunchFailed(XinferError):
    """A replica did not become ready.

    `phase` is the launch phase that broke, `cause` one line (the engine's own last exception, exit
    code, signal or out-of-memory verdict), `tail` the last lines of the engine's log. `definite`:
    the same try must fail the same way until somebody changes something.
    """

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        phase: str,
        cause: str,
        tail: tuple[str, ...] = (),
        definite: bool = False,
    ) -> None:
        super().__init__(message, hint)
        self.phase = phase
        self.cause = cause
        self.tail = tail
        self.definite = definite


class EngineFailed(XinferError):
    """A ready engine closed, reset or garbled its reply to a request."""


class Unsupported(XinferError):
    """No engine, or nothing else here, does this."""


class Unauthorized(XinferError):
    """No credential, or one that is not valid."""


class Forbidden(XinferError):
    """The credential is valid but does not grant this."""


class StoreFailed(XinferError):
    """The state store could not be read or written; what was stored before is intact."""
