"""The routing snapshot: swapped whole, read without a store."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from xinfer.domain.names import did_you_mean
from xinfer.domain.routing import Route, RouteState, Upstream
from xinfer.errors import NotFound, NotReady

_RETRY_LOADING_S = 2.0
_RETRY_FAILED_S = 30.0


class Table:
    """`changed(upstreams)` is called with all routable replicas after each swap. `refresh()` swaps
    at once if there is something newer: it is asked before a request is refused, so that what one
    gateway process knows to be ready is not refused by another that looks a moment later. `shared`:
    to ask costs next to nothing, and there are such others: it is asked before each request, so
    that none serves what another has said to be terminated.
    """

    def __init__(
        self,
        changed: Callable[[frozenset[Upstream]], None],
        refresh: Callable[[], None],
        *,
        shared: bool = False,
    ) -> None:
        self._routes: Mapping[str, Route] | None = None
        self._changed = changed
        self._refresh = refresh
        self._shared = shared

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
        route = None if self._shared else self.routes.get(uid)
        if route is None or route.state is not RouteState.READY:
            self._refresh()
            route = self._known(uid)
        if route.state is RouteState.READY:
            return route
        if route.state is RouteState.STOPPED:
            raise NotReady(
                f"Model '{uid}' is stopped: {route.reason}.",
                "Add a replica, or declare one in its recipe.",
                retry_after_s=_RETRY_FAILED_S,
            )
        if route.state is RouteState.FAILED:
            raise NotReady(
                f"Model '{uid}' failed: {route.reason.rstrip('.')}.",
                "`xinfer status` shows more.",
                retry_after_s=_RETRY_FAILED_S,
            )
        raise NotReady(
            f"Model '{uid}' is not ready yet: {route.reason.rstrip('.')}.",
            retry_after_s=_RETRY_LOADING_S,
        )

    def _known(self, uid: str) -> Route:
        if self._routes is None:
            raise NotReady("The routes are not known yet.", retry_after_s=1.0)
        route = self._routes.get(uid)
        if route is None:
            raise NotFound(f"There is no model '{uid}'.", did_you_mean(uid, self._routes))
        return route
