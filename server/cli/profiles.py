"""What an import is to be, put together from a profile (a file of options) and from flags, which win."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jindu.errors import ClientError

Order = dict[str, Any]
"""As `POST /api/v1/imports` takes it, but for the upload."""

_OPTIONS = (
    "encoding", "delimiter", "quote", "header", "sheet", "member", "skip_rows", "pad_short_rows", "leave_out_totals",
)  # fmt: skip
_ORDER = ("dataset", "owner", "mode", "key", "reject_limit")
_SUFFIXES = (".toml", ".json")
_NAMED_CHARACTERS = {"tab": "\t", r"\t": "\t", "comma": ",", "semicolon": ";", "space": " ", "pipe": "|"}


def order_of(flags: dict[str, Any]) -> Order:
    """Raises `ClientError`. Whether the values are right, the server says."""
    order = _profile(flags["profile"]) if flags["profile"] else {}
    order |= {name: flags[name] for name in _ORDER if flags[name] is not None}
    options = dict(order.get("options") or {})
    options |= {name: flags[name] for name in _OPTIONS if flags[name] is not None}
    if flags["columns"]:
        options["columns"] = [_column(given) for given in flags["columns"]]
    if "delimiter" in options:
        options["delimiter"] = _NAMED_CHARACTERS.get(options["delimiter"], options["delimiter"])
    if "dataset" not in order:
        raise ClientError("Say which dataset: --dataset NAME, or `dataset` in the profile.")
    if flags["dry_run"]:
        order["dry_run"] = True
    return {"mode": "create"} | order | {"options": options}


def _profile(given: str) -> Order:
    path = _place_of(given)
    try:
        text = path.read_text("utf-8")
        order = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (ValueError, OSError) as error:  # wrong JSON and TOML are ValueErrors, too
        raise ClientError(f"The profile {path} cannot be read: {error}") from error
    if not isinstance(order, dict):
        raise ClientError(f"The profile {path} holds no table of options.")
    known = {*_ORDER, "options"}
    if unknown := sorted(order.keys() - known):
        raise ClientError(f"The profile {path} has {', '.join(unknown)}; it may have {', '.join(sorted(known))}.")
    return order


def _place_of(given: str) -> Path:
    """A file, or the name of one among a person's own profiles."""
    if given.endswith(_SUFFIXES) or "/" in given:
        return Path(given)
    places = list(_own_profiles(given))
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        raise ClientError(f"There is no profile “{given}”: no {' and no '.join(map(str, places))}.")
    return found


def _own_profiles(name: str) -> Iterator[Path]:
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    for suffix in _SUFFIXES:
        yield settings / "jindu" / "profiles" / f"{name}{suffix}"


def _column(given: str) -> dict[str, str]:
    """`NAME[=SOURCE][:TYPE[:FORMAT]]`; a format may have colons of its own."""
    name, _, rest = given.partition(":")
    column_type, _, written = rest.partition(":")
    name, _, source = name.partition("=")
    if not name:
        raise ClientError(f"--column takes NAME[=SOURCE][:TYPE[:FORMAT]], not {given!r}.")
    column = {"name": name, "source": source, "type": column_type, "format": written}
    return {key: value for key, value in column.items() if value}
