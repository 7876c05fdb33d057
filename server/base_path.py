"""Where the server stands below its host: `/jindu` of `https://intranet/jindu/`, and nothing for a host of its own.

Inside the program an address begins with `/` and knows no base path. Whatever hands one out says it from outside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_WRITTEN = re.compile(r"(?:/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


@dataclass(frozen=True, slots=True)
class BasePath:
    """`text` begins with a slash, has none at its end, and is empty at the root of a host."""

    text: str = ""

    @classmethod
    def read(cls, written: str) -> BasePath:
        """As people write it: `jindu`, `/jindu/`, `/`. Raises `ValueError`."""
        text = "/".join(("", *filter(None, written.strip().split("/"))))
        if not _WRITTEN.fullmatch(text := text.rstrip("/")):
            raise ValueError(written)
        return cls(text)

    def outside(self, address: str) -> str:
        """`/jobs` as browsers ask for it; one that is said so already, or leads elsewhere, stays."""
        if not address.startswith("/") or address.startswith("//") or self.has(address):
            return address
        return self.text + address

    def inside(self, address: str) -> str:
        """`/jindu/jobs` as `/jobs`; one from which a proxy has taken the base path away stays."""
        return (address[len(self.text) :] or "/") if self.has(address) else address

    def has(self, address: str) -> bool:
        begin, end = address[: len(self.text)], address[len(self.text) :]
        return bool(self.text) and begin == self.text and (not end or end[0] in "/?#")

    def address(self, origin: str) -> str:
        """Where the server is, without a slash at its end; `origin` may say the base path already."""
        origin = origin.rstrip("/")
        return origin if self.text and origin.endswith(self.text) else origin + self.text

    @property
    def of_cookies(self) -> str:
        return self.text or "/"

    def cookie(self, name: str) -> str:
        """Its own name below each base path: a browser sends the cookies of `/` to `/jindu` as well."""
        return name + self.text.replace("/", "~")


ROOT = BasePath()
