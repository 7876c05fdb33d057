"""Ways in besides the password, in a real browser: an app's codes, passkeys, an invitation."""

from __future__ import annotations

import dataclasses
import re
import socket

import pytest
from playwright.async_api import Page, expect

from server.settings import Settings
from tests.browser.conftest import Complaints, PageOf, Visit
from tests.conftest import PASSWORDS, Server
from tests.functional.test_second_factor import code_of

pytestmark = pytest.mark.browser
INSIDE = re.compile(r"//[^/]+/account/sign-in$")
PASSWORD = PASSWORDS["alice"]
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Passkeys belong to a name, so the address is known before the server starts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return dataclasses.replace(settings, port=port, public_url=f"http://localhost:{port}")


async def sign_out(page: Page) -> None:
    """As the menu does, whose own test is in `test_accounts.py`."""
    await page.request.post("/logout", max_redirects=0)
    await page.goto("/login?next=/account/sign-in")


async def by_password(page: Page) -> None:
    await page.fill("#username", "alice")
    await page.fill("#password", PASSWORD)
    await page.keyboard.press("Enter")


async def test_a_second_factor_is_set_up_and_asked_for(page_of: PageOf, alice: object, tolerated: set[str]) -> None:
    tolerated.add("Failed to load resource: the server responded with a status of 401 (Unauthorized)")  # signing out
    page = await page_of("alice")
    await page.goto("/account/sign-in")
    await page.fill("#begin-password", PASSWORD)
    await page.get_by_role("button", name="Set up").click()
    await expect(page.locator(".qr-code")).to_be_visible()
    await expect(page.locator("#code")).to_be_focused()
    key = "".join((await page.locator("#typed-key").text_content() or "").split())
    await page.fill("#code", code_of(key, later=-1))
    await page.keyboard.press("Enter")
    await expect(page.locator("#recovery-codes li")).to_have_count(10)
    codes = await page.locator("#recovery-codes li").all_text_contents()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download").click()
    download = await downloading.value
    assert download.suggested_filename == "jindu-recovery-codes.txt"
    assert (await download.path()).read_text() == "".join(f"{code}\n" for code in codes)
    await page.get_by_role("link", name="I have kept them").click()
    await expect(page.get_by_text("10 recovery codes are left.")).to_be_visible()
    await sign_out(page)

    await by_password(page)
    await expect(page.locator("#code")).to_be_focused()
    await page.keyboard.type(code_of(key))
    await page.keyboard.press("Enter")
    await page.wait_for_url(INSIDE)
    await sign_out(page)

    await by_password(page)
    await page.get_by_text("The phone is not at hand").click()
    await page.fill("#recovery-code", codes[3])
    await page.keyboard.press("Enter")
    await page.wait_for_url(INSIDE)


async def test_a_passkey_is_made_named_used_and_removed(
    server: Server, settings: Settings, visit: Visit, alice: object, complaints: Complaints
) -> None:
    complaints.allowed = re.compile("status of (401|422)")  # signing out, and a wrong password
    page = await visit(settings.public_url, "alice")
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    device = await session.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    await page.goto("/account/sign-in")
    await page.fill("#passkey-name", "my laptop")
    await page.fill("#passkey-password", "wrong-horse")
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_text("This is not your present password.")).to_be_visible()
    await page.fill("#passkey-password", PASSWORD)
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_text("The passkey was added.")).to_be_visible()
    held = await session.send("WebAuthn.getCredentials", {"authenticatorId": device["authenticatorId"]})
    assert [each["rpId"] for each in held["credentials"]] == ["localhost"]

    await page.fill("#passkey-name", "again")
    await page.fill("#passkey-password", PASSWORD)
    await page.get_by_role("button", name="Add a passkey").click()
    await expect(page.get_by_text("This device has a passkey for you already.")).to_be_visible()

    await page.locator('[id^="passkey-0"] input[name=name]').fill("work laptop")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Saved.")).to_be_visible()
    for _ in range(2):
        await sign_out(page)
        await page.get_by_role("button", name="Sign in with a passkey").click()
        await page.wait_for_url(INSIDE)
    await expect(page.locator('[id^="passkey-0"] input[name=name]')).to_have_value("work laptop")

    await page.get_by_role("button", name="Remove").click()
    await page.locator("#confirm-dialog [value=yes]").click()
    await expect(page.get_by_text("The passkey was removed.")).to_be_visible()
    await sign_out(page)
    await page.get_by_role("button", name="Sign in with a passkey").click()
    await expect(page.get_by_text("This passkey is not known here.")).to_be_visible()

    elsewhere = await visit(server.url, "alice")  # by its number
    await elsewhere.goto("/account/sign-in")
    await expect(elsewhere.get_by_text("Passkeys of this server work at")).to_be_visible()
    await expect(elsewhere.get_by_role("button", name="Add a passkey")).to_be_hidden()


async def test_an_invitation_is_made_and_accepted(page_of: PageOf, alice: object) -> None:
    boss = await page_of("admin")
    await boss.goto("/admin/users")
    await boss.get_by_role("button", name="Make the link").click()
    link = await boss.locator("#new-link").text_content() or ""
    await expect(boss.get_by_text("whoever has the link")).to_be_visible()
    guest = await page_of(None, viewport={"width": 390, "height": 844}, locale="zh-CN")
    await guest.goto("/invitation?" + link.partition("?")[2])
    await guest.fill("#username", "carol")
    await guest.fill("#password", "a few words to remember")
    await guest.fill("#password_again", "a few words to remember")
    await guest.get_by_role("button", name="创建我的账户").click()
    await guest.wait_for_url(re.compile(r"/$"))
    await boss.goto("/admin/users")
    await boss.get_by_role("link", name="carol").click()
    await expect(boss.get_by_role("heading", name="carol")).to_be_visible()
