"""Says of everything that is stored by which words it is found: for a database that had no such words, or wrong ones.

It reads columns by their names alone, since a migration does it in tables that are older than `tables`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from server.storage import findable

_AT_ONCE = 500
_Rows = Iterator[dict[str, Any]]
_FINDABLES = sa.table(
    "findables",
    *map(
        sa.column,
        ("kind", "name", "dataset_id", "template_id", "batch_id", "report_id", "job_id", "user_id", "words"),
    ),
)


def find_all_again(connection: sa.Connection) -> int:
    """How many rows there are now; all of the old ones are gone. Needs the only turn to write."""
    connection.execute(sa.delete(_FINDABLES))
    count = 0
    for read, told in _READ:
        last = ""
        while rows := connection.execute(sa.text(read), {"last": last, "limit": _AT_ONCE}).mappings().all():
            last = rows[-1]["id"]
            told_of = [new for row in rows for new in told(dict(row))]
            found = [new | {"words": findable.sounded(new["words"])} for new in told_of]
            for keys in dict.fromkeys(tuple(row) for row in found):  # those with the same columns go together
                connection.execute(sa.insert(_FINDABLES), [row for row in found if tuple(row) == keys])
            count += len(found)
    return count


def _of_dataset(row: Mapping[str, Any]) -> _Rows:
    notes, source = _object(row["column_notes"]), _object(row["source"])
    told = [row["description"], str(source.get("name", "")), row["tags"]]
    yield findable.of_dataset(row["id"], row["owner_id"], row["name"], told)
    for column in map(_object, _json(row["columns"]) or ()):
        name = str(column.get("name", ""))
        said = [str(_object(notes.get(name)).get("description", ""))]
        yield findable.of_column(row["id"], row["owner_id"], name, said)


def _of_template(row: Mapping[str, Any]) -> _Rows:
    yield findable.of_template(row["id"], row["owner_id"], row["name"], [row["title"], row["description"]])


def _of_batch(row: Mapping[str, Any]) -> _Rows:
    yield findable.of_batch(row["id"], row["owner_id"], row["name"], [row["template_name"]])


def _of_report(row: Mapping[str, Any]) -> _Rows:
    said = [row["batch_name"], row["template_name"]]
    parameters = _object(row["parameters"])
    yield findable.of_report(row["id"], row["batch_id"], row["owner_id"], row["title"], parameters, said)


def _of_job(row: Mapping[str, Any]) -> _Rows:
    yield findable.of_job(row["id"], row["owner_id"], row["title"])


def _of_user(row: Mapping[str, Any]) -> _Rows:
    yield findable.of_user(row["id"], row["name"])


def _json(value: Any) -> Any:
    """SQLite hands it over as text. What cannot be read says nothing: whoever made it knows better."""
    with suppress(ValueError):
        return json.loads(value) if isinstance(value, str) else value
    return None


def _object(value: Any) -> dict[str, Any]:
    """What is none says nothing."""
    found = _json(value)
    return found if isinstance(found, dict) else {}


_READ: Sequence[tuple[str, Callable[[Mapping[str, Any]], _Rows]]] = (
    (
        "SELECT d.id, d.owner_id, d.name, d.description, d.tags, d.column_notes, v.columns, v.source FROM datasets d "
        "JOIN dataset_versions v ON v.dataset_id = d.id AND v.number = d.version "
        "WHERE d.id > :last ORDER BY d.id LIMIT :limit",
        _of_dataset,
    ),
    (
        "SELECT id, owner_id, name, title, description FROM templates WHERE id > :last ORDER BY id LIMIT :limit",
        _of_template,
    ),
    (
        "SELECT id, owner_id, name, template_name FROM batches WHERE id > :last ORDER BY id LIMIT :limit",
        _of_batch,
    ),
    (
        "SELECT r.id, r.batch_id, r.owner_id, r.title, r.parameters, b.name AS batch_name, b.template_name "
        "FROM reports r JOIN batches b ON b.id = r.batch_id WHERE r.id > :last ORDER BY r.id LIMIT :limit",
        _of_report,
    ),
    ("SELECT id, owner_id, title FROM jobs WHERE id > :last ORDER BY id LIMIT :limit", _of_job),
    ("SELECT id, name FROM users WHERE id > :last ORDER BY id LIMIT :limit", _of_user),
)
