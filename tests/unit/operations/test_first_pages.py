"""First pages: of the newest batch that has some, for whoever may see it, and gone with it."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

from PIL import Image

from server.auth.permissions import Principal
from server.errors import JinduError, NotFound
from server.reports.first_page import draw_first_page
from server.reports.work import FirstPageRequest
from tests.unit.operations.conftest import SALES, House, only_looking, refused

PAGED = "title: Paged\nformats: [pdf]\nblocks:\n  - heading: A page\n"


async def kept(house: House, batch_id: str) -> set[str]:
    return {found.key.rpartition(".")[2] async for found in house.parts.storage.blobs.under(f"reports/{batch_id}")}


async def test_whoever_may_see_a_batch_sees_its_first_page(house: House, alice: Principal, bob: Principal) -> None:
    await house.todo.templates.save(alice, "paged", PAGED)
    batch = await house.reported(alice, "paged")
    assert await kept(house, batch.batch_id) == {"pdf"}  # it is drawn when somebody looks
    pictures = [await house.todo.first_pages.picture(asks, batch.batch_id) for asks in (alice, house.admin)]
    assert pictures[0] == pictures[1]
    with Image.open(io.BytesIO(pictures[0])) as picture:
        assert (picture.format, picture.size) == ("WEBP", (480, 679))
    assert await kept(house, batch.batch_id) == {"pdf", "webp"}
    template = await house.todo.templates.get(alice, "paged")
    for asks in only_looking(alice):
        assert await house.todo.first_pages.newest(asks, [template.id]) == {template.id: batch.batch_id}
    assert await house.todo.first_pages.newest(bob, [template.id]) == {}
    with refused(NotFound):
        await house.todo.first_pages.picture(bob, batch.batch_id)
    await house.todo.batches.delete(alice, batch.batch_id)
    assert await kept(house, batch.batch_id) == set()
    with refused(NotFound):
        await house.todo.first_pages.picture(alice, batch.batch_id)


async def test_the_newest_batch_with_pages_counts(house: House, alice: Principal) -> None:
    await house.given(alice)
    await house.todo.templates.save(alice, "sales", SALES.replace("[html]", "[html, pdf]"))
    await house.todo.templates.save(alice, "paged", PAGED)
    older, newer = [await house.reported(alice, formats=["pdf"]) for _ in range(2)]
    without = await house.reported(alice, formats=["html"])
    ids = {name: (await house.todo.templates.get(alice, name)).id for name in ("sales", "paged")}
    assert await house.todo.first_pages.newest(alice, list(ids.values())) == {ids["sales"]: newer.batch_id}
    with refused(NotFound):
        await house.todo.first_pages.picture(alice, without.batch_id)
    assert older.batch_id != newer.batch_id


async def test_nothing_stays_of_a_batch_that_is_deleted_while_its_page_is_drawn(house: House, alice: Principal) -> None:
    await house.todo.templates.save(alice, "paged", PAGED)
    batch = await house.reported(alice, "paged")
    drawn, _ = await asyncio.gather(
        house.todo.first_pages.picture(alice, batch.batch_id),
        house.todo.batches.delete(alice, batch.batch_id),
        return_exceptions=True,
    )
    assert isinstance(drawn, bytes | JinduError)
    assert await kept(house, batch.batch_id) == set()


def test_what_is_no_pdf_has_no_page(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pdf"
    damaged.write_bytes(b"%PDF-1.7\nnothing more")
    for path in (damaged, tmp_path / "gone.pdf"):
        with refused(NotFound):
            draw_first_page(FirstPageRequest(pdf=path, target=tmp_path / "page.webp", width=480), lambda _message: None)
    assert not (tmp_path / "page.webp").exists()
