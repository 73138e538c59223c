"""Access tokens: short-lived JWTs that say who logged in; what one may do is read from memory."""

from __future__ import annotations

from dataclasses import dataclass

from xinfer.domain.identity import User
from xinfer.errors import Unauthorized

LIFETIME_S = 1800.0
_ALGORITHM = "HS256"
_TYPE = "access"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """Whose token it is, of which version of the user's sessions, and until when."""

    user_id: int
    token_version: int
    expires_s: float


class AccessTokens:
    """`secret` signs them; whoever has it can be anybody."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def issue(self, user: User, now_s: float) -> str:
        """A token for the next 30 minutes."""
        # Loaded by the first session: it takes as long as a tenth of a start.
        import jwt

        claims = {
            "sub": user.username,
            "user_id": user.id,
            "scopes": sorted(user.scopes),
            "token_version": user.token_version,
            "exp": int(now_s + LIFETIME_S),
            "type": _TYPE,
        }
        return jwt.encode(claims, self._secret, _ALGORITHM)

    def read(self, token: str, now_s: float) -> Claims:
        """Raises Unauthorized for one that is not ours, not intact or over."""
        import jwt

        try:
            claims = jwt.decode(
                token,
                self._secret,
                [_ALGORITHM],
                # Time is judged by the caller's clock.
                options={"require": ["exp", "user_id", "token_version"], "verify_exp": False},
            )
            found = Claims(
                user_id=int(claims["user_id"]),
                token_version=int(claims["token_version"]),
                expires_s=float(claims["exp"]),
            )
        except (jwt.InvalidTokenError, TypeError, ValueError) as error:
            raise Unauthorized("The access token is not valid.", "Log in again.") from error
        if claims.get("type") != _TYPE:
            raise Unauthorized("This is not an access token.", "Log in again.")
        if now_s >= found.expires_s:
            raise expired()
        return found


def expired() -> Unauthorized:
    """The refusal of a token whose time is over."""
    return Unauthorized("The access token has expired.", "Refresh it, or log in again.")
