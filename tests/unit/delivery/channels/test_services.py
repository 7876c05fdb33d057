"""Each service is told what it takes, as it signs, in the size it takes, and its refusals are not taken for success."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from server.delivery.channels import dingtalk, feishu, slack, teams, wecom
from server.delivery.channels.asking import ServicePace
from server.delivery.channels.services import SERVICES
from server.delivery.messages import ChannelTarget, ChannelVia
from server.errors import NotDelivered
from tests.unit.delivery.channels.tellings import MESSAGE, NOON, answer, body_of, telling

URL = "https://chat.example.com/hook?key=s3cret"
CHATS = [via for via in SERVICES if via is not ChannelVia.WEBHOOK]
LONG = "一二三四五六七八九十 word\n" * 4_000
NASTY = "<@all> [x](http://evil) `a` *b* _c_ # d <!channel> {e} | 1\\2"
SECONDS = int(NOON.timestamp())


def target(via: ChannelVia, secret: str = "", url: str = URL) -> ChannelTarget:
    return ChannelTarget(via=via, url=url, secret=secret)


def body(via: ChannelVia, secret: str = "", **changed: Any) -> Any:
    return body_of(SERVICES[via].written(target(via, secret), telling(**changed)))


def texts(found: Any) -> list[str]:
    """All strings of a JSON value."""
    if isinstance(found, dict):
        return [text for value in found.values() for text in texts(value)]
    if isinstance(found, list):
        return [text for value in found for text in texts(value)]
    return [found] if isinstance(found, str) else []


def sign(key: str, content: str) -> str:
    return b64encode(hmac.new(key.encode(), content.encode(), hashlib.sha256).digest()).decode()


@pytest.mark.parametrize("via", CHATS)
def test_a_chat_shows_all_of_it_in_the_language_of_who_reads(via: ChannelVia) -> None:
    shown = "\n".join(texts(body(via, translate={"Open": "打开", "Files": "文件"}.get)))
    for said in ("Store 12, October 2026", "Returns fell.", "Rows", "门店 12.pdf", "文件", "打开"):
        assert said in shown
    assert "49,880" in shown
    assert "reports.example.com/s/abc?x=" in shown
    assert "secret-place" not in shown


@pytest.mark.parametrize("via", CHATS)
def test_what_is_too_long_is_cut_between_characters_and_says_so(via: ChannelVia) -> None:
    request = SERVICES[via].written(target(via), telling(text=LONG))
    shown = "".join(texts(body_of(request)))
    assert "Shortened: all of it is behind the link." in shown
    assert "reports.example.com/s/abc" in shown
    assert "�" not in shown
    assert "Rows" in shown
    assert "…" in shown


@pytest.mark.parametrize("via", CHATS)
def test_the_longest_that_fits_is_not_cut_and_one_more_is(via: ChannelVia) -> None:
    def is_short(letters: int) -> bool:
        return "Shortened" in str(body(via, text="a " * letters, facts=(), files=()))

    least, most = 0, 20_000
    assert is_short(most)
    while most - least > 1:
        middle = (least + most) // 2
        least, most = (least, middle) if is_short(middle) else (middle, most)
    assert least * 2 > 3_700  # nothing is cut that would fit


@pytest.mark.parametrize("via", CHATS)
def test_facts_that_do_not_fit_go_before_the_link_does(via: ChannelVia) -> None:
    facts = tuple((f"标签 {number}", "值" * 600) for number in range(60))
    shown = "".join(texts(body(via, text=LONG, facts=facts)))
    assert "标签 0" in shown
    assert "标签 59" not in shown
    assert "reports.example.com/s/abc" in shown
    assert "Shortened" in shown


def test_wecom_has_4096_bytes_of_markdown() -> None:
    content = body(ChannelVia.WECOM, text=LONG)["markdown"]["content"]
    assert wecom.MOST_BYTES - 10 <= len(content.encode()) <= wecom.MOST_BYTES == 4_096


@pytest.mark.parametrize(
    ("via", "limit", "least"),
    [
        (ChannelVia.DINGTALK, dingtalk.MOST_BYTES, 19_900),
        (ChannelVia.FEISHU, feishu.MOST_BYTES, 19_900),
        (ChannelVia.TEAMS, 27_000, 26_000),
    ],
)
def test_others_have_a_limit_of_the_whole_body(via: ChannelVia, limit: int, least: int) -> None:
    size = len(SERVICES[via].written(target(via, "s" if via is not ChannelVia.TEAMS else ""), telling(text=LONG)).body)
    assert least <= size <= limit < 28 * 1024


def test_slack_has_sections_of_3000_and_13000_in_all() -> None:
    sent = body(ChannelVia.SLACK, text="x" * 30_000, facts=tuple((f"{n}", "y" * 450) for n in range(12)))
    assert all(len(text) <= slack.MOST_OF_SECTION for text in texts(sent))
    assert len(sent["blocks"]) <= slack.MOST_BLOCKS
    assert 12_900 <= len(str(sent)) <= 14_000
    assert all(len(block.get("fields", ())) <= 10 for block in sent["blocks"])
    assert sum(len(text) for text in texts(sent)) <= slack.MOST_CHARACTERS


def test_slack_keeps_the_whole_text_when_it_is_several_sections_long() -> None:
    text = "\n".join(f"line {number} of many" for number in range(400))
    blocks = body(ChannelVia.SLACK, text=text)["blocks"]
    sections = [block["text"]["text"] for block in blocks if block["type"] == "section" and "text" in block]
    assert "\n".join(sections[:-1]) == text


@pytest.mark.parametrize("via", [ChannelVia.WECOM, ChannelVia.DINGTALK])
def test_signs_that_would_call_people_or_lead_elsewhere_mean_nothing(via: ChannelVia) -> None:
    (shown,) = (text for text in texts(body(via, title=NASTY, text=NASTY, facts=((NASTY, NASTY),))) if "###" in text)
    assert "＜＠all＞ ［x］(http://evil)" in shown
    assert "<" not in shown.replace("> ", "")
    assert shown.count("](") == 1  # that of our own link
    assert "(https://reports.example.com/s/abc?x=%281%29&y=2)" in shown


def test_slack_takes_text_as_text() -> None:
    sent = body(ChannelVia.SLACK, title=NASTY, text=NASTY)
    assert "&lt;!channel&gt;" in sent["text"]
    marked = [block["text"]["text"] for block in sent["blocks"] if block.get("text", {}).get("type") == "mrkdwn"]
    assert marked == ["<https://reports.example.com/s/abc?x=(1)&amp;y=2|Open>"]


def test_feishu_and_teams_take_text_as_text() -> None:
    elements = body(ChannelVia.FEISHU, text=NASTY)["card"]["elements"]
    assert elements[0]["text"] == {"tag": "plain_text", "content": NASTY}
    card = body(ChannelVia.TEAMS, text=NASTY, facts=((NASTY, "1-2_3"),))["attachments"][0]["content"]
    assert card["body"][1]["inlines"][0]["text"] == NASTY
    assert card["body"][2]["facts"][0]["value"] == r"1\-2\_3"
    assert {part["type"] for part in card["body"]} == {"RichTextBlock", "FactSet"}
    assert card["actions"][0]["url"] == MESSAGE.url


def test_dingtalk_signs_in_the_address_in_milliseconds() -> None:
    url = "https://oapi.dingtalk.com/robot/send?access_token=abc&timestamp=1&sign=old"
    request = dingtalk.DingTalkBot().written(target(ChannelVia.DINGTALK, "SEC1", url), telling())
    query = parse_qs(urlsplit(request.url).query)
    milliseconds = str(SECONDS * 1000)
    assert query == {
        "access_token": ["abc"],
        "timestamp": [milliseconds],
        "sign": [sign("SEC1", f"{milliseconds}\nSEC1")],
    }
    unsigned = dingtalk.DingTalkBot().written(target(ChannelVia.DINGTALK, "", url), telling())
    assert unsigned.url == "https://oapi.dingtalk.com/robot/send?access_token=abc"


def test_feishu_signs_nothing_with_time_and_secret_in_the_body_in_seconds() -> None:
    request = feishu.FeishuBot().written(target(ChannelVia.FEISHU, "sec"), telling())
    sent = body_of(request)
    assert (request.url, sent["timestamp"]) == (URL, str(SECONDS))
    assert sent["sign"] == sign(f"{SECONDS}\nsec", "")
    assert "sign" not in body(ChannelVia.FEISHU)


def test_a_webhook_is_signed_as_the_standard_says() -> None:
    key = b64encode(b"a key of thirty-two bytes, or so").decode()
    for secret, known in ((f"whsec_{key}", b64decode(key)), ("plain words", b"plain words"), ("whsec_?", b"whsec_?")):
        request = SERVICES[ChannelVia.WEBHOOK].written(target(ChannelVia.WEBHOOK, secret), telling())
        head = request.headers
        signed = f"{head['webhook-id']}.{head['webhook-timestamp']}.".encode() + request.body
        wanted = b64encode(hmac.new(known, signed, hashlib.sha256).digest()).decode()
        assert head["webhook-signature"] == f"v1,{wanted}"
        assert (head["webhook-id"], head["jindu-delivery"]) == ("01event", "01delivery")
        assert head["webhook-timestamp"] == str(SECONDS)
    assert (
        "webhook-signature" not in SERVICES[ChannelVia.WEBHOOK].written(target(ChannelVia.WEBHOOK), telling()).headers
    )


def test_a_webhook_carries_what_happened_and_not_where_files_lie_here() -> None:
    sent = body(ChannelVia.WEBHOOK)
    assert (sent["type"], sent["id"], sent["delivery_id"]) == ("report.ready", "01event", "01delivery")
    assert sent["timestamp"] == "2026-11-28T12:00:00Z"
    assert sent["data"]["facts"][0] == {"label": "Rows", "value": "49,880"}
    assert sent["data"]["files"] == [
        {"name": "门店 12.pdf", "size": 70_000, "type": "application/pdf", "sha256": "0f" * 32, "url": None}
    ]


TAKEN: dict[ChannelVia, list[tuple[int, object]]] = {
    ChannelVia.WEBHOOK: [(200, b""), (204, b""), (202, b"<html>")],
    ChannelVia.WECOM: [(200, {"errcode": 0, "errmsg": "ok"})],
    ChannelVia.DINGTALK: [(200, {"errcode": 0, "errmsg": "ok"})],
    ChannelVia.FEISHU: [(200, {"code": 0, "msg": "success"}), (200, {"StatusCode": 0, "StatusMessage": "success"})],
    ChannelVia.SLACK: [(200, b"ok")],
    ChannelVia.TEAMS: [(202, b""), (200, b"1")],
}


@pytest.mark.parametrize("via", TAKEN)
def test_what_a_service_took_is_success(via: ChannelVia) -> None:
    for status, said in TAKEN[via]:
        SERVICES[via].read(answer(status, said))


# what it says, whether trying again is of no use, and for how long it wants to be left alone
REFUSED = [
    (ChannelVia.WECOM, 200, {"errcode": 93000, "errmsg": "invalid webhook url"}, True, None),
    (ChannelVia.WECOM, 200, {"errcode": 40058, "errmsg": "markdown.content exceed max length 4096"}, True, None),
    (ChannelVia.WECOM, 200, {"errcode": 45009, "errmsg": "api freq out of limit"}, False, 60),
    (ChannelVia.WECOM, 200, {"errcode": -1, "errmsg": "system busy"}, False, None),
    (ChannelVia.WECOM, 200, b"<html>proxy</html>", False, None),
    (ChannelVia.DINGTALK, 200, {"errcode": 310000, "errmsg": "sign not match"}, True, None),
    (ChannelVia.DINGTALK, 200, {"errcode": 130101, "errmsg": "send too fast"}, False, 600),
    (ChannelVia.DINGTALK, 200, {"errcode": 460101, "errmsg": "message too long"}, True, None),
    (ChannelVia.FEISHU, 200, {"code": 19021, "msg": "sign match fail or timestamp is not within one hour"}, True, None),
    (ChannelVia.FEISHU, 400, {"code": 11232, "msg": "frequency limited"}, False, 60),
    (ChannelVia.FEISHU, 200, {"StatusCode": 19001, "StatusMessage": "token invalid"}, True, None),
    (ChannelVia.FEISHU, 502, b"", False, None),
    (ChannelVia.SLACK, 404, b"no_service", True, None),
    (ChannelVia.SLACK, 400, b"invalid_blocks", True, None),
    (ChannelVia.SLACK, 200, b"not ok", True, None),
    (ChannelVia.SLACK, 429, b"rate_limited", False, 30),
    (ChannelVia.SLACK, 503, b"busy", False, None),
    (ChannelVia.TEAMS, 200, b"Webhook message delivery failed with error: endpoint returned HTTP error 429", False, 60),
    (
        ChannelVia.TEAMS,
        200,
        b"Webhook message delivery failed with error: endpoint returned HTTP error 413",
        False,
        None,
    ),
    (ChannelVia.TEAMS, 400, b"", True, None),
    (ChannelVia.WEBHOOK, 500, b"", False, None),
    (ChannelVia.WEBHOOK, 404, b"", True, None),
    (ChannelVia.WEBHOOK, 408, b"", False, None),
    (ChannelVia.WEBHOOK, 307, b"", True, None),
]


@pytest.mark.parametrize(("via", "status", "said", "is_final", "pause"), REFUSED)
def test_what_a_service_refused_is_none(
    via: ChannelVia, status: int, said: Any, is_final: bool, pause: float | None
) -> None:
    with pytest.raises(NotDelivered, match=r"chat\.example\.com") as raised:
        SERVICES[via].read(answer(status, said))
    assert (raised.value.is_final, raised.value.retry_after) == (is_final, pause)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("120", 120),
        ("Sat, 28 Nov 2026 12:05:00 GMT", 300),
        ("Sat, 28 Nov 2026 11:00:00 GMT", 0),
        ("999999999999", 86_400),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_the_pause_that_was_asked_for_is_kept(said: str, seconds: float | None) -> None:
    for via, status in ((ChannelVia.WEBHOOK, 429), (ChannelVia.TEAMS, 503)):
        with pytest.raises(NotDelivered) as raised:
            SERVICES[via].read(answer(status, retry_after=said))
        assert (raised.value.retry_after, raised.value.is_final) == (seconds, False)


@pytest.mark.parametrize("via", [ChannelVia.WECOM, ChannelVia.DINGTALK, ChannelVia.FEISHU])
@pytest.mark.parametrize("said", [b"<html>proxy</html>", b"", {"ok": True}])
def test_an_answer_that_says_nothing_is_said_to_be_one(via: ChannelVia, said: Any) -> None:
    with pytest.raises(NotDelivered) as raised:
        SERVICES[via].read(answer(200, said))
    assert raised.value.text == "chat.example.com answered 200, and not whether it took the message."
    assert not raised.value.is_final


def test_a_service_that_repeats_our_address_gives_away_nothing() -> None:
    said = {"errcode": 93000, "errmsg": f"no such bot {URL} key={'k' * 80}\nmore"}
    with pytest.raises(NotDelivered) as raised:
        SERVICES[ChannelVia.WECOM].read(answer(200, said))
    assert raised.value.text == "chat.example.com refused the message: 93000 no such bot … … more."


def test_the_other_sides_limits_are_never_reached() -> None:
    """Of the most that a pace lets through in any such time."""

    def most(pace: ServicePace, seconds: float) -> int:
        return pace.burst + int(seconds / pace.seconds)

    assert most(SERVICES[ChannelVia.WECOM].pace, 60) <= 20
    assert most(SERVICES[ChannelVia.DINGTALK].pace, 60) <= 20
    assert most(SERVICES[ChannelVia.FEISHU].pace, 60) <= 100
    assert most(SERVICES[ChannelVia.FEISHU].pace, 1) <= 5
    assert SERVICES[ChannelVia.SLACK].pace.seconds >= 1
    assert most(SERVICES[ChannelVia.TEAMS].pace, 1) <= 4
    assert teams.MOST_BYTES < 28 * 1024
