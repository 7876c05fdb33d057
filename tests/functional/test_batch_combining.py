"""A batch as one PDF: what is finished of it, for whoever may see the batch."""

from __future__ import annotations

import io

import aiohttp
from pypdf import PdfReader

from tests.functional.batches import RIGHT, SALES, made, put_template, read
from tests.functional.importing import import_text

DATA = "region,amount,paid\nNorth,1,true\nSouth,2,false\nWest,3,true\n"


async def test_one_file_holds_all_that_were_made_and_tells_which_were_not(
    alice: aiohttp.ClientSession, bob: aiohttp.ClientSession
) -> None:
    await import_text(alice, DATA)
    await put_template(alice, "sales", SALES)
    batch = await made(alice, "sales", formats=["pdf", "html"])
    door = f"/api/v1/batches/{batch['id']}/combined.pdf"
    async with alice.get(door) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/pdf"
        assert "attachment" in response.headers["Content-Disposition"]
        pages = [page.extract_text() for page in PdfReader(io.BytesIO(await response.read())).pages]
    assert len(pages) == 3
    assert "South" in pages[0]
    assert "Failed" in pages[0]
    assert "North sales" in pages[1]
    assert "West sales" in pages[2]
    async with alice.head(door) as response:
        assert (response.status, response.content_type) == (200, "application/pdf")
    await read(bob, door, status=404)


async def test_without_a_pdf_there_is_none(alice: aiohttp.ClientSession) -> None:
    await import_text(alice, DATA)
    await put_template(alice, "sales", RIGHT)
    batch = await made(alice, "sales", formats=["html"])
    problem = await read(alice, f"/api/v1/batches/{batch['id']}/combined.pdf", status=409)
    assert "format pdf" in problem["detail"]
