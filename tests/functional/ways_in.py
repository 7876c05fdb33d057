"""Everything that changes how somebody gets in, by each door once: for the test that asks for a line after each."""

from __future__ import annotations

import json
from typing import Any, Protocol

import aiohttp

from tests.conftest import PASSWORDS, Server
from tests.functional.browsing import browser, sign_in
from tests.functional.test_account_links import filled_in
from tests.functional.test_accounts_admin import id_of
from tests.functional.test_second_factor import code_of
from tests.soft_passkey import SoftPasskey

Client = aiohttp.ClientSession
MINE, PAGE = "/api/v1/me/second-factor", "/account/sign-in"
ADMIN_API, ADMIN_PAGE = "/api/v1/admin/users/{user_id}", "/admin/users/{id}"
# They hand out something to begin with, and keep nothing.
BEGINNINGS = (
    f"POST {MINE}/begin",
    f"POST {PAGE}/second-factor/begin",
    "POST /api/v1/me/passkeys/begin",
    f"POST {PAGE}/passkeys/begin",
    "POST /login/passkey/begin",
)


class Through(Protocol):
    """Goes through a door and asks for a line."""

    async def __call__(self, client: Client, door: str, path: str = "", *, key: str = "", **sent: Any) -> Any: ...


async def of_links(go: Through, server: Server, admin: Client, user_id: str) -> None:
    """Ends with another password of the user."""
    api = "/api/v1/admin/invitations"
    first = await go(admin, f"POST {api}", json={}, key="id")
    await go(admin, f"DELETE {api}/{{invitation_id}}", f"{api}/{first}")
    await go(admin, "POST /admin/invitations", data={"invited_role": "viewer"})
    async with admin.get(api) as response:
        second = (await response.json())["items"][0]["id"]
    await go(admin, "POST /admin/invitations/{invitation_id}/delete", f"/admin/invitations/{second}/delete")
    link = await go(admin, f"POST {api}", json={}, key="link")
    async with browser(server) as guest:
        await go(guest, "POST /invitation", data=filled_in(link, username="erin"))
        page, api = ADMIN_PAGE.format(id=user_id), ADMIN_API.format(user_id=user_id)
        await go(admin, f"POST {ADMIN_PAGE}/reset-link", f"{page}/reset-link", data={})
        await go(admin, f"POST {ADMIN_PAGE}/reset-link/delete", f"{page}/reset-link/delete")
        await go(admin, f"POST {ADMIN_API}/reset-link", f"{api}/reset-link", json={})
        await go(admin, f"DELETE {ADMIN_API}/reset-link", f"{api}/reset-link")
        link = await go(admin, f"POST {ADMIN_API}/reset-link", f"{api}/reset-link", json={}, key="link")
        await go(guest, "POST /reset-password", data=filled_in(link))


async def of_second_factors(go: Through, server: Server, admin: Client, alice: Client) -> None:
    """Ends without one."""
    password = {"current_password": PASSWORDS["alice"]}
    user_id = await id_of(admin, "alice")

    async def begun() -> tuple[str, dict[str, str]]:
        async with alice.post(f"{MINE}/begin", json=password) as response:
            found = await response.json()
        return found["key"], {"sealed": found["sealed"], "code": code_of(found["key"], later=-1)}

    key, first = await begun()
    await go(alice, f"POST {MINE}", json=first)
    await go(alice, f"POST {MINE}/recovery-codes", json=password)
    async with browser(server) as laptop:
        await sign_in(laptop, "alice")
        await go(laptop, "POST /login/code", data={"code": code_of(key)})
        await go(laptop, f"POST {PAGE}/recovery-codes", data=password)
        await go(laptop, f"POST {PAGE}/second-factor/delete", data=password)
        await go(laptop, f"POST {PAGE}/second-factor", data=(await begun())[1])
    await go(alice, f"POST {MINE}/remove", json=password)
    await go(alice, f"POST {MINE}", json=(await begun())[1])
    await go(admin, f"DELETE {ADMIN_API}/second-factor", f"{ADMIN_API.format(user_id=user_id)}/second-factor")
    await go(alice, f"POST {MINE}", json=(await begun())[1])
    door = f"POST {ADMIN_PAGE}/second-factor/delete"
    await go(admin, door, f"{ADMIN_PAGE.format(id=user_id)}/second-factor/delete")


async def of_passkeys(go: Through, server: Server, admin: Client, alice: Client, *, origin: str) -> None:
    """Ends without one."""
    user_id, device = await id_of(admin, "alice"), SoftPasskey(origin=origin, host="localhost")
    mine = "/api/v1/me/passkeys"

    async def asked(client: Client, path: str, **sent: Any) -> tuple[dict[str, Any], str]:
        async with client.post(path, **sent) as response:
            found = await response.json()
        return found["options"], found["sealed"]

    async def made() -> str:
        options, sealed = await asked(alice, f"{mine}/begin", json={"current_password": PASSWORDS["alice"]})
        answer = {"name": "phone", "answer": device.made(options), "sealed": sealed}
        return str(await go(alice, f"POST {mine}", json=answer, key="id"))

    first = await made()
    await go(alice, f"PATCH {mine}/{{passkey_id}}", f"{mine}/{first}", json={"name": "old phone"})
    async with browser(server) as laptop:
        options, sealed = await asked(laptop, "/login/passkey/begin")
        await go(laptop, "POST /login/passkey", data=as_form(device.used(options), sealed))
        rename = f"POST {PAGE}/passkeys/{{passkey_id}}/rename"
        await go(laptop, rename, f"{PAGE}/passkeys/{first}/rename", data={"name": "my phone"})
        await go(laptop, f"POST {PAGE}/passkeys/{{passkey_id}}/delete", f"{PAGE}/passkeys/{first}/delete")
        form = {"current_password": PASSWORDS["alice"]}
        options, sealed = await asked(laptop, f"{PAGE}/passkeys/begin", data=form)
        await go(laptop, f"POST {PAGE}/passkeys", data=as_form(device.made(options), sealed) | {"name": "phone"})
        async with laptop.get(mine) as response:
            second = (await response.json())["items"][0]["id"]
    await go(alice, f"DELETE {mine}/{{passkey_id}}", f"{mine}/{second}")
    revoke, page = f"{ADMIN_API}/passkeys/{{passkey_id}}", f"{ADMIN_PAGE}/passkeys/{{passkey_id}}/delete"
    await go(admin, f"DELETE {revoke}", revoke.format(user_id=user_id, passkey_id=await made()))
    await go(admin, f"POST {page}", page.format(id=user_id, passkey_id=await made()))


def as_form(answer: dict[str, Any], sealed: str) -> dict[str, str]:
    return {"answer": json.dumps(answer), "sealed": sealed}
