"""Who may call what: the access table on one page. A route without a line here is the admin's."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from xinfer.api.resources.media import PATHS, READABLE
from xinfer.domain.identity import Scope


class Need(StrEnum):
    """What is asked of a caller besides a scope."""

    PUBLIC = "public"
    """Nothing."""

    SIGNED_IN = "signed in"
    """Any valid credential; what it shows or does is the caller's own."""

    ROLE = "role"
    """The cluster token, even where authentication is off."""


Access = Scope | Need

ACCESS: Mapping[str, Access] = {
    # inference
    "POST /v1/chat/completions": Scope.MODELS_READ,
    "POST /v1/completions": Scope.MODELS_READ,
    "POST /v1/embeddings": Scope.MODELS_READ,
    "POST /v1/rerank": Scope.MODELS_READ,
    "POST /v1/responses": Scope.MODELS_READ,
    "POST /v1/messages": Scope.MODELS_READ,
    "POST /v1/messages/count_tokens": Scope.MODELS_READ,
    "POST /anthropic/v1/messages": Scope.MODELS_READ,
    "POST /anthropic/v1/messages/count_tokens": Scope.MODELS_READ,
    "POST /v1/convert_ids_to_tokens": Scope.MODELS_READ,
    # models
    "GET /v1/models": Scope.MODELS_LIST,
    "POST /v1/models": Scope.MODELS_WRITE,
    "GET /v1/models/{uid}": Scope.MODELS_LIST,
    "DELETE /v1/models/{uid}": Scope.MODELS_WRITE,
    "GET /v1/models/{uid}/replicas": Scope.MODELS_LIST,
    "POST /v1/models/{uid}/replicas": Scope.MODELS_WRITE,
    "DELETE /v1/models/{uid}/replicas/{index:int}": Scope.MODELS_WRITE,
    "POST /v1/models/{uid}/cancel": Scope.MODELS_WRITE,
    "POST /v1/models/{uid}/reload": Scope.MODELS_WRITE,
    "GET /v1/models/{uid}/reload": Scope.MODELS_LIST,
    "GET /v1/models/{uid}/reload/config": Scope.MODELS_LIST,
    "GET /v1/models/instances": Scope.MODELS_LIST,
    "POST /v1/models/instance": Scope.MODELS_WRITE,
    "POST /v1/models/{uid}/requests/{request_id}/abort": Scope.MODELS_READ,
    "GET /v1/autostart/models": Scope.MODELS_WRITE,
    "POST /v1/autostart/models": Scope.MODELS_WRITE,
    "GET /v1/autostart/models/summary": Scope.MODELS_LIST,
    "DELETE /v1/autostart/models/{uid}": Scope.MODELS_WRITE,
    "GET /v1/models/{uid}/timeline": Scope.MODELS_LIST,
    "GET /v1/models/{uid}/progress": Scope.MODELS_READ,
    "GET /v1/models/{uid}/events": Scope.MODELS_READ,
    "GET /v1/models/{uid}/logs": Scope.LOGS_LIST,
    "GET /v1/recipe": Scope.ADMIN,
    "PUT /v1/recipe": Scope.ADMIN,
    # catalog
    "GET /v1/model_registrations/{kind}": Scope.MODELS_LIST,
    "POST /v1/model_registrations/{kind}": Scope.MODELS_REGISTER,
    "GET /v1/model_registrations/{kind}/{name}": Scope.MODELS_LIST,
    "GET /v1/model_registrations/{kind}/{name}/history": Scope.MODELS_LIST,
    "DELETE /v1/model_registrations/{kind}/{name}": Scope.MODELS_REGISTER,
    "GET /v1/cache/models": Scope.CACHE_LIST,
    "DELETE /v1/cache/models": Scope.CACHE_DELETE,
    "GET /v1/cache/models/files": Scope.CACHE_LIST,
    "POST /v1/cache/models": Scope.MODELS_WRITE,
    "GET /v1/cache/models/{cache_uid}/progress": Scope.MODELS_READ,
    "POST /v1/cache/models/{cache_uid}/cancel": Scope.MODELS_WRITE,
    "GET /v1/downloads": Scope.MODELS_READ,
    "POST /v1/downloads/{cache_uid}/pause": Scope.MODELS_WRITE,
    "POST /v1/downloads/{cache_uid}/resume": Scope.MODELS_WRITE,
    "DELETE /v1/downloads/{cache_uid}": Scope.CACHE_DELETE,
    "GET /v1/engines": Scope.MODELS_LIST,
    "GET /v1/engines/{first}": Scope.MODELS_LIST,
    "GET /v1/engines/{first}/{name}": Scope.MODELS_LIST,
    "POST /v1/model_memory": Scope.MODELS_LIST,
    "GET /v1/models/families": Need.SIGNED_IN,
    "GET /v1/models/prompts": Need.SIGNED_IN,
    "GET /v1/models/vllm-supported": Need.SIGNED_IN,
    "GET /v1/models/{uid}/{name}/versions": Scope.MODELS_LIST,
    # cluster
    "GET /status": Need.SIGNED_IN,
    "GET /v1/cluster/info": Scope.ADMIN,
    "GET /v1/cluster/version": Scope.ADMIN,
    "GET /v1/cluster/devices": Scope.MODELS_LIST,
    "DELETE /v1/clusters": Scope.ADMIN,
    "GET /v1/workers": Scope.ADMIN,
    "GET /v1/supervisor": Scope.ADMIN,
    "GET /v1/address": Need.SIGNED_IN,
    "GET /v1/cluster/auth": Need.PUBLIC,
    "GET /metrics": Scope.MONITOR_VIEW,
    # sessions, users, keys
    "POST /token": Need.PUBLIC,
    "POST /v1/auth/refresh": Need.PUBLIC,
    "POST /v1/auth/logout": Need.PUBLIC,
    "GET /v1/auth/me": Need.SIGNED_IN,
    "POST /v1/admin/setup": Need.PUBLIC,
    "GET /v1/admin/setup/status": Need.PUBLIC,
    "GET /v1/admin/users": Scope.USERS_MANAGE,
    "POST /v1/admin/users": Scope.USERS_MANAGE,
    "GET /v1/admin/users/{user_id}": Scope.USERS_MANAGE,
    "PUT /v1/admin/users/{user_id}": Scope.USERS_MANAGE,
    "DELETE /v1/admin/users/{user_id}": Scope.USERS_MANAGE,
    "PUT /v1/admin/users/{user_id}/password": Need.SIGNED_IN,
    "GET /v1/admin/users/{user_id}/permissions": Scope.USERS_MANAGE,
    "PUT /v1/admin/users/{user_id}/permissions": Scope.USERS_MANAGE,
    "GET /v1/admin/keys": Scope.KEYS_CREATE,
    "POST /v1/admin/keys": Scope.KEYS_CREATE,
    "GET /v1/admin/keys/{key_id}": Scope.KEYS_CREATE,
    "PUT /v1/admin/keys/{key_id}": Scope.KEYS_CREATE,
    "DELETE /v1/admin/keys/{key_id}": Scope.KEYS_CREATE,
    "GET /v1/admin/keys/{key_id}/reveal": Scope.KEYS_CREATE,
    "GET /v1/admin/keys/{key_id}/permissions": Scope.KEYS_CREATE,
    "PUT /v1/admin/keys/{key_id}/permissions": Scope.KEYS_CREATE,
    # what was done and used
    "GET /v1/audit/search": Scope.ADMIN,
    "GET /v1/usage": Need.SIGNED_IN,
    # health
    "GET /health": Need.PUBLIC,
    "GET /healthz": Need.PUBLIC,
    "GET /readyz": Need.PUBLIC,
    # pages for people: files without data, since one logs in on them
    "GET /": Need.PUBLIC,
    "GET /ui": Need.PUBLIC,
    "GET /ui/{path:path}": Need.PUBLIC,
    "GET /docs": Need.PUBLIC,
    "GET /docs/{path:path}": Need.PUBLIC,
    "GET /redoc": Need.PUBLIC,
    # what the page of /docs shows
    "GET /openapi.json": Need.SIGNED_IN,
    # what no engine here does
    **{f"POST {path}": Scope.MODELS_READ for paths in PATHS.values() for path in paths},
    **{f"GET {path}": Scope.MODELS_READ for path in READABLE},
    "GET /v1/requests/{request_id}/progress": Scope.MODELS_READ,
    # roles of the cluster
    "POST /cluster/nodes/{node}/report": Need.ROLE,
    "GET /cluster/nodes/{node}/assignment": Need.ROLE,
    "GET /cluster/nodes/{node}/way": Need.ROLE,
}
"""Method and path template to what it needs. HEAD is as GET."""


def access(method: str, template: str) -> Access:
    """What a request needs that was routed to this template."""
    return ACCESS.get(f"{'GET' if method == 'HEAD' else method} {template}", Scope.ADMIN)


PUBLIC_PATHS = frozenset(
    route.partition(" ")[2]
    for route, need in ACCESS.items()
    if need is Need.PUBLIC and "{" not in route
)
PUBLIC_PREFIXES = tuple(
    sorted(
        route.partition(" ")[2].partition("{")[0]
        for route, need in ACCESS.items()
        if need is Need.PUBLIC and "{" in route
    )
)
"""Where a request may go on without a credential; what its route needs is asked afterwards."""
