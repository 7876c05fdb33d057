"""What several modules of functional tests stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.functional.openid_double import OpenIdDouble, openid_double


@pytest.fixture
async def double() -> AsyncIterator[OpenIdDouble]:
    async with openid_double() as made:
        yield made
