"""The dataset that report tests read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.reports.orders import write_orders


@pytest.fixture(scope="session")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_orders(tmp_path_factory.mktemp("orders"))
