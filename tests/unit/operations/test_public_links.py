"""Addresses that are handed over."""

from __future__ import annotations

import pytest

from server.operations.public_links import PublicLinks


@pytest.mark.parametrize(
    ("public_url", "link"),
    [
        ("https://reports.example.com", "https://reports.example.com/invitation?code=a%2Bb"),
        ("https://intranet/jindu/", "https://intranet/jindu/invitation?code=a%2Bb"),
        ("", "/invitation?code=a%2Bb"),
    ],
)
def test_an_address_begins_with_the_public_one(public_url: str, link: str) -> None:
    assert PublicLinks(public_url).with_code("/invitation", "a+b") == link
