"""By which columns rows of two versions are told to be the same row: a choice for whoever makes none."""

from __future__ import annotations

import re
from collections.abc import Sequence

from server.datasets.dataset import Version
from server.errors import FieldError, InvalidInput

_LIKE_AN_ID = re.compile(
    r"(?i:(?:.*[\W_])?(?:id|uuid|guid|key|code|sku|nr|no|num|number))|[a-z].*(?:Id|ID|No|Nr)"
    r"|.*(?:号|编号|编码|代码|序号)"
)
_SURE = 0.95  # `distinct` is an estimate


def shared_columns(before: Version, after: Version) -> list[str]:
    """Names that both versions have, in the order of the later one."""
    earlier = {column.name for column in before.columns}
    return [column.name for column in after.columns if column.name in earlier]


def changed_columns(before: Version, after: Version) -> dict[str, list[str]]:
    """Names that only one of the versions has, and those that have another type by now."""
    old, new = ({column.name: column.type for column in version.columns} for version in (before, after))
    return {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "retyped": [name for name in new if name in old and new[name] != old[name]],
    }


def default_key(before: Version, after: Version) -> list[str]:
    """The first column that is unique by its check; else the first that is named like an identifier and, as far as
    is known, never repeats. None: whole rows have to be compared.
    """
    shared = shared_columns(before, after)
    unique = [{column.name for column in version.columns if column.unique} for version in (before, after)]
    for name in shared:
        if all(name in names for names in unique):
            return [name]
    for name in shared:
        if _LIKE_AN_ID.fullmatch(name) and all(_may_be_unique(version, name) for version in (before, after)):
            return [name]
    return []


def require_key(key: Sequence[str], before: Version, after: Version) -> list[str]:
    """Each once. Raises `InvalidInput` for a column that one of the versions does not have."""
    shared = set(shared_columns(before, after))
    errors = [
        FieldError(field="key", message="Not both versions have a column “{name}”.", parameters={"name": name})
        for name in key
        if name not in shared
    ]
    if errors:
        raise InvalidInput(errors=errors)
    return list(dict.fromkeys(key))


def _may_be_unique(version: Version, name: str) -> bool:
    known = version.statistics.get(name) or {}
    if known.get("nulls"):
        return False
    distinct = known.get("distinct")
    return distinct is None or distinct >= _SURE * version.row_count
