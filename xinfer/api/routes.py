"""The API on one page."""

from __future__ import annotations

from dataclasses import dataclass

from xinfer.api.app import Route
from xinfer.api.resources.abort import Abort
from xinfer.api.resources.autostart import Autostart
from xinfer.api.resources.caches import Caches
from xinfer.api.resources.cluster import Cluster
from xinfer.api.resources.docs import Docs
from xinfer.api.resources.downloads import Downloads
from xinfer.api.resources.engines import Engines
from xinfer.api.resources.health import Health, Readiness
from xinfer.api.resources.inference import Inference
from xinfer.api.resources.instances import Instances
from xinfer.api.resources.keys import Keys
from xinfer.api.resources.logs import Logs
from xinfer.api.resources.media import PATHS, READABLE, Media, ReadableMedia, RequestProgress
from xinfer.api.resources.memory import Memory
from xinfer.api.resources.metrics import Metrics
from xinfer.api.resources.models import Model, ModelParts, Models
from xinfer.api.resources.nodes import NodeAssignment, NodeReports, NodeWay
from xinfer.api.resources.recipe import Recipe
from xinfer.api.resources.registrations import Lists, Registrations
from xinfer.api.resources.reload import Reload
from xinfer.api.resources.replicas import Replicas
from xinfer.api.resources.token import Setup, Token
from xinfer.api.resources.ui import Ui
from xinfer.api.resources.usage import Audit, Usage
from xinfer.api.resources.users import Users


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessResources:
    """Who may call, what they did and what they used."""

    token: Token
    setup: Setup
    users: Users
    keys: Keys
    usage: Usage
    audit: Audit


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogResources:
    """Which models there are, and which engines can run them."""

    registrations: Registrations
    lists: Lists
    engines: Engines
    memory: Memory
    caches: Caches
    downloads: Downloads


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Every resource of the supervisor, made where everything is wired."""

    inference: Inference
    models: Models
    model: Model
    parts: ModelParts
    replicas: Replicas
    reload: Reload
    instances: Instances
    autostart: Autostart
    abort: Abort
    logs: Logs
    recipe: Recipe
    cluster: Cluster
    reports: NodeReports
    assignment: NodeAssignment
    way: NodeWay
    health: Health
    readiness: Readiness
    metrics: Metrics
    ui: Ui
    docs: Docs
    access: AccessResources
    catalog: CatalogResources


def routes(to: Resources) -> list[Route]:
    """Path, resource, and the suffix of its methods."""
    return [
        *_inference_routes(to.inference),
        ("/v1/models", to.models),
        ("/v1/models/instances", to.instances),
        ("/v1/models/instance", to.instances, "version"),
        ("/v1/models/{uid}", to.model),
        ("/v1/models/{uid}/replicas", to.replicas),
        ("/v1/models/{uid}/replicas/{index:int}", to.replicas, "one"),
        ("/v1/models/{uid}/cancel", to.replicas, "cancel"),
        ("/v1/models/{uid}/requests/{request_id}/abort", to.abort),
        ("/v1/autostart/models", to.autostart),
        ("/v1/autostart/models/summary", to.autostart, "summary"),
        ("/v1/autostart/models/{uid}", to.autostart, "one"),
        ("/v1/models/{uid}/reload", to.reload),
        ("/v1/models/{uid}/reload/config", to.reload, "config"),
        ("/v1/models/{uid}/timeline", to.parts, "timeline"),
        ("/v1/models/{uid}/progress", to.parts, "progress"),
        ("/v1/models/{uid}/events", to.parts, "events"),
        ("/v1/models/{uid}/logs", to.logs),
        ("/v1/recipe", to.recipe),
        ("/v1/cluster/info", to.cluster, "info"),
        ("/v1/cluster/version", to.cluster, "version"),
        ("/v1/cluster/devices", to.cluster, "devices"),
        ("/v1/clusters", to.cluster, "all"),
        ("/v1/workers", to.cluster, "workers"),
        ("/v1/supervisor", to.cluster, "supervisor"),
        ("/v1/address", to.cluster, "address"),
        ("/v1/cluster/auth", to.cluster, "auth"),
        ("/status", to.cluster, "status"),
        ("/cluster/nodes/{node}/report", to.reports),
        ("/cluster/nodes/{node}/assignment", to.assignment),
        ("/cluster/nodes/{node}/way", to.way),
        ("/health", to.health),
        ("/healthz", to.health),
        ("/readyz", to.readiness),
        ("/metrics", to.metrics),
        ("/", to.ui, "root"),
        ("/ui", to.ui),
        ("/ui/{path:path}", to.ui),
        ("/openapi.json", to.docs, "document"),
        ("/docs", to.docs),
        ("/docs/{path:path}", to.docs, "file"),
        ("/redoc", to.docs, "elsewhere"),
        *_access_routes(to.access),
        *_catalog_routes(to.catalog),
        *_media_routes(),
    ]


def _inference_routes(to: Inference) -> list[Route]:
    return [
        ("/v1/chat/completions", to),
        ("/v1/completions", to),
        ("/v1/embeddings", to),
        ("/v1/rerank", to),
        ("/v1/responses", to),
        ("/v1/messages", to),
        ("/v1/messages/count_tokens", to),
        ("/anthropic/v1/messages", to),
        ("/anthropic/v1/messages/count_tokens", to),
        ("/v1/convert_ids_to_tokens", to),
    ]


def _media_routes() -> list[Route]:
    refused: list[Route] = [
        (path, ReadableMedia(what) if path in READABLE else Media(what))
        for what, paths in PATHS.items()
        for path in paths
    ]
    return [*refused, ("/v1/requests/{request_id}/progress", RequestProgress())]


def _catalog_routes(to: CatalogResources) -> list[Route]:
    return [
        ("/v1/model_registrations/{kind}", to.registrations),
        ("/v1/model_registrations/{kind}/{name}", to.registrations, "one"),
        ("/v1/model_registrations/{kind}/{name}/history", to.registrations, "history"),
        ("/v1/cache/models", to.caches),
        ("/v1/cache/models/files", to.caches, "files"),
        ("/v1/cache/models/{cache_uid}/progress", to.downloads, "progress"),
        ("/v1/cache/models/{cache_uid}/cancel", to.downloads, "cancel"),
        ("/v1/downloads", to.downloads),
        ("/v1/downloads/{cache_uid}", to.downloads, "one"),
        ("/v1/downloads/{cache_uid}/pause", to.downloads, "pause"),
        ("/v1/downloads/{cache_uid}/resume", to.downloads, "resume"),
        ("/v1/engines", to.engines),
        ("/v1/engines/{first}", to.engines, "text"),
        ("/v1/engines/{first}/{name}", to.engines, "kind"),
        ("/v1/model_memory", to.memory),
        ("/v1/models/families", to.lists, "families"),
        ("/v1/models/prompts", to.lists, "prompts"),
        ("/v1/models/vllm-supported", to.lists, "vllm"),
        ("/v1/models/{uid}/{name}/versions", to.lists, "versions"),
    ]


def _access_routes(to: AccessResources) -> list[Route]:
    return [
        ("/token", to.token),
        ("/v1/auth/refresh", to.token, "refresh"),
        ("/v1/auth/logout", to.token, "logout"),
        ("/v1/auth/me", to.token, "me"),
        ("/v1/admin/setup", to.setup),
        ("/v1/admin/setup/status", to.setup, "status"),
        ("/v1/admin/users", to.users),
        ("/v1/admin/users/{user_id}", to.users, "one"),
        ("/v1/admin/users/{user_id}/password", to.users, "password"),
        ("/v1/admin/users/{user_id}/permissions", to.users, "permissions"),
        ("/v1/admin/keys", to.keys),
        ("/v1/admin/keys/{key_id}", to.keys, "one"),
        ("/v1/admin/keys/{key_id}/reveal", to.keys, "reveal"),
        ("/v1/admin/keys/{key_id}/permissions", to.keys, "permissions"),
        ("/v1/usage", to.usage),
        ("/v1/audit/search", to.audit),
    ]
