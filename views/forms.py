"""What pages read from forms and queries, checked."""

from __future__ import annotations

import re

# A path on this server: "//evil.example" and "/\evil.example" would be another one.
_LOCAL = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")


def local_target(target: str) -> str:
    """`target` when it is a page of ours, else the home page."""
    return target if _LOCAL.fullmatch(target) else "/"
