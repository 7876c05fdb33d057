"""What somebody who waits is told: counts, a place, a time; never a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from server.jobs.kinds import JobKind, JobKinds
from server.jobs.waiting import Waiting, WaitingFor
from server.languages import Languages
from server.live.waiting_words import waiting_words

LANGUAGES = Languages.load(Path("locales"))
KINDS = JobKinds(
    [
        JobKind(name="data_import", label="Import", unit="rows", noun="import", step_noun="import", function=None),
        JobKind(name="batch_report", label="Reports", unit="reports", noun="batch", step_noun="report", function=None),
    ]
)
TURN, WORKER, AGAIN = WaitingFor.TURN, WaitingFor.WORKER, WaitingFor.AGAIN


@pytest.mark.parametrize(
    ("waiting", "english", "chinese"),
    [
        (
            Waiting(reason=WORKER, kind="batch_report", count=2, seconds=6.2),
            "waits for 2 reports of others, about 6 s",
            "等待其他用户的 2 份报表，约 6 秒",
        ),
        (
            Waiting(reason=TURN, place=1, kind="data_import", count=1, is_own=True),
            "waits for 1 import of yours",
            "等待您的 1 个导入任务",
        ),
        (
            Waiting(reason=TURN, place=4, kind="batch_report", count=3, is_own=True, seconds=240.0),
            "waits for 3 batches of yours, about 4 min",
            "等待您的 3 批报表，约 4 分钟",
        ),
        (
            Waiting(reason=WORKER, kind="no such kind", count=0, seconds=0.1),
            "waits for 1 job of others, about 1 s",
            "等待其他用户的 1 个任务，约 1 秒",
        ),
        (Waiting(reason=AGAIN, seconds=59.6), "60 s until it is tried again", "60 秒后自动重试"),
    ],
)
def test_the_sentence_in_both_languages(waiting: Waiting, english: str, chinese: str) -> None:
    assert waiting_words(waiting, KINDS, LANGUAGES.of("en"), is_readers=True) == english
    assert waiting_words(waiting, KINDS, LANGUAGES.of("zh-CN"), is_readers=True) == chinese


def test_to_others_than_who_waits_it_is_nobodys() -> None:
    waiting = Waiting(reason=WaitingFor.TURN, place=1, kind="batch_report", count=2, is_own=True, seconds=6.0)
    assert waiting_words(waiting, KINDS, LANGUAGES.of("en"), is_readers=False) == "waits for 2 batches, about 6 s"
