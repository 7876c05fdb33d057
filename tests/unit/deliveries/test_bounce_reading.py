"""What a mail says that came back, and that nothing made up by a stranger says anything, or holds anybody up."""

from __future__ import annotations

import time

import pytest

from server.deliveries.bounce_reading import MOST_BYTES, new_tag, read_bounce, tagged
from tests.bounces import ADDRESS, bounced

TAG = "0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("action", "status", "has_failed", "is_hard"),
    [
        ("failed", "5.1.1", True, True),
        ("Failed", "5.7.1 (blocked)", True, True),
        ("failed", "5.2.2", True, False),  # a mailbox that is full
        ("failed", "4.4.7", True, False),  # given up after days, and may be there tomorrow
        ("failed", "", True, False),
        ("delayed", "4.4.1", False, False),
    ],
)
def test_what_it_says_is_read(action: str, status: str, has_failed: bool, is_hard: bool) -> None:
    found = read_bounce(bounced(TAG, action=action, status=status), ADDRESS)
    assert found is not None
    assert (found.tag, found.has_failed, found.is_hard) == (TAG, has_failed, is_hard)
    assert found.said == "550 5.1.1 <mei@example.org>: Recipient address rejected: User unknown"


def test_what_says_nothing_of_a_mail_of_ours_is_left_alone() -> None:
    whole = bounced(TAG)
    away = (
        b"To: bounces+%s@example.com\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nBack on Monday."
    )
    for raw in (
        b"",
        b"\xff\xfe\x00",
        away % TAG.encode(),
        bounced(TAG, kind="disposition-notification"),  # somebody has read it
        bounced(TAG, action="delivered"),
        bounced(TAG, action="relayed"),
        bounced("", to="bounces@example.com"),
        bounced("", to=f"bounces+{TAG}@example.com.evil.org"),
        bounced("", to=f"mybounces+{TAG}@example.com"),
        bounced("", to=f"bounces+{TAG[1:]}@example.com"),
        bounced("", to=f"bounces+{TAG}@example.com, bounces+{new_tag()}@example.com"),  # of which?
        whole[: whole.index(b"Final-Recipient")],
        whole.replace(b"message/delivery-status", b"text/plain"),
    ):
        assert read_bounce(raw, ADDRESS) is None
    # The mail that came back may hold a report of its own: that is of no mail of ours.
    inside = whole.replace(b"message/delivery-status", b"text/plain").replace(
        b"The report.", bounced(TAG).replace(b"b1", b"b2")
    )
    assert read_bounce(inside, ADDRESS) is None


def test_what_servers_do_to_it_does_no_harm() -> None:
    upper = bounced("", to=f"<BOUNCES+{TAG.upper()}@EXAMPLE.COM>")
    assert read_bounce(upper, ADDRESS) is not None
    odd = bounced(TAG, said="smtp; 550 \udcff\udcfe nobody\n =?no-such-charset?q?=41?=\n\t" + "x" * 9_000)
    found = read_bounce(odd.replace(b"us-ascii", b"no-such-charset"), ADDRESS)
    assert found is not None
    assert found.said.startswith("550 ")
    assert len(found.said) <= 500
    found.said.encode()  # it can be stored
    large = bounced(TAG).replace(b"The report.", b"x" * 50_000_000)
    assert read_bounce(large, ADDRESS) is not None


def test_one_that_is_made_to_take_long_does_not() -> None:
    parts = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (number, number) for number in range(4_000)
    )
    began = time.process_time()
    assert read_bounce(b"To: bounces+%s@example.com\r\n" % TAG.encode() + parts, ADDRESS) is None
    headers = b"".join(b"To: bounces+%s@example.com\r\n" % (b"a" * 23) for _ in range(9_000))
    assert read_bounce(headers, ADDRESS) is None
    assert time.process_time() - began < 10
    assert MOST_BYTES < 1_000_000


def test_tags_are_short_enough_for_a_mail_address_and_never_the_same() -> None:
    tags = {new_tag() for _ in range(1_000)}
    assert len(tags) == 1_000
    assert tagged(ADDRESS, TAG) == f"bounces+{TAG}@example.com"
    assert all(len(tagged(f"{'b' * 38}@x.y", tag).partition("@")[0]) <= 64 for tag in tags)
