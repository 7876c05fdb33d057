"""What pages take from forms."""

from __future__ import annotations

import pytest

from views.forms import local_target


@pytest.mark.parametrize("target", ["/", "/jobs?state=failed", "/datasets/订单"])
def test_own_pages_are_targets(target: str) -> None:
    assert local_target(target) == target


@pytest.mark.parametrize(
    "target", ["", "https://evil.example/", "//evil.example", "/\\evil.example", "/a\nb", "javascript:alert(1)"]
)
def test_other_addresses_become_the_home_page(target: str) -> None:
    assert local_target(target) == "/"
