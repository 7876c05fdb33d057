"""Pages that were refused: told once, and which of them may be our own."""

from __future__ import annotations

import logging

import pytest

from server.auth.refused_origins import RefusedOrigins

ASKED = {"http://reports.example.com"}
BEHIND = {"http://127.0.0.1:8000"}


@pytest.fixture
def refused() -> RefusedOrigins:
    return RefusedOrigins()


def test_each_origin_is_told_once_with_what_to_change(
    refused: RefusedOrigins, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "jindu.strangers"):
        for _ in range(3):
            refused.note("https://reports.example.com", ASKED)
        refused.note("https://evil.example", ASKED)
    assert [record.args[0] for record in caplog.records if isinstance(record.args, tuple)] == [
        "https://reports.example.com",
        "https://evil.example",
    ]
    told = caplog.records[0].getMessage()
    assert all(
        name in told for name in ("JINDU_PUBLIC_URL", "JINDU_TRUSTED_PROXIES", "JINDU_ALLOWED_ORIGINS", "http://")
    )


@pytest.mark.parametrize(
    ("origin", "own", "site", "is_ours"),
    [
        ("https://reports.example.com", ASKED, None, True),  # a proxy that does not say https
        ("http://reports.example.com:8443", ASKED, None, True),  # or drops the port
        ("https://reports.example.com", BEHIND, None, True),  # or rewrites Host
        ("https://reports.example.com", {"http://app:8000"}, None, True),
        ("https://evil.example", ASKED, None, False),
        ("https://reports.example.com", BEHIND, "cross-site", False),  # the browser knows better
        ("null", BEHIND, None, False),
        ("https://[", BEHIND, None, False),
        ("", BEHIND, None, False),
    ],
)
def test_those_that_look_like_our_own_are_worth_a_look(
    refused: RefusedOrigins, origin: str, own: set[str], site: str | None, *, is_ours: bool
) -> None:
    refused.note(origin, own, site=site, is_somebodys=True)
    assert refused.lately() == ([origin] if is_ours else [])


def test_what_a_stranger_made_up_is_no_concern_until_it_comes_again_and_again(refused: RefusedOrigins) -> None:
    for _ in range(4):
        refused.note("https://made-up.example", BEHIND)
    assert refused.lately() == []
    refused.note("https://made-up.example", BEHIND)
    assert refused.lately() == ["https://made-up.example"]


def test_somebody_who_is_known_makes_it_a_concern_at_once_and_for_the_day() -> None:
    now = [0.0]
    refused = RefusedOrigins(clock=lambda: now[0])
    refused.note("https://reports.example.com", BEHIND, is_somebodys=True)
    refused.note("https://reports.example.com", BEHIND)
    assert refused.lately() == ["https://reports.example.com"]
    now[0] = 86_401.0
    refused.note("https://reports.example.com", BEHIND)
    assert refused.lately() == []


def test_only_so_many_are_kept_and_for_a_day() -> None:
    now = [0.0]
    refused = RefusedOrigins(clock=lambda: now[0])
    for number in range(1_000):
        refused.note(f"https://{number}.example" + "x" * 1_000, BEHIND, is_somebodys=True)
    assert len(refused.lately()) == 100
    assert max(map(len, refused.lately())) <= 200
    now[0] = 86_401.0
    assert refused.lately() == []
