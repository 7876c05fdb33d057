"""Several tabs correct the rows of one import: what somebody typed is applied by its line, or said and shown again."""

from __future__ import annotations

import re
from typing import Any

import aiohttp

from tests.functional.importing import ended, import_text, start, upload

Client = aiohttp.ClientSession
COLUMNS = [{"name": "id", "type": "integer"}, {"name": "n", "type": "integer"}]


async def _imported(client: Client, rejects: int) -> str:
    text = "id,n\n0,0\n" + "".join(f"{number},x{number}\n" for number in range(1, rejects + 1))
    state = await import_text(client, text, options={"columns": COLUMNS})
    assert state["rejected_count"] == rejects
    return str(state["job_id"])


async def _page(client: Client, path: str) -> str:
    async with client.get(path) as response:
        assert response.status == 200
        return await response.text()


def _form(page: str) -> dict[str, str]:
    """As a browser sends it."""
    fields = re.findall(r'<input [^>]*name="([^"]+)"[^>]*? value="([^"]*)"', page)
    return {name: value for name, value in fields if re.match(r"r\d|was\d", name)}


async def _sent(client: Client, job_id: str, form: dict[str, str]) -> tuple[dict[str, Any], str]:
    """The correction once it is over, and the page then."""
    async with client.post(f"/imports/{job_id}/correct", data=form, allow_redirects=False) as response:
        assert response.status == 303
        target = response.headers["Location"]
    found = re.search(r"after=(\w+)", target)
    assert found is not None
    return await ended(client, found[1]), await _page(client, target)


async def test_what_is_typed_on_a_later_page_is_added_after_another_tab_took_rows_of_the_first(alice: Client) -> None:
    job_id = await _imported(alice, 60)
    first = await _page(alice, f"/imports/{job_id}/correct")
    following = re.search(r'href="(/imports/[^"]*cursor=[^"]*)"', first)
    assert following is not None
    second = _form(await _page(alice, following[1].replace("&amp;", "&")))
    await _sent(alice, job_id, _form(first) | {"r3.1": "1"})
    lines = range(53, 63)
    assert {int(name[1:-2]) for name in second if name.endswith(".1")} == set(lines)
    typed = {f"r{line}.1": str(line) for line in lines}
    done, page = await _sent(alice, job_id, second | typed | {"r62.1": "no"})
    assert (done["result"]["corrected_count"], done["result"]["wrong_count"], done["result"]["left_count"]) == (
        9,
        1,
        50,
    )
    assert 'name="r62.1" value="no"' in page
    assert 'name="r4.1"' not in page


async def test_only_what_was_changed_is_judged_also_where_somebody_has_added_it(alice: Client) -> None:
    job_id = await _imported(alice, 3)
    form = _form(await _page(alice, f"/imports/{job_id}/correct"))
    await _sent(alice, job_id, form | {"r3.1": "11"})
    done, page = await _sent(alice, job_id, form | {"r3.1": "12"})
    assert done["error"]["code"] == "already_corrected"
    assert "what you typed was not used" in page
    assert "<code>12</code>" in page
    assert 'name="r4.1"' in page
    done, page = await _sent(alice, job_id, form | {"r3.1": "12", "r4.1": "22"})
    assert (done["result"]["corrected_count"], done["result"]["missing_lines"]) == (1, [3])
    assert "<code>12</code>" in page


async def test_after_the_last_row_was_added_a_second_try_is_told_so(alice: Client) -> None:
    job_id = await _imported(alice, 1)
    form = _form(await _page(alice, f"/imports/{job_id}/correct")) | {"r3.1": "1"}
    await _sent(alice, job_id, form)
    done, page = await _sent(alice, job_id, form)
    assert done["error"]["code"] == "already_corrected"
    assert "No row is left out any more" in page
    async with alice.post(f"/imports/{job_id}/correct", data={}, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (303, f"/imports/{job_id}/correct")


async def test_the_page_says_why_nothing_can_be_corrected_any_more(alice: Client) -> None:
    job_id = await _imported(alice, 1)
    await import_text(alice, "id,n\n1,1\n", mode="replace")
    async with alice.get(f"/imports/{job_id}/correct") as response:
        assert response.status == 409
        assert "was replaced or restored since" in await response.text()
    await alice.delete("/api/v1/datasets/orders")
    async with alice.get(f"/imports/{job_id}/correct") as response:
        assert response.status == 409
        assert "These rows cannot be corrected here" in await response.text()
    upload_id = await upload(alice, "id,n\n1,x\n2,y\n3,4\n")
    failed = await ended(alice, await start(alice, upload_id, reject_limit=1, options={"columns": COLUMNS}))
    assert failed["state"] == "failed"
    async with alice.get(f"/imports/{failed['job_id']}/correct") as response:
        assert response.status == 409
        assert "Nothing was imported" in await response.text()
