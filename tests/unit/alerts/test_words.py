"""What people read of alerts, in each language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from server.alerts.alert import Alert, LastTold
from server.alerts.subjects import SUBJECT_BY_NAME
from server.alerts.words import AlertNews, length_phrase, lines, title_phrase, translated
from server.languages import Languages
from server.places import LOCALES

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.0042, "4.2 ms"),
        (1, "1 s"),
        (90, "1.5 min"),
        (7_200, "2 h"),
    ],
)
def test_lengths_of_time_are_in_the_unit_people_would_use(seconds: float, said: str) -> None:
    assert translated(length_phrase(seconds), str) == said


def test_a_title_is_in_the_language_of_its_reader() -> None:
    gettext = Languages.load(LOCALES).of("zh-CN").gettext
    rule = SUBJECT_BY_NAME["disk_left"]
    alert = Alert(
        id="1",
        rule_id="disk_left",
        subject=rule,
        target="",
        node="",
        threshold=0.1,
        began_at=NOON,
        seen_at=NOON,
        fired_at=NOON,
        well_since=None,
        ended_at=None,
        value=0.05,
        worst=0.05,
        told=LastTold.NOTHING,
        told_at=None,
    )
    over = replace(alert, ended_at=NOON)
    for firing, ended in (([alert], []), ([alert] * 2, []), ([], [over]), ([], [over] * 2), ([alert], [over])):
        news = AlertNews(firing=firing, ended=ended)
        for said in (title_phrase(news), *lines(news)):
            assert not re.search("[A-Za-z]{2,}", translated(said, gettext))
