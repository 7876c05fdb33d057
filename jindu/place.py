"""Where the server is and who we are there: arguments, else `JINDU_URL` and `JINDU_TOKEN`."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from jindu.errors import NotConfigured

DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Place:
    """`url` has no slash at its end; the token stays out of `repr`, and so out of logs."""

    url: str
    token: str = field(repr=False)

    @classmethod
    def given(cls, url: str | None = None, token: str | None = None) -> Place:
        """Raises `NotConfigured`."""
        url = (url or os.environ.get("JINDU_URL") or DEFAULT_URL).strip().rstrip("/")
        token = (token or os.environ.get("JINDU_TOKEN") or "").strip()
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address = False
        if not is_address:
            raise NotConfigured(
                f"JINDU_URL is no address of a server: {url!r}. Use one like https://reports.example.com."
            )
        if not token:
            raise NotConfigured("Give a token in JINDU_TOKEN or as an argument; make one on your account page.")
        if not (token.isascii() and token.isprintable()):
            raise NotConfigured("The token has characters that none of ours has; copy it again.")
        return cls(url, token)
