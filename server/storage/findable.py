"""What can be found, and the words by which it is: one row of `findables` for each, written with what it is about.

A text is kept as words with spaces in between, and each Han character (and kana) is a word: so 销售 is found by 销, and
by 售, in every engine, as words that follow one another. Marks that no word can hold say where a name begins and ends,
and whose a thing is: what somebody types can never mean one of them. How Chinese words sound stands behind the others
(`han_sounds`), so that 销售 is found by xiaoshou and by xs as well.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from server.storage.han_sounds import SOUND, learn, marked, sounds_of
from server.storage.tables import findables

NAME_BEGINS, NAME_ENDS = "^", "$"
MOST_WORDS = 4_000  # of one thing: PostgreSQL counts places up to 16,383
_MOST_SOUNDS = 1_000  # of those: of the name before all that is said of it
_LONGEST_NAME, _LONGEST_WORD = 300, 100
_AT_ONCE = 200
_HAN = "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
# A Han character, digits, letters, or a symbol such as 🎉; what is left out stands between words.
_WORD = re.compile(
    rf"[{_HAN}]|\d+|(?:(?![{_HAN}\d])[^\W_])+"
    r"|[^\w\s\u0000-\u00bf\u2000-\u206f\u3000-\u303f\ud800-\udfff\ufe00-\ufe0f\uff00-\uffef]"
)
_IS_HAN = re.compile(rf"[{_HAN}]")
_MONTH = re.compile(r"(?<!\d)(\d{4})-(0[1-9]|1[0-2])(?!\d)")
_MONTHS = (
    ("January", "一月"), ("February", "二月"), ("March", "三月"), ("April", "四月"), ("May", "五月"), ("June", "六月"),
    ("July", "七月"), ("August", "八月"), ("September", "九月"), ("October", "十月"), ("November", "十一月"),
    ("December", "十二月"),
)  # fmt: skip


class FindableKind(StrEnum):
    """The kinds of things that have rows."""

    DATASET = "dataset"
    COLUMN = "column"
    TEMPLATE = "template"
    BATCH = "batch"
    REPORT = "report"
    JOB = "job"
    USER = "user"


def folded(text: str) -> str:
    """Without what does not tell two words apart: Ü and ü and U, full width and half width."""
    if text.isascii():
        return text.lower()
    plain = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    return unicodedata.normalize("NFKD", plain.casefold())


def words_in(text: str) -> list[str]:
    return [word[:_LONGEST_WORD] for word in _WORD.findall(folded(text))]


def word_places(text: str) -> list[tuple[str, list[int]]]:
    """The same words, each with where in `text` its characters come from."""
    pieces = [(piece, at) for at, each in enumerate(text) for piece in folded(each)]
    plain, origin = "".join(piece for piece, _ in pieces), [at for _, at in pieces]
    return [(found[0], origin[slice(*found.span())]) for found in _WORD.finditer(plain)]


def is_han(word: str) -> bool:
    """Whether it is one character that is a word by itself."""
    return _IS_HAN.match(word) is not None


def mark_of(kind: FindableKind) -> str:
    return f"~k{kind}"


def mark_of_id(thing_id: str) -> str:
    """Of whoever owns a thing, and of what is shared when it is: the ids of both are never used again."""
    return f"~{thing_id}"


def mark_of_name(words: Sequence[str]) -> str:
    """Of all that are called so, and not more: one word, since a database cannot guess how rare a row of words is."""
    return "=" + hashlib.blake2b(" ".join(words).encode(), digest_size=10).hexdigest()


def written(kind: FindableKind, name: str, said: Iterable[str], *, reach: Iterable[str]) -> str:
    """The words of one thing: what it is called before what is `said` of it; `reach` are ids."""
    called = words_in(name)
    words = [mark_of(kind), *map(mark_of_id, reach), mark_of_name(called), NAME_BEGINS, *called, NAME_ENDS]
    for text in said:
        words += [*words_in(text), NAME_ENDS]
        if len(words) > MOST_WORDS:
            break
    return " ".join(words[:MOST_WORDS])


def _row(kind: FindableKind, name: str, said: Iterable[str], *, reach: Iterable[str], **ids: str) -> dict[str, Any]:
    words = written(kind, name, said, reach=reach)
    return {"kind": kind.value, "name": name[:_LONGEST_NAME], "words": words} | ids


def of_dataset(dataset_id: str, owner_id: str, name: str, said: Iterable[str]) -> dict[str, Any]:
    return _row(FindableKind.DATASET, name, said, reach=(owner_id, dataset_id), dataset_id=dataset_id)


def of_column(dataset_id: str, owner_id: str, name: str, said: Iterable[str]) -> dict[str, Any]:
    return _row(FindableKind.COLUMN, name, said, reach=(owner_id, dataset_id), dataset_id=dataset_id)


def of_template(template_id: str, owner_id: str, name: str, said: Iterable[str]) -> dict[str, Any]:
    return _row(FindableKind.TEMPLATE, name, said, reach=(owner_id, template_id), template_id=template_id)


def of_batch(batch_id: str, owner_id: str, name: str, said: Iterable[str]) -> dict[str, Any]:
    return _row(FindableKind.BATCH, name, [*said, *_months_in(name)], reach=(owner_id, batch_id), batch_id=batch_id)


def of_report(
    report_id: str, batch_id: str, owner_id: str, title: str, parameters: Mapping[str, Any], said: Iterable[str]
) -> dict[str, Any]:
    values = " ".join(_texts_in(parameters.values()))
    told = [values, *said, *_months_in(f"{title} {values}")]
    ids = {"report_id": report_id, "batch_id": batch_id}
    return _row(FindableKind.REPORT, title, told, reach=(owner_id, batch_id), **ids)


def of_job(job_id: str, owner_id: str, title: str) -> dict[str, Any]:
    return _row(FindableKind.JOB, title, (), reach=(owner_id,), job_id=job_id)


def of_user(user_id: str, name: str) -> dict[str, Any]:
    return _row(FindableKind.USER, name, (), reach=(), user_id=user_id)


def _texts_in(values: Iterable[Any]) -> list[str]:
    texts: list[str] = []
    for value in values:
        if isinstance(value, list | tuple):
            texts += _texts_in(value)
        elif value is not None and not isinstance(value, bool | dict):
            texts.append(str(value))
    return texts


def _months_in(text: str) -> list[str]:
    """How people call the months that stand there as 2026-10."""
    found = dict.fromkeys(_MONTH.findall(text))
    return [_names_of(year, int(month)) for year, month in found]


def _names_of(year: str, month: int) -> str:
    english, chinese = _MONTHS[month - 1]
    return f"{english} {year}年{month}月 {chinese}"


def sounded(words: str) -> str:
    """The same words and how those that are Chinese sound; in the same way however often it is done."""
    plain = [word for word in words.split(" ") if not word.startswith(SOUND)]
    sounds = sounds_of(plain)[:_MOST_SOUNDS]
    return " ".join([*plain[: MOST_WORDS - len(sounds)], *marked(sounds)])


async def _with_sounds(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    await learn(row["words"] for row in rows)
    return [row | {"words": sounded(row["words"])} for row in rows]


async def put(connection: AsyncConnection, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows of things that have none yet."""
    for start in range(0, len(rows), _AT_ONCE):
        await connection.execute(sa.insert(findables), await _with_sounds(rows[start : start + _AT_ONCE]))


async def replace(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """In the place of the one there was: what was changed last is found before the others."""
    [thing_id] = [name for name in ("dataset_id", "template_id", "report_id", "job_id", "user_id") if name in row]
    is_same = (findables.c[thing_id] == row[thing_id], findables.c.kind == row["kind"])
    await connection.execute(sa.delete(findables).where(*is_same))
    await put(connection, [row])


async def say_again(connection: AsyncConnection, row: dict[str, Any]) -> None:
    """The words of a report whose title is known by now; its place stays."""
    [row] = await _with_sounds([row])
    told = {name: row[name] for name in ("name", "words")}
    is_other = sa.or_(*(findables.c[name] != text for name, text in told.items()))
    here = sa.and_(findables.c.report_id == row["report_id"], is_other)
    await connection.execute(sa.update(findables).where(here).values(told))


async def put_columns(
    connection: AsyncConnection, dataset_id: str, owner_id: str, columns: Mapping[str, Sequence[str]]
) -> None:
    """Those that a dataset has by now, each with what is said of it; most of them were there before."""
    mine = (findables.c.dataset_id == dataset_id, findables.c.kind == FindableKind.COLUMN.value)
    there = {
        (row.name, row.words): row.id
        for row in await connection.execute(sa.select(findables.c.id, findables.c.name, findables.c.words).where(*mine))
    }
    rows = await _with_sounds([of_column(dataset_id, owner_id, name, said) for name, said in columns.items()])
    wanted = {(row["name"], row["words"]): row for row in rows}
    gone = [each for key, each in there.items() if key not in wanted]
    for start in range(0, len(gone), _AT_ONCE):
        await connection.execute(sa.delete(findables).where(findables.c.id.in_(gone[start : start + _AT_ONCE])))
    await put(connection, [row for key, row in wanted.items() if key not in there])
