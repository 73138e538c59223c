"""How much per minute and per month: allowances and the bucket that keeps to them. Pure rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

_MINUTE_S = 60.0
_WAIT_MAX_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What a caller may use; None is without limit. Months are those of UTC."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    tokens_per_month: int | None = None

    @property
    def is_unlimited(self) -> bool:
        """Whether nothing has to be counted for it."""
        limits = (self.requests_per_minute, self.tokens_per_minute, self.tokens_per_month)
        return limits == (None, None, None)


class Bucket:
    """Holds a minute's worth and fills evenly, so a pause may be followed by a burst of that size.

    What is taken may leave a debt, for what is only known afterwards; a debt is paid by waiting.
    """

    __slots__ = ("_at_s", "_level", "size")

    def __init__(self, per_minute: float, now_s: float) -> None:
        self.size = max(1.0, per_minute)
        self._level = self.size
        self._at_s = now_s

    def wait_s(self, now_s: float, amount: float = 1.0) -> float:
        """Seconds until `amount` (at most the size) is in it; 0 when it is there."""
        missing = min(amount, self.size) - self._fill(now_s)
        return 0.0 if missing <= 0 else missing * _MINUTE_S / self.size

    def take(self, now_s: float, amount: float = 1.0) -> None:
        """Take it out, down below nothing if need be."""
        self._level = self._fill(now_s) - amount

    def _fill(self, now_s: float) -> float:
        """The level now. A clock that jumps back adds nothing and takes nothing."""
        grown = max(0.0, now_s - self._at_s) * self.size / _MINUTE_S
        self._level = min(self.size, self._level + grown)
        self._at_s = now_s
        # Sums of fractions end just below a whole number.
        return round(self._level, 6)


def day_of(now_s: float) -> str:
    """The day in UTC of a unix time: `2026-11-20`."""
    return datetime.fromtimestamp(now_s, UTC).strftime("%Y-%m-%d")


def month_of(now_s: float) -> str:
    """The month in UTC of a unix time: `2026-11`."""
    return day_of(now_s)[:7]


def next_month_s(now_s: float) -> float:
    """Seconds until the next month begins."""
    now = datetime.fromtimestamp(now_s, UTC)
    year, month = now.year + now.month // 12, now.month % 12 + 1
    return (datetime(year, month, 1, tzinfo=UTC) - now).total_seconds()


def guess_wait_s(failures: int, free: int, last_s: float, now_s: float) -> float:
    """Seconds until another password may be tried after so many wrong ones, the last at `last_s`.

    The first `free` cost nothing; from then on the wait doubles from 1 s up to 5 minutes.
    """
    if failures < free:
        return 0.0
    wait_s = min(_WAIT_MAX_S, 2.0 ** min(failures - free, 16))
    return max(0.0, last_s + wait_s - now_s)
