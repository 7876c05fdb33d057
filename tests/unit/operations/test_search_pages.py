"""Pages are found in the reader's language and in English, by whoever may open them."""

from __future__ import annotations

from server.auth.permissions import Role
from server.operations.search_pages import PAGES
from tests.unit.operations.conftest import House


def test_no_page_is_named_twice() -> None:
    assert len({page.url for page in PAGES}) == len(PAGES)


async def test_roles_find_what_they_can_press(house: House) -> None:
    async def urls(name: str, q: str, *, role: Role) -> list[str]:
        principal = house.admin if role is Role.ADMIN else await house.user(name, role=role)
        return [hit.url for hit in (await house.todo.search.find(principal, q, limit=50)).hits if hit.kind == "page"]

    everything = await urls("", "", role=Role.ADMIN)
    assert everything == [page.url for page in PAGES]
    viewer = await urls("vera", "", role=Role.VIEWER)
    assert not {"/imports/new", "/templates/new", "/batches/new", "/admin/users"} & {*viewer}
    assert {"/", "/batches", "/account"} <= {*viewer}
    editor = await urls("edith", "", role=Role.EDITOR)
    assert {*everything} - {*editor} == {url for url in everything if url.startswith("/admin")}
    assert await urls("", "new tem", role=Role.ADMIN) == ["/templates/new"]
    assert (await urls("", "people", role=Role.ADMIN))[0] == "/admin/users"
