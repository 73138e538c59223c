"""Which model a person means to talk to, and whether it can do that."""

from __future__ import annotations

from typing import TypeVar

from xinfer.cli.failure import Failure
from xinfer.cli.server import find_model
from xinfer.client import RESTfulClient

T = TypeVar("T")


def pick(client: RESTfulClient, uid: str | None, ability: str) -> str:
    """The uid of a model that chats (`chat`) or continues text (`generate`).

    Raises Failure when the given one is not known, or the choice is not clear.
    """
    if uid is not None:
        find_model(client, uid)
        return uid
    able = {
        name: model
        for name, model in client.list_models().items()
        if ability in (model.get("model_ability") or ())
    }
    ready = sorted(name for name, model in able.items() if model.get("state") == "ready")
    if len(ready) == 1:
        return ready[0]
    if ready:
        raise Failure(
            f"Several models {ability}: {', '.join(ready)}.",
            f"Name one: `xinfer {ability} {ready[0]}`.",
        )
    waiting = f"Not ready yet: {', '.join(able)}; see `xinfer status`." if able else ""
    raise Failure(
        f"No model that {ability}s is ready.", waiting or "Launch one: see `xinfer launch --help`."
    )


def handle(client: RESTfulClient, uid: str, kind: type[T], ability: str) -> T:
    """The handle of a model. Raises Failure for a model that has none of that kind."""
    try:
        found = client.get_model(uid)
    except ValueError as error:
        raise Failure(str(error)) from error
    if not isinstance(found, kind):
        hint = "`xinfer list` shows what the models are for."
        raise Failure(f"'{uid}' does not {ability}.", hint)
    return found
