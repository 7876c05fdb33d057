"""Conditions of lists: what is Chinese and sounds as somebody typed."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from server.storage.han_sounds import asked_sounds, marked
from server.storage.searching import holds
from server.storage.tables import findables


def have_sounds(words: sa.ColumnElement[Any], typed: str, *, before: str = "") -> list[sa.ColumnElement[bool]]:
    """Of a column of words, what holds one by one when it has what sounds like `typed`; `before` is a mark of them."""
    return [sa.and_(*(holds(words, before + each) for each in marked(wanted))) for wanted in asked_sounds(typed)]


def is_said(which: sa.ColumnElement[bool], typed: str) -> sa.ColumnElement[bool]:
    """Whether what is findable and `which` sounds like it: for lists that look through all that they have."""
    has_sounds = have_sounds(findables.c.words, typed)
    return sa.exists().where(which, sa.or_(*has_sounds)) if has_sounds else sa.false()
