"""What pages read from forms and queries, checked."""

from __future__ import annotations

import re
from typing import Any

import msgspec

# A path on this server: "//evil.example" and "/\evil.example" would be another one.
_LOCAL = re.compile(r"/(?![/\\])[^\x00-\x20\\]*")


def local_target(target: str) -> str:
    """`target` when it is a page of ours, else the home page."""
    return target if _LOCAL.fullmatch(target) else "/"


def json_object(text: str) -> dict[str, Any]:
    """The JSON object that a script put into a field; an empty one for anything else."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return {}
