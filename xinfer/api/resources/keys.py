"""`/v1/admin/keys`: API keys."""

from __future__ import annotations

import falcon

from xinfer.api.schemas import body
from xinfer.api.schemas.access import KeyBody, KeyModelsBody, show_key
from xinfer.domain.identity import ApiKey
from xinfer.domain.rate import Allowance
from xinfer.errors import Invalid, NotFound
from xinfer.services.directory import Directory
from xinfer.services.keys import Keys as KeyService


class Keys:
    """All keys, or the caller's own; new ones; one of them."""

    def __init__(self, keys: KeyService, directory: Directory) -> None:
        self._keys = keys
        self._directory = directory

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = [self._show(key) for key in self._keys.list(req.context.principal)]

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, KeyBody, "API key")
        wanted = given.change(Allowance())
        kept, key = self._keys.create(req.context.principal, wanted, given.owner)
        req.context.audit_target = f"{req.path}/{kept.id}"
        resp.status = falcon.HTTP_201
        resp.set_header("Cache-Control", "no-store")
        resp.media = {**self._show(kept), "key": key}

    def on_get_one(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        resp.media = self._show(self._keys.get(req.context.principal, _id(key_id)))

    def on_put_one(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        given = body.read(req, KeyBody, "API key")
        if given.owner is not None:
            raise Invalid("The owner of a key stays.", "Make a new key instead.", key="owner")
        principal, number = req.context.principal, _id(key_id)
        before = self._keys.get(principal, number)
        changed = self._keys.change(principal, number, given.change(before.allowance))
        resp.media = self._show(changed)

    def on_delete_one(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        self._keys.revoke(req.context.principal, _id(key_id))
        resp.media = {"ok": True}

    def on_get_permissions(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        key = self._keys.get(req.context.principal, _id(key_id))
        resp.media = {"model_permissions": self._show(key)["model_permissions"]}

    def on_put_permissions(self, req: falcon.Request, resp: falcon.Response, key_id: str) -> None:
        given = body.read(req, KeyModelsBody, "list of models")
        wanted = KeyBody(model_permissions=given.model_permissions)
        principal, number = req.context.principal, _id(key_id)
        before = self._keys.get(principal, number)
        changed = self._keys.change(principal, number, wanted.change(before.allowance))
        resp.media = {"model_permissions": self._show(changed)["model_permissions"]}

    def on_get_reveal(self, req: falcon.Request, _resp: falcon.Response, key_id: str) -> None:
        self._keys.get(req.context.principal, _id(key_id))
        raise Invalid(
            "A key is shown once, when it is made; only its SHA-256 is kept.",
            "Revoke it and make a new one.",
        )

    def _show(self, key: ApiKey) -> dict[str, object]:
        owners = {user.id: user.username for user in self._directory.users()}
        return show_key(key, owners)


def _id(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise NotFound(f"There is no API key {text!r}.", "Keys are named by their number.")
    return int(text)
