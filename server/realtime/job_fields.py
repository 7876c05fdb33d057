"""A job as clients see it, whichever door they use: the live messages, the API, GraphQL and gRPC have these fields."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class JobProblem(Struct, frozen=True, kw_only=True):
    """Why a job failed: a stable code and a sentence in the reader's language."""

    code: str
    message: str


class JobFields(Struct, frozen=True, kw_only=True):
    """One job at one moment. Keep the highest `revision` of each; `progress / total` is enough for a bar."""

    job_id: str
    kind: str
    title: str
    state: Literal["queued", "running", "succeeded", "failed", "cancelled"]
    attempt: int
    revision: int
    progress: float
    total: float | None
    unit: str
    percent: float | None
    rate: float | None
    eta_seconds: float | None
    stage: str
    message: str
    error: JobProblem | None
    result: dict[str, Any] | None
    created_at: str
    started_at: str | None
    finished_at: str | None
    detail: dict[str, Any]
    outcome: Literal["complete", "partial"] | None
    stalled_since: str | None
    shown_state: Literal[
        "queued", "running", "finishing", "stalled", "paused", "waiting_for_sender", "partial", "succeeded", "failed",
        "cancelled",
    ]  # fmt: skip
    state_text: str
    missing: int
    missing_percent: float
    took_seconds: float | None
    last_seconds: float | None
    priority: Literal["low", "normal", "high"]
    place: int | None
    waiting_for: str | None
