"""Kinds of what people are told, as they choose by which ways each reaches them."""

from __future__ import annotations

from enum import StrEnum


class NoticeKind(StrEnum):
    FINISHED = "finished"  # an import or a batch is ready
    FAILED = "failed"  # or rows were rejected
    COMMENTED = "commented"
    SHARED = "shared"  # something with them, or no more
    SCHEDULED = "scheduled"  # a schedule failed, was stopped, or missed its time
    ANNOUNCED = "announced"  # by an administrator to everybody
    ACCOUNT = "account"  # how one signs in was changed


BELL_CHOICES = frozenset({NoticeKind.FINISHED, NoticeKind.FAILED, NoticeKind.COMMENTED})
"""Of which somebody may choose not to be told at all; the bell tells of all others."""
