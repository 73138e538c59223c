"""Names: which are legal, and which known name a person probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from xinfer.errors import Invalid

_UID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,99}\Z")
_LISTED = 20
_REPLICA_SUFFIX = re.compile(r"-rep\d+\Z")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name closest to `word`, ignoring case and `-`/`_`/`.`; None if none is close."""
    by_key = {_fold(name): name for name in known}
    hits = difflib.get_close_matches(_fold(word), by_key, n=1, cutoff=0.6)
    return by_key[hits[0]] if hits else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint sentence: the nearest name, or when nothing is near all of them, if they are few."""
    names = sorted(known)
    hit = nearest(word, names)
    if hit is not None:
        return f"Did you mean '{hit}'?"
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"Known: {', '.join(names[:_LISTED])}{more}." if names else ""


def check_uid(uid: str) -> str:
    """Return `uid` if it can name a model, in a URL, a file name and a log line alike.

    Raises Invalid: 1 to 100 of ASCII letters, digits and `._:@-`, not starting with a mark, and not
    ending in `-rep<digits>`, which is how replicas are named.
    """
    if not _UID.match(uid):
        raise Invalid(
            f"The model uid {uid!r} is not usable.",
            "Use 1 to 100 of a-z, A-Z, 0-9 and . _ : @ -, starting with a letter or digit.",
        )
    if _REPLICA_SUFFIX.search(uid):
        raise Invalid(
            f"The model uid {uid!r} ends like a replica's name.",
            "Choose one that does not end in -rep<number>.",
        )
    return uid


def replica_id(uid: str, index: int) -> str:
    """`<uid>-rep<index>`, the public name of a replica."""
    return f"{uid}-rep{index}"


def _fold(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(".", "")
