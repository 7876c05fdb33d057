"""Addresses that are handed to people: they begin with the one of the settings, never with what a request says."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True)
class PublicLinks:
    """`public_url` is as in the settings; without it an address is a path, and whoever shows it knows the rest."""

    public_url: str

    def with_code(self, path: str, code: str) -> str:
        """The code stands in the query: logs and figures are told paths."""
        return f"{self.public_url.rstrip('/')}{path}?{urlencode({'code': code})}"
