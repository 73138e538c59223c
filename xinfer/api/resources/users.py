"""`/v1/admin/users`: people with passwords."""

from __future__ import annotations

import falcon

from xinfer.api.schemas import body
from xinfer.api.schemas.access import (
    NewUserBody,
    PasswordBody,
    ScopesBody,
    UserBody,
    show_user,
)
from xinfer.errors import NotFound
from xinfer.services.users import PasswordChange, UserChange
from xinfer.services.users import Users as UserService


class Users:
    """Everybody, new ones, one of them."""

    def __init__(self, users: UserService) -> None:
        self._users = users

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = [show_user(user) for user in self._users.list()]

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, NewUserBody, "user")
        user = self._users.create(
            req.context.principal, given.username, given.password, given.permissions
        )
        req.context.audit_target = f"{req.path}/{user.id}"
        resp.status = falcon.HTTP_201
        resp.media = show_user(user)

    def on_get_one(self, _req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        resp.media = show_user(self._users.get(_id(user_id)))

    def on_put_one(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        given = body.read(req, UserBody, "user")
        wanted = UserChange(
            username=given.username,
            scopes=None if given.permissions is None else tuple(given.permissions),
            enabled=given.enabled,
        )
        resp.media = show_user(self._users.change(req.context.principal, _id(user_id), wanted))

    def on_delete_one(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        self._users.remove(req.context.principal, _id(user_id))
        resp.media = {"ok": True}

    def on_put_password(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        given = body.read(req, PasswordBody, "password")
        wanted = PasswordChange(
            new=given.password, old=given.old_password, address=req.remote_addr or ""
        )
        self._users.set_password(req.context.principal, _id(user_id), wanted)
        resp.media = {"ok": True}

    def on_get_permissions(self, _req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        resp.media = {"permissions": sorted(self._users.get(_id(user_id)).scopes)}

    def on_put_permissions(self, req: falcon.Request, resp: falcon.Response, user_id: str) -> None:
        given = body.read(req, ScopesBody, "list of permissions")
        wanted = UserChange(scopes=tuple(given.permissions))
        after = self._users.change(req.context.principal, _id(user_id), wanted)
        resp.media = {"permissions": sorted(after.scopes)}


def _id(text: str) -> int:
    if not text.isdecimal() or len(text) > 9:
        raise NotFound(f"There is no user {text!r}.", "Users are named by their number here.")
    return int(text)
