"""What callers used and did."""

from __future__ import annotations

from typing import Annotated, TypedDict

from msgspec import Meta

from xinfer.api.openapi.operation import Operation, Query


class UsageLine(TypedDict):
    """What one caller used of one model on one day."""

    day: str
    key: str
    name: str
    model: str
    requests: int
    tokens_in: int
    tokens_out: int


class UsageLines(TypedDict):
    """By day, key and model."""

    object: str
    data: list[UsageLine]


class AuditLine(TypedDict):
    """What was done by whom; `outcome` is the HTTP status."""

    id: int
    at: float
    principal: str
    name: str
    address: str
    action: str
    target: str
    outcome: str


class AuditLines(TypedDict):
    """Newest first."""

    object: str
    data: list[AuditLine]


EntryId = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Positive = Annotated[int, Meta(ge=1)]

OPERATIONS = (
    Operation(
        method="GET",
        path="/v1/usage",
        summary="What was used",
        query=(
            Query(name="key", kind=str, doc="A caller's id, a key's name or its prefix."),
            Query(name="model", kind=str, doc="A uid."),
            Query(name="from", kind=str, doc="The first day, such as 2027-01-31 (UTC)."),
            Query(name="to", kind=str, doc="The last day."),
        ),
        reply=UsageLines,
        errors=(503,),
    ),
    Operation(
        method="GET",
        path="/v1/audit/search",
        summary="What was done",
        query=(
            Query(name="principal", kind=str, doc="Who, such as key:3 or user:1."),
            Query(name="action", kind=str, doc="What, such as POST /v1/models."),
            Query(name="target", kind=str, doc="To what."),
            Query(name="since", kind=float, default=0.0, doc="Unix seconds."),
            Query(
                name="before", kind=EntryId, default=0, doc="The id of the oldest that was seen."
            ),
            Query(name="limit", kind=Positive, default=100, doc="At most 1000 come."),
        ),
        reply=AuditLines,
        errors=(503,),
    ),
)
