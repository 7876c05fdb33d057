"""What a page says of a cron expression, in both languages; and that it says nothing where it could be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel import Locale

from server.languages import Languages
from server.schedules.said_times import said_times

LANGUAGES = Languages.load(Path(__file__).parents[3] / "locales")
SAID = {
    "0 8 * * *": ("every day at 08:00", "每天 08:00"),
    "0 8,17 * * *": ("every day at 08:00 and 17:00", "每天 08:00和17:00"),
    "30 17 * * 1-5": ("Monday to Friday at 17:30", "星期一至星期五 17:30"),
    "0 8 * * 7": ("every Sunday at 08:00", "每星期日 08:00"),
    "0 8 * * MON,wed,5": ("every Monday, Wednesday, and Friday at 08:00", "每星期一、星期三和星期五 08:00"),
    "0 8 * * 6,0": ("every Saturday and Sunday at 08:00", "每星期六和星期日 08:00"),
    "0 8 1-31 * 1-7": ("every day at 08:00", "每天 08:00"),
    "0 8 15 * *": ("on day 15 of each month at 08:00", "每月15日 08:00"),
    "0 8 1,15 * *": ("on days 1 and 15 of each month at 08:00", "每月1和15日 08:00"),
    "0 8 1-7 * *": ("on days 1 to 7 of each month at 08:00", "每月1至7日 08:00"),
    "5 0 L * *": ("on the last day of each month at 00:05", "每月最后一天 00:05"),
    "0 8 15,L * *": ("on day 15 and the last day of each month at 08:00", "每月15日和最后一天 08:00"),
    "0 0 LW * *": ("on the last day from Monday to Friday of each month at 00:00", "每月周一至周五的最后一天 00:00"),
    "0 8 1 1,7 *": ("on day 1 of January and July at 08:00", "一月和七月的1日 08:00"),
    "0 8 1 */3 *": ("on day 1 of January, April, July, and October at 08:00", "一月、四月、七月和十月的1日 08:00"),
    "0 8 * JAN-MAR *": ("every day in January to March at 08:00", "一月至三月每天 08:00"),
    "0 8 * 6 1": ("every Monday in June at 08:00", "六月每星期一 08:00"),
    "0 8 * * 1#1": ("on the first Monday of each month at 08:00", "每月第一个星期一 08:00"),
    "0 8 * * 5L": ("on the last Friday of each month at 08:00", "每月最后一个星期五 08:00"),
    "*/5 * * * *": ("every 5 minutes", "每 5 分钟"),
    "5/15 * * * *": ("every 15 minutes from 00:05 until 23:50", "00:05 至 23:50 每 15 分钟"),
    "*/15 8-17 * * 1-5": (
        "Monday to Friday, every 15 minutes from 08:00 until 17:45",
        "星期一至星期五，08:00 至 17:45 每 15 分钟",
    ),
    "* 8 * * *": ("every minute from 08:00 until 08:59", "08:00 至 08:59 每分钟"),
    "0 * * * *": ("every hour", "每小时"),
    "15 8-18 * * *": ("every hour from 08:15 until 18:15", "08:15 至 18:15 每小时"),
    "0 */2 * * *": ("every 2 hours", "每 2 小时"),
    "30 */2 * * *": ("every 2 hours from 00:30 until 22:30", "00:30 至 22:30 每 2 小时"),
    # A day of the month and a day of the week: either, but both where one begins with `*`.
    "0 8 13 * 5": ("on day 13 of each month or every Friday at 08:00", "每月13日或每星期五 08:00"),
    "0 0 */2 * 1": ("on odd days of each month, but only on a Monday at 00:00", "每月单日，且须为星期一 00:00"),
    "0 0 1 * */2": (
        "on day 1 of each month, but only on a Tuesday, Thursday, Saturday, or Sunday at 00:00",
        "每月1日，且须为星期二、星期四、星期六或星期日 00:00",
    ),
    "0 8 1-31 * 1": ("every day at 08:00", "每天 08:00"),
    # Written like an interval, and none: the times that there are, or nothing.
    "0 */5 * * *": ("every day at 00:00, 05:00, 10:00, 15:00, and 20:00", "每天 00:00、05:00、10:00、15:00和20:00"),
    "*/20 9,11 * * *": (
        "every day at 09:00, 09:20, 09:40, 11:00, 11:20, and 11:40",
        "每天 09:00、09:20、09:40、11:00、11:20和11:40",
    ),
    "*/7 * * * *": (None, None),
    "*/20 9,11,14 * * *": (None, None),
    "0 8 1,3,9,12,14,16,18,22,25 * *": (None, None),
    "0 8 * * 1#1,5": (None, None),
    "0 0 */3 * 1#1": (None, None),
    "nonsense": (None, None),
}


@pytest.mark.parametrize("cron", SAID)
def test_what_it_is_in_words(cron: str) -> None:
    found = tuple(
        said_times(cron, LANGUAGES.of(language).gettext, Locale.parse(language, sep="-"))
        for language in ("en", "zh-CN")
    )
    assert found == SAID[cron]
