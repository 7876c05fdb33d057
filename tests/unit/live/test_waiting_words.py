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


@pytest.mark.parametrize("noun", ["import", "report", "batch", "job"])
def test_each_kind_of_work_has_a_sentence_in_every_language_for_whoever_reads(noun: str) -> None:
    kinds = JobKinds([JobKind(name="work", label="", unit="", noun=noun, step_noun=noun, function=None)])
    readers = ((True, True), (False, True), (False, False))  # whose work is in front, and whether they may know
    for count in (1, 2):
        told = [
            waiting_words(
                Waiting(reason=TURN, kind="work", count=count, is_own=is_own),
                kinds,
                LANGUAGES.of(language),
                is_readers=may_know,
            )
            for is_own, may_know in readers
            for language in ("en", "zh-CN")
        ]
        assert len(set(told)) == 6
        assert all(str(count) in sentence for sentence in told)
        assert ["waits for" in sentence for sentence in told] == [True, False] * 3
