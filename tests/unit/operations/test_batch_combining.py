"""A batch as one PDF: for whom, and when there is none."""

from __future__ import annotations

import io

import pytest
from pypdf import PdfReader

from server.auth.permissions import Principal
from server.errors import Conflict, NotFound
from server.operations import batch_combining
from tests.unit.operations.conftest import House, bytes_of, refused

SOURCE = """\
title: "{{ region }}"
formats: [pdf]
parameters:
  region: {each: ["North", "South"]}
blocks:
  - text: "{{ 1 / 0 if region == 'South' else 1 }}"
"""


async def test_it_holds_what_was_made_and_tells_what_was_not(
    house: House, alice: Principal, bob: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.todo.templates.save(alice, "regions", SOURCE)
    batch_id = (await house.reported(alice, "regions")).batch_id
    made = await house.todo.batch_combining.combined(alice, batch_id)
    pages = [page.extract_text() for page in PdfReader(io.BytesIO(bytes_of(made))).pages]
    assert len(pages) == 2
    assert "1 of 2 reports were made" in pages[0]
    assert "zero" in pages[0]
    assert house.left_in_scratch() == []
    with refused(NotFound):
        await house.todo.batch_combining.combined(bob, batch_id)
    monkeypatch.setattr(batch_combining, "_MOST_REPORTS", 0)
    with refused(Conflict, "combined_too_large"):
        await house.todo.batch_combining.combined(alice, batch_id)


async def test_without_pdfs_there_is_none(house: House, alice: Principal) -> None:
    await house.todo.templates.save(alice, "regions", SOURCE)
    batch_id = (await house.reported(alice, "regions", formats=["html"])).batch_id
    with refused(Conflict):
        await house.todo.batch_combining.combined(alice, batch_id)
