"""Logging in and out, and the first user of an installation."""

from __future__ import annotations

import falcon

from xinfer.api.schemas import body
from xinfer.api.schemas.access import LoginBody, RefreshBody, SetupBody
from xinfer.domain.identity import Principal
from xinfer.services.password import MIN_LENGTH
from xinfer.services.sessions import Session, Sessions
from xinfer.services.users import Users

_MAX_BYTES = 16_384
"""Of those who have not logged in yet no more is kept in memory."""


class Token:
    """`/token`, `/v1/auth/refresh`, `/v1/auth/logout`, `/v1/auth/me`."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, LoginBody, "login", _MAX_BYTES)
        session = self._sessions.login(given.username, given.password, req.remote_addr or "")
        _render(resp, session)

    def on_post_refresh(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, RefreshBody, "refresh token", _MAX_BYTES)
        _render(resp, self._sessions.refresh(given.refresh_token))

    def on_post_logout(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, RefreshBody, "refresh token", _MAX_BYTES)
        self._sessions.logout(given.refresh_token)
        resp.media = {"ok": True}

    def on_get_me(self, req: falcon.Request, resp: falcon.Response) -> None:
        principal: Principal = req.context.principal
        resp.media = {
            "id": principal.user_id if principal.id.startswith("user:") else principal.id,
            "username": principal.name,
            "source": principal.id.partition(":")[0],
            "permissions": sorted(principal.scopes),
            "model_permissions": None if principal.models is None else sorted(principal.models),
        }


class Setup:
    """`/v1/admin/setup`, `/v1/admin/setup/status`. `auth` False: no token is asked for."""

    def __init__(self, users: Users, *, auth: bool) -> None:
        self._users = users
        self._auth = auth

    def on_get_status(self, _req: falcon.Request, resp: falcon.Response) -> None:
        needed = self._users.needs_setup()
        resp.media = {
            "needs_setup": needed,
            "initialized": not needed,
            "password_min_length": MIN_LENGTH,
        }

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        given = body.read(req, SetupBody, "setup", _MAX_BYTES)
        if self._auth:
            self._users.check_setup_token(given.setup_token, req.remote_addr or "")
        user = self._users.set_up(given.username, given.password)
        resp.status = falcon.HTTP_201
        resp.media = {"id": user.id, "username": user.username}


def _render(resp: falcon.Response, session: Session) -> None:
    resp.set_header("Cache-Control", "no-store")
    resp.media = {
        "access_token": session.access_token,
        "refresh_token": session.refresh_token,
        "token_type": "bearer",
        "expires_in": int(session.expires_in_s),
    }
