"""What a query string says."""

from __future__ import annotations

import falcon

from xinfer.errors import Invalid


def flag(req: falcon.Request, name: str, *, default: bool) -> bool:
    """A parameter that is true or false. Raises Invalid for anything else, and for nothing."""
    if req.get_param(name, default="") == "" and name in req.params:
        raise Invalid(f"{name}: it is empty.", "Say true or false.", key=name)
    return bool(req.get_param_as_bool(name, default=default))
