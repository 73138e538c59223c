"""The routing snapshot: swapped whole, read without a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xinfer.domain.names import did_you_mean
from xinfer.domain.routing import Route, RouteState, Upstream
from xinfer.errors import NotFound, NotReady

_RETRY_LOADING_S = 2.0
_RETRY_FAILED_S = 30.0


class Table:
    """`changed(upstreams)` is called with all routable replicas after each swap."""

    def __init__(self, changed: Callable[[frozenset[Upstream]], None]) -> None:
        self._routes: Mapping[str, Route] | None = None
        self._changed = changed

    @property
    def loaded(self) -> bool:
        """Whether there was a first snapshot."""
        return self._routes is not None

    @property
    def routes(self) -> Mapping[str, Route]:
        return self._routes or {}

    def swap(self, routes: Mapping[str, Route]) -> None:
        """Use these routes from the next request on."""
        self._routes = routes
        self._changed(
            frozenset(upstream for route in routes.values() for upstream in route.upstreams)
        )

    def route(self, uid: str) -> Route:
        """A route that is ready. Raises NotFound with the nearest uid, or NotReady with why."""
        if self._routes is None:
            raise NotReady("The routes are not known yet.", retry_after_s=1.0)
        route = self._routes.get(uid)
        if route is None:
            raise NotFound(f"There is no model '{uid}'.", did_you_mean(uid, self._routes))
        if route.state is RouteState.READY:
            return route
        if route.state is RouteState.FAILED:
            raise NotReady(
                f"Model '{uid}' failed: {route.reason}.",
                f"See `xinfer logs {uid}`.",
                retry_after_s=_RETRY_FAILED_S,
            )
        raise NotReady(
            f"Model '{uid}' is not ready yet: {route.reason}.", retry_after_s=_RETRY_LOADING_S
        )
