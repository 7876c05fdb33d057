"""Idempotency-Keys: a request that comes again under its key is answered with its job, and nothing is done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server.errors import Conflict, FieldError, InvalidInput
from server.jobs.job import Priority
from server.storage.rows import insert_or_get
from server.storage.tables import job_keys

MAX_KEY_CHARACTERS = 200


class KeyReused(Conflict):
    """This Idempotency-Key was used for something else; take a new one."""

    code = "key_reused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request with a key: whose it is and all that it asks for. Keys are of who asks, whoever owns the job."""

    by: str
    key: str
    what: Any

    @classmethod
    def under(cls, key: str | None, *, by: str, what: Any) -> Asked | None:
        """None without a key. Raises `InvalidInput`."""
        if key is None:
            return None
        require_key(key)
        return cls(by=by, key=key, what=what)

    def fingerprint(self, door: str) -> str:
        plain = msgspec.to_builtins(self.what, enc_hook=str)
        return hashlib.sha256(msgspec.json.encode([door, plain], order="sorted", enc_hook=str)).hexdigest()


def prioritized(priority: Priority) -> dict[str, str]:
    """What a priority adds to what is asked for; the usual one adds nothing, as before there were any."""
    return {} if priority is Priority.NORMAL else {"priority": priority.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class StandsFor:
    """What was made when a key was new. `part_id`: of a file in parts, whose job is that of the others, too."""

    job_id: str
    part_id: str = ""


async def take_key(
    connection: AsyncConnection, asked: Asked, *, door: str, job_id: str, part_id: str = ""
) -> StandsFor | None:
    """Let the key stand for this request and its job from now on; if it already does, what it stands for.

    `door` is what the request is for: the kind of the job it begins, or what else happens to a job. Raises `KeyReused`
    when the key stands for another request.
    """
    fingerprint = asked.fingerprint(door)
    row = {
        "owner_id": asked.by,
        "key": asked.key,
        "fingerprint": fingerprint,
        "job_id": job_id,
        "part_id": part_id,
    }
    stored, is_new = await insert_or_get(connection, job_keys, row, key=("owner_id", "key"))
    if is_new:
        return None
    return StandsFor(job_id=_same(fingerprint, door, stored.fingerprint, stored.job_id), part_id=stored.part_id)


async def job_of_key(connection: AsyncConnection, asked: Asked, *, door: str) -> str | None:
    """The id of the job that the key stands for already. Raises `KeyReused`."""
    query = select(job_keys).where(job_keys.c.owner_id == asked.by, job_keys.c.key == asked.key)
    stored = (await connection.execute(query)).one_or_none()
    return _same(asked.fingerprint(door), door, stored.fingerprint, stored.job_id) if stored else None


def _same(fingerprint: str, door: str, known: str, job_id: str) -> str:
    if known not in (fingerprint, door):  # of the oldest keys, the door is all that was kept
        raise KeyReused
    return job_id


def require_key(key: str, *, field: str = "Idempotency-Key") -> None:
    """Raises `InvalidInput`. `field` is where it came in."""
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS or not key.isprintable():  # header bytes may be no text at all
        error = FieldError(
            field=field,
            message="A key has 1 to {limit} characters.",
            parameters={"limit": MAX_KEY_CHARACTERS},
        )
        raise InvalidInput(errors=[error])
