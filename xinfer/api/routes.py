"""The API on one page."""

from __future__ import annotations

from dataclasses import dataclass

from xinfer.api.app import Route
from xinfer.api.resources.cluster import Cluster
from xinfer.api.resources.health import Health, Readiness
from xinfer.api.resources.inference import Inference
from xinfer.api.resources.logs import Logs
from xinfer.api.resources.metrics import Metrics
from xinfer.api.resources.models import Model, ModelParts, Models
from xinfer.api.resources.nodes import NodeAssignment, NodeReports
from xinfer.api.resources.recipe import Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Every resource of the supervisor, made where everything is wired."""

    inference: Inference
    models: Models
    model: Model
    parts: ModelParts
    logs: Logs
    recipe: Recipe
    cluster: Cluster
    reports: NodeReports
    assignment: NodeAssignment
    health: Health
    readiness: Readiness
    metrics: Metrics


def routes(to: Resources) -> list[Route]:
    """Path, resource, and the suffix of its methods."""
    return [
        ("/v1/chat/completions", to.inference),
        ("/v1/completions", to.inference),
        ("/v1/embeddings", to.inference),
        ("/v1/rerank", to.inference),
        ("/v1/models", to.models),
        ("/v1/models/{uid}", to.model),
        ("/v1/models/{uid}/replicas", to.parts, "replicas"),
        ("/v1/models/{uid}/timeline", to.parts, "timeline"),
        ("/v1/models/{uid}/progress", to.parts, "progress"),
        ("/v1/models/{uid}/events", to.parts, "events"),
        ("/v1/models/{uid}/logs", to.logs),
        ("/v1/recipe", to.recipe),
        ("/v1/cluster/info", to.cluster, "info"),
        ("/v1/cluster/auth", to.cluster, "auth"),
        ("/status", to.cluster, "status"),
        ("/cluster/nodes/{node}/report", to.reports),
        ("/cluster/nodes/{node}/assignment", to.assignment),
        ("/health", to.health),
        ("/healthz", to.health),
        ("/readyz", to.readiness),
        ("/metrics", to.metrics),
    ]
