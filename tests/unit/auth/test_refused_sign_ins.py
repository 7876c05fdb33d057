"""Refused sign-ins are written down, and nobody fills the log or a full disk by guessing."""

from __future__ import annotations

from server.auth.audit_search import AuditFilter, AuditSearch
from server.auth.refused_sign_ins import RefusedSignIns
from server.storage.database import Database


async def test_what_is_too_much_is_counted_and_told_with_the_next_line(database: Database) -> None:
    now = [0.0]
    refusals = RefusedSignIns(database, per_minute=2, clock=lambda: now[0])
    for _ in range(5):
        await refusals.record(None, address="10.0.0.1", reason="wrong_credentials")
    now[0] = 61.0
    await refusals.record(None, address="10.0.0.1", reason="too_many")
    lines = await AuditSearch(database).page(AuditFilter(), limit=10)
    assert [line.detail for line in lines] == [
        {"reason": "too_many", "left_out": 3},
        {"reason": "wrong_credentials"},
        {"reason": "wrong_credentials"},
    ]
