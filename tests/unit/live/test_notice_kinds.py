"""Each kind says when it is told, and fits where it is kept."""

from __future__ import annotations

from server.live.notice_kinds import BELL_CHOICES, NoticeKind
from server.live.notice_mails import ABOUT


def test_each_kind_says_when_people_are_told() -> None:
    assert set(ABOUT) == set(NoticeKind) >= BELL_CHOICES
    assert max(map(len, NoticeKind)) <= 16  # the column of `notice_mails`
