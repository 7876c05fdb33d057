"""The pages of mails escape what people wrote, and bring what programs show in the dark."""

from __future__ import annotations

import re

from server.live.notice_mails import ShownNotice
from server.live.notice_page import confirm_page, notice_page

LINK = {"url": "https://x.example/a?b=1&c=2", "label": "Choose again"}
EVIL = "<script>alert(1)</script>"


def page(*notices: ShownNotice, heading: str = "") -> str:
    known = {"language": "en", "subject": EVIL, "opens": "Open", "note": "", "why": "Because", "reasons": [EVIL]}
    return notice_page(**known, heading=heading, notices=notices, account=LINK, stop=LINK)


def test_what_people_wrote_is_text() -> None:
    notice = ShownNotice(title=EVIL, body=f"{EVIL}\nsecond", url='https://x.example/"onload="', time="12:00")
    for shown in (page(notice), page(notice, notice, heading=EVIL)):
        assert "<script" not in shown
        assert '"onload="' not in shown
        assert "<br>second" in shown
        assert "color-scheme" in shown
    assert "<script" not in confirm_page(
        language="en", subject=EVIL, heading=EVIL, body=EVIL, url="https://x.example/", opens=EVIL, why=EVIL
    )


def test_one_has_a_button_and_several_have_links() -> None:
    notice = ShownNotice(title="Ready", body="", url="https://x.example/jobs/1", time="12:00")
    assert "inline-block" in page(notice)
    several = page(notice, notice, heading="2 notifications")
    assert "inline-block" not in several
    assert len(re.findall("https://x.example/jobs/1", several)) == 2
