"""What went through the live layer of this node since it started. Whoever does a thing counts it here."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from server.metrics import Histogram, HistogramCounts

DELIVERY_BOUNDS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficStatistics:
    """Counts since the start; `delivery` is in seconds."""

    accepted: dict[str, int]  # handshakes, by transport
    refused: dict[str, int]  # handshakes, by reason
    sent: dict[str, int]  # messages, by type
    received: dict[str, int]  # messages, by type
    errors: dict[str, int]  # told to clients, by code
    recoveries_whole: int
    recoveries_refused: int  # what was missed could not be given: the client begins anew
    sent_bytes: int
    received_bytes: int
    delivery: HistogramCounts


class Traffic:
    """Plain counters on the event loop.

    `delivery` is from when a message was handed to the live layer to the write to its socket. Of messages that leave
    in one write, each counts as the one that waited longest.
    """

    __slots__ = (
        *("accepted", "delivery", "errors", "received", "received_bytes", "recoveries_refused", "recoveries_whole"),
        *("refused", "sent", "sent_bytes"),
    )

    def __init__(self) -> None:
        self.accepted: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self.received: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.recoveries_whole = 0
        self.recoveries_refused = 0
        self.sent_bytes = 0
        self.received_bytes = 0
        self.delivery = Histogram(DELIVERY_BOUNDS)

    def wrote(self, *, messages: int, size_bytes: int, waited_seconds: float) -> None:
        self.sent_bytes += size_bytes
        self.delivery.observe(waited_seconds, times=messages)

    def recovered(self, *, is_whole: bool) -> None:
        if is_whole:
            self.recoveries_whole += 1
        else:
            self.recoveries_refused += 1

    def statistics(self) -> TrafficStatistics:
        return TrafficStatistics(
            accepted=dict(self.accepted),
            refused=dict(self.refused),
            sent=dict(self.sent),
            received=dict(self.received),
            errors=dict(self.errors),
            recoveries_whole=self.recoveries_whole,
            recoveries_refused=self.recoveries_refused,
            sent_bytes=self.sent_bytes,
            received_bytes=self.received_bytes,
            delivery=self.delivery.counts(),
        )
