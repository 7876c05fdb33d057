"""Pages of lists: never longer than asked for, never much larger than allowed, and nothing is skipped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from server.storage.pages import page_of


@given(
    sizes=st.lists(st.integers(0, 50), max_size=60),
    limit=st.integers(1, 20),
    max_bytes=st.integers(1, 100),
)
def test_pages_together_are_the_list(sizes: list[int], limit: int, max_bytes: int) -> None:
    rows = list(enumerate(sizes))
    seen: list[int] = []
    has_more = True
    while has_more:
        page, has_more = page_of(rows[len(seen) :][: limit + 1], limit=limit, max_bytes=max_bytes)
        assert len(page) <= limit
        assert len(page) == 1 or sum(sizes[key] for key in page) <= max_bytes
        assert page or not sizes
        seen += page
    assert seen == list(range(len(sizes)))
