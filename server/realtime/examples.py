"""One example of every message and command, for docs/protocol.md and the AsyncAPI document alike."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

from server.realtime import codec, peer_structs, protocol
from server.realtime.job_fields import JobFields, JobProblem

_IMPORT: dict[str, Any] = {
    "job_id": "01k9qf6x2v8h3m5n7p9r1s3t5x",
    "kind": "data_import",
    "title": "sales.csv",
    "state": "running",
    "attempt": 1,
    "revision": 17,
    "progress": 12400,
    "total": 50000,
    "unit": "rows",
    "percent": 24.8,
    "rate": 8120.0,
    "eta_seconds": 4.6,
    "stage": "reading",
    "message": "",
    "error": None,
    "result": None,
    "created_at": "2026-11-23T08:15:29.000000Z",
    "started_at": "2026-11-23T08:15:30.000000Z",
    "finished_at": None,
    "priority": "normal",
    "place": None,
    "waiting_for": None,
    "detail": {"rejected": 3, "bytes": 1048576, "bytes_total": 4194304, "stage": "reading"},
    "outcome": None,
    "stalled_since": None,
    "shown_state": "running",
    "state_text": "Running",
    "missing": 3,
    "missing_percent": 1.5,
    "took_seconds": None,
    "last_seconds": 21.4,
}
_UPLOAD: dict[str, Any] = {
    **_IMPORT,
    "job_id": "01k9qf6x2v8h3m5n7p9r1s3t5y",
    "kind": "file_upload",
    "revision": 5,
    "progress": 1048576,
    "total": 4194304,
    "unit": "bytes",
    "percent": 25.0,
    "rate": 524288.0,
    "eta_seconds": 6.0,
    "stage": "",
    "started_at": "2026-11-23T08:15:29.100000Z",
    "detail": {},
    "missing": 0,
    "missing_percent": 0.0,
    "last_seconds": None,
}
_BATCH: dict[str, Any] = {
    **_IMPORT,
    "job_id": "01k9qf6x2v8h3m5n7p9r1s3t5z",
    "kind": "batch_report",
    "title": "Regions",
    "revision": 9,
    "progress": 4,
    "total": 12,
    "unit": "reports",
    "percent": 33.3,
    "rate": 2.1,
    "eta_seconds": 3.8,
    "stage": "",
    "created_at": "2026-11-23T08:16:00.000000Z",
    "started_at": "2026-11-23T08:16:00.100000Z",
    "detail": {"succeeded": 3, "failed": 1, "current": "North"},
    "missing": 1,
    "missing_percent": 1.5,
}
_FAILED: dict[str, Any] = {
    **_IMPORT,
    "state": "failed",
    "revision": 31,
    "rate": None,
    "eta_seconds": None,
    "error": JobProblem(
        code="worker_died",
        message="The worker process was stopped, most likely because it ran out of memory; "
        "try again with a smaller file.",
    ),
    "finished_at": "2026-11-23T08:15:33.000000Z",
    "detail": {},
    "shown_state": "failed",
    "state_text": "Failed",
    "missing": 0,
    "missing_percent": 0.0,
    "took_seconds": 3.2,
}
_EPOCH = "01k9qf6x2v8h3m5n7p9r1s3t5w"
_NOTIFICATION = protocol.Notification(
    timestamp="2026-11-23T08:17:00.000000Z",
    title="12 reports are ready",
    body="Regions",
    level="success",
    url="/batches/01k9qf6x2v8h3m5n7p9r1s3t60",
    offset=44,
)

_STRUCTS: tuple[Struct, ...] = (
    protocol.Connected(
        timestamp="2026-11-23T08:15:30.000125Z",
        client_id="laptop-1",
        connection_id="01k9qf6x2v8h3m5n7p9r1s3t5v",
        user=protocol.ConnectedUser(id="01k9qf0000000000000000000a", name="alice", role="editor"),
        epoch=_EPOCH,
        offset=42,
        recovered=True,
        missed=3,
        ping_interval=25.0,
        pong_timeout=10.0,
        server=protocol.ServerInfo(version="0.1.0", node="reports-1"),
        message="WebSocket connected, client ID: laptop-1",
    ),
    protocol.FileUploadProgress(**_UPLOAD, timestamp="2026-11-23T08:15:31.500000Z"),
    protocol.DataImportProgress(**_IMPORT, timestamp="2026-11-23T08:15:31.500000Z"),
    protocol.BatchReportProgress(**_BATCH, timestamp="2026-11-23T08:16:02.000000Z"),
    protocol.JobChanged(**_FAILED, timestamp="2026-11-23T08:15:33.000200Z", offset=43),
    _NOTIFICATION,
    protocol.NotificationsRead(timestamp="2026-11-23T08:17:06.000000Z", unread=0),
    protocol.Removed(timestamp="2026-11-23T08:17:06.500000Z", thing="job", id="01k9qf6x2v8h3m5n7p9r1s3t5v"),
    protocol.Event(timestamp="2026-11-23T08:17:05.000000Z", event="test_events", data={"text": "你好"}),
    protocol.Error(
        timestamp="2026-11-23T08:17:06.000000Z",
        id=4,
        code="not_found",
        message="There is nothing here, or it is not yours.",
    ),
    protocol.Ping(id=1),
    protocol.Pong(timestamp="2026-11-23T08:17:07.000000Z", id=1),
    protocol.Subscribe(events=["test_events"], id=2),
    protocol.Subscription(
        timestamp="2026-11-23T08:17:08.000000Z",
        id=2,
        status="subscribed",
        events=["test_events"],
        message="Subscribed to test_events",
    ),
    protocol.Unsubscribe(events=["test_events"]),
    protocol.JobsQuery(id=3),
    protocol.Jobs(timestamp="2026-11-23T08:17:08.500000Z", id=3, jobs=[JobFields(**_IMPORT)]),
    protocol.HistoryQuery(since=protocol.Position(epoch=_EPOCH, offset=43), limit=100, id=5),
    protocol.HistoryReply(
        timestamp="2026-11-23T08:17:09.000000Z",
        id=5,
        messages=[Raw(codec.encode(_NOTIFICATION))],
        epoch=_EPOCH,
        offset=44,
        recovered=True,
        remaining=0,
    ),
    protocol.Peer(
        to="user:01k9qf0000000000000000000b",
        signal=peer_structs.PeerOffer(
            transfer="x7k2m9q4w1z8c5v0", files=[peer_structs.PeerFile(name="Regions.pdf", size=184_320)]
        ),
        id=6,
    ),
    protocol.PeerSent(
        timestamp="2026-11-23T08:17:09.500000Z",
        id=6,
        transfer="x7k2m9q4w1z8c5v0",
        ticket="gAAAAAB…",
        expires_at="2026-11-23T08:19:09.500000Z",
    ),
    protocol.PeerTold(
        timestamp="2026-11-23T08:17:14.000000Z",
        transfer="x7k2m9q4w1z8c5v0",
        sender=peer_structs.PeerName(user="bob", device="Firefox · Windows"),
        is_own=False,
        signal=peer_structs.PeerAccept(),
        ticket="gAAAAAB…",
        ways=[peer_structs.PeerWay(urls=["stun:stun.example.com:3478"])],
    ),
    protocol.Auth(token="jindu_…"),  # noqa: S106 - nobody's
    protocol.Echo(timestamp="2026-11-23T08:17:10.000000Z", data=Raw(b'{"type": "hello"}')),
)


def _as_sent(message: Struct) -> dict[str, Any]:
    """As JSON on the wire; a command without what it may leave out."""
    content: dict[str, Any] = msgspec.json.decode(codec.encode(message))
    if isinstance(message, protocol.Command):
        return {name: value for name, value in content.items() if value is not None}
    return content


EXAMPLES: dict[type[Struct], dict[str, Any]] = {type(message): _as_sent(message) for message in _STRUCTS}
"""By the struct that declares it."""
