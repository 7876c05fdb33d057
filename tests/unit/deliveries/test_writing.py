"""What a mail says, and what it never leaves out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from server.deliveries.delivery import (
    DeliveredFile,
    DeliveredReport,
    DeliveryContent,
    DeliveryState,
    FrozenDelivery,
    TriedMail,
)
from server.deliveries.drafts import encoded_bytes
from server.deliveries.writing import DeliveryWords
from server.delivery.wishes import DeliveryVia
from server.languages import Languages
from server.places import LOCALES

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)
FILE = DeliveredFile(name="s.pdf", format="pdf", media_type="application/pdf", size=3, sha256="x", blob="reports/1")
REPORT = DeliveredReport(
    id="r1", title="<North>", parameters=[("month", "2026-10")], figures=[("Revenue", "1,234")], files=[FILE]
)
LANGUAGES = Languages.load(LOCALES)


def words(
    *, unsubscribe: str = "", base: str = "https://example.com", trial_for: str | None = None, **content: Any
) -> DeliveryWords:
    known: dict[str, Any] = {
        "subject": "",
        "body": "",
        "batch_name": "Sales",
        "template": "sales",
        "period": "2026-10",
        "language": "en",
        "time_zone": "Asia/Shanghai",
        "as_of": NOON,
        "is_whole": True,
        "attach": True,
        "report_ids": ["r1", "r2"],
        "reports": [REPORT, DeliveredReport(id="r2", title="South")],
    }
    delivery = FrozenDelivery(
        id="d1",
        batch_id="b1",
        owner_id="u1",
        schedule_id=None,
        position=0,
        via=DeliveryVia.MAIL,
        recipient="boss@example.com",
        report_id="",
        report_count=2,
        state=DeliveryState.WAITING,
        attempts=1,
        next_at=NOON,
        error=None,
        receipt="",
        created_at=NOON,
        sent_at=None,
        trial_for=trial_for,
        content=DeliveryContent(**(known | content)),
        sealed="",
        message_id="<d1@example.com>",
        round="j1",
    )
    secrets = {"l1": "secret"}
    return DeliveryWords(delivery, languages=LANGUAGES, base=base, secrets=secrets, unsubscribe=unsubscribe)


def test_what_is_left_out_since_it_has_no_rows_is_named() -> None:
    assert "no rows" not in words().text()
    told = words(left_out=["South", "West"], left_out_count=2)
    assert "Not sent, since they have no rows: South, West." in told.text()
    assert "Not sent, since they have no rows: South, West." in told.message().text
    many = words(left_out=["South", "West"], left_out_count=9).mail().html
    assert "Not sent, since they have no rows: South, West and 7 more." in many


def test_a_trial_says_first_who_it_would_go_to() -> None:
    tried = words(
        trial_for="mei@example.com", body="For {{ recipient }}", trial=TriedMail(user_id="u", sent=3, total=200)
    )
    assert tried.subject == "Trial: would go to mei@example.com · Sales · 2026-10"
    mail = tried.mail()
    assert mail.recipients == ("boss@example.com",)
    told = "This is a trial. The mail would go to mei@example.com, and nobody but you has got it."
    assert mail.text.startswith(f"{told} The first 3 of 200 mails were sent to you.\n\nFor mei@example.com")
    assert mail.html.index(told) < mail.html.index("<h1")
    assert "trial" not in words().mail().html.casefold()


def test_the_period_stands_in_the_subject_once() -> None:
    assert words().subject == "Sales · 2026-10"
    assert words(batch_name="Sales 2026-10").subject == "Sales 2026-10"
    assert words(period="").subject == "Sales · Nov 27, 2026"
    for said in ("Sales · October 2026", "销售月报 · 2026年10月"):  # as batches are called, in either language
        assert words(batch_name=said).subject == said
    assert words(period="2026-10-05", batch_name="Sales · 2026年10月5日").subject == "Sales · 2026年10月5日"
    assert words(period="2026-01-01 – 2026-01-31").subject == "Sales · 2026-01-01 – 2026-01-31"
    filled = words(subject="{{ batch }} {{count}} {{ recipient }}", batch_name="{{ date }}").subject
    assert filled == "{{ date }} 2 boss@example.com"  # what a value holds is no placeholder


def test_both_parts_say_the_same_and_nothing_is_markup() -> None:
    mail = words().mail()
    assert "Revenue: 1,234" in mail.text
    assert "<North>" in mail.text
    assert "&lt;North&gt;" in mail.html
    assert "<North>" not in mail.html
    assert [each.sha256 for each in mail.attachments] == ["x"]
    assert words(language="zh-CN").mail().html.startswith('<!doctype html>\n<html lang="zh-CN">')


def test_what_is_not_there_is_said() -> None:
    text = words(missing=3, is_large=True, attach=False, link_id="l1", links_end_at=NOON).text()
    assert "could not be made: 3" in text
    assert "too large to be attached; open them by the link" in text
    assert "https://example.com/s/secret/reports/r1" in text
    assert "until the end of Nov 27, 2026" in text
    assert words(attach=False, is_large=True, base="").text().count("https://") == 0
    assert "Ask whoever sent you" in words(attach=False, is_large=True, base="").text()
    many = words(report_ids=[str(number) for number in range(60)])
    assert "And 58 more reports" in many.text()
    assert many.mail().attachments
    # What programs would clip is left out with a word, and the end of the mail stays.
    figures = [(f"Figure {number}", "1,234,567") for number in range(6)]
    reports = [DeliveredReport(id=str(number), title=f"Region {number}", figures=figures) for number in range(50)]
    ids = [str(number) for number in range(50)]
    mail = words(report_ids=ids, reports=reports, unsubscribe="https://example.com/u").mail()
    told = mail.html.count("Figure 5")
    assert len(mail.html.encode()) < 102_000
    assert 20 < told < 50
    assert f"And {50 - told} more reports" in mail.html
    assert "https://example.com/u" in mail.html
    assert mail.text.count("Figure 5") == 50


def test_a_message_of_a_chat_has_the_figures_of_its_report() -> None:
    message = words(report_ids=["r1"], reports=[REPORT]).message()
    assert (message.title, message.facts) == ("<North> · 2026-10", (("month", "2026-10"), ("Revenue", "1,234")))


def test_sizes_are_those_of_the_mail() -> None:
    assert encoded_bytes(0) == 0
    assert encoded_bytes(3) == 6
    assert encoded_bytes(57_000) == 76_000 + 2_000


def test_two_files_of_one_name_are_attached_under_two() -> None:
    mail = words(reports=[REPORT, DeliveredReport(id="r2", title="South", files=[FILE])]).mail()
    assert [each.name for each in mail.attachments] == ["s.pdf", "s (2).pdf"]
