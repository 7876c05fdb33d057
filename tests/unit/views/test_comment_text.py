"""A comment on a page: text, links to pages of the web, people who are named; and nothing else."""

from __future__ import annotations

import pytest

from server.clock import utc_now
from server.reports.comments import Comment, Mention
from views.comment_text import comment_text


def shown(text: str, *names: str) -> str:
    mentions = [Mention(name=name, user_id="x") for name in names]
    known = {"id": "c", "sequence": 1, "report_id": "r", "author_id": "a", "author": "a", "created_at": utc_now()}
    return comment_text(Comment(text=text, mentions=mentions, **known))


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("see https://example.com/a?b=1&c=2.", ["https://example.com/a?b=1&amp;c=2"]),
        ("见https://example.com/页。好", ["https://example.com/页"]),
        ("(https://example.com/a)", ["https://example.com/a"]),
        ("https://example.com/a_(b)", ["https://example.com/a_(b)"]),
        ("HTTP://EXAMPLE.COM, x", ["HTTP://EXAMPLE.COM"]),
        ('https://example.com/"onmouseover="x', ["https://example.com/"]),
        ("javascript:alert(1) data:text/html,x //example.com ftp://example.com", []),
    ],
)
def test_only_addresses_of_the_web_lead_anywhere(text: str, addresses: list[str]) -> None:
    page = shown(text)
    assert [part.partition('"')[0] for part in page.split('href="')[1:]] == addresses
    assert page.count("<") == 2 * len(addresses)


def test_all_else_is_text() -> None:
    assert shown("<b>&\"'</b>\n") == "&lt;b&gt;&amp;&#34;&#39;&lt;/b&gt;\n"
    assert shown("@mei<i>", "mei") == '<b class="mention strong">@mei</b>&lt;i&gt;'
