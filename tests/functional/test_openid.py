"""Signing in with an account elsewhere: only what the provider signed for this attempt lets anybody in."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from joserfc import jws, jwt

from server.settings import Settings
from tests.conftest import PASSWORDS, Server
from tests.functional.browsing import HTML, browser, sign_in
from tests.functional.openid_double import KEY, LATER_KEY, Claims, OpenIdDouble
from tests.functional.test_accounts import answer

Client = aiohttp.ClientSession
CALLBACK = "/login/openid/callback"


@pytest.fixture
def settings(settings: Settings, double: OpenIdDouble) -> Settings:
    return replace(
        settings,
        openid_issuer=double.issuer,
        openid_client_id="jindu",
        openid_label="Acme",
        openid_new_accounts="viewer",
        openid_roles=("bosses=admin", "staff=editor"),
    )


async def begun(client: Client, target: str = "/") -> str:
    async with client.get("/login/openid", params={"next": target}, allow_redirects=False) as response:
        assert response.status == 303, await response.text()
        return response.headers["Location"]


async def back(client: Client, told: dict[str, str], status: int = 303) -> str:
    """Where somebody is sent who comes back from the provider, or what the page says."""
    async with client.get(CALLBACK, params=told, headers=HTML, allow_redirects=False) as response:
        text = await response.text()
        assert response.status == status, text[:3000]
        return response.headers.get("Location", text)


async def arrive(client: Client, double: OpenIdDouble, subject: str, status: int = 303) -> str:
    return await back(client, double.sign_in_at(await begun(client), subject), status)


async def name_of(client: Client) -> str | None:
    async with client.get("/api/v1/me") as response:
        return (await response.json())["name"] if response.status == 200 else None


async def lines(admin: Client, action: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await answer(admin.get("/api/v1/admin/audit", params={"action": action}), 200))[
        "items"
    ]
    return found


async def test_somebody_new_gets_an_account_and_comes_back_to_it(
    server: Server, double: OpenIdDouble, admin: Client
) -> None:
    double.changed = lambda claims: claims.update(preferred_username="Carol", email="x@evil.example")
    async with browser(server) as one, browser(server) as other:
        assert await back(one, double.sign_in_at(await begun(one, "/jobs"), "c-1")) == "/jobs"
        await arrive(other, double, "c-1")
        assert (await name_of(one), await name_of(other)) == ("Carol", "Carol")
        me = await answer(one.get("/api/v1/me"), 200)
        assert me["role"] == "viewer"
    made = [line for line in await lines(admin, "user.create") if line["subject"] == "Carol"]
    assert [line["detail"] for line in made] == [{"role": "viewer", "by": "Acme"}]
    assert {
        line["detail"].get("by") for line in await lines(admin, "session.start") if line["user_name"] == "Carol"
    } == {"Acme"}


async def test_a_name_or_an_address_lets_nobody_into_the_account_of_another(
    server: Server, double: OpenIdDouble, alice: Client
) -> None:
    double.changed = lambda claims: claims.update(preferred_username="alice", email="alice@example.com")
    async with browser(server) as stranger:
        await arrive(stranger, double, "somebody")
        assert await name_of(stranger) not in ("alice", None)


def changing(**changed: Any) -> Callable[[Claims], None]:
    return lambda claims: claims.update(changed)


FORGERIES: dict[str, Callable[[OpenIdDouble], object]] = {
    "of another nonce": lambda double: setattr(double, "changed", changing(nonce="another")),
    "without a nonce": lambda double: setattr(double, "changed", lambda claims: claims.pop("nonce")),
    "for somebody else": lambda double: setattr(double, "changed", changing(aud="another")),
    "for two, by another": lambda double: setattr(double, "changed", changing(aud=["jindu", "b"], azp="b")),
    "of another issuer": lambda double: setattr(double, "changed", changing(iss=double.issuer + "/")),
    "expired": lambda double: setattr(double, "changed", changing(exp=int(time.time()) - 3600)),
    "without an end": lambda double: setattr(double, "changed", lambda claims: claims.pop("exp")),
    "of tomorrow": lambda double: setattr(double, "changed", changing(iat=int(time.time()) + 86_400)),
    "of nobody": lambda double: setattr(double, "changed", changing(sub="")),
    "of a number": lambda double: setattr(double, "changed", changing(sub=7)),
    "of half a character": lambda double: (
        setattr(double, "changed", changing(sub="a\ud800")),
        setattr(double, "signed", escaped),
    ),
    "unsigned": lambda double: setattr(double, "signed", unsigned),
    "signed with the secret": lambda double: setattr(double, "signed", by_secret),
    "signed by another": lambda double: setattr(double, "signed", by_another),
    "no token": lambda double: setattr(double, "signed", lambda claims: "no.token.at-all"),
}


def part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def unsigned(claims: Claims) -> str:
    return f"{part({'alg': 'none', 'kid': 'first'})}.{part(claims)}."


def by_secret(claims: Claims) -> str:
    """With the public key, which everybody knows, as the secret of a signature that both sides can make."""
    head, body, _ = unsigned(claims).replace(part({"alg": "none", "kid": "first"}), part({"alg": "HS256"})).split(".")
    signature = hmac.digest(KEY.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def escaped(claims: Claims) -> str:
    """As a provider signs that writes JSON in ASCII."""
    return jws.serialize_compact({"alg": "RS256", "kid": "first"}, json.dumps(claims).encode(), KEY)


def by_another(claims: Claims) -> str:
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, LATER_KEY)


async def test_no_forged_token_lets_anybody_in(server: Server, double: OpenIdDouble, admin: Client) -> None:
    honest = (double.changed, double.signed)
    async with browser(server) as forger:
        for name, forge in FORGERIES.items():
            double.changed, double.signed = honest
            forge(double)
            text = await arrive(forger, double, "mallory", status=401)
            assert "cannot be trusted" in text or "cannot be stored" in text, name
            assert await name_of(forger) is None, name
        double.changed, double.signed = honest
        await arrive(forger, double, "mallory")  # the same, without a forgery
    refused = await lines(admin, "session.refuse")
    assert [line["detail"]["reason"] for line in refused] == ["openid_refused"] * len(FORGERIES)


async def test_a_name_loses_what_cannot_be_stored(server: Server, double: OpenIdDouble, admin: Client) -> None:
    double.signed = escaped
    double.changed = changing(name="Do\0ra\ud800", email="dora\udfff@example.com")
    async with browser(server) as hers:
        await arrive(hers, double, "dora")
        assert await name_of(hers) == "Dora"


async def test_an_attempt_is_good_once_in_one_browser_and_from_one_issuer(server: Server, double: OpenIdDouble) -> None:
    async with browser(server) as hers, browser(server) as his:
        told = double.sign_in_at(await begun(hers), "dora")
        await back(his, told, 401)  # in another browser: nobody signs somebody else in
        await back(hers, told | {"state": "x" * 32}, 401)
        await back(hers, {"error": "access_denied", "state": "x"}, 401)
        cookies = {cookie.key: cookie.value for cookie in hers.cookie_jar if cookie.key.startswith("jindu_openid_")}
        assert len(cookies) == 1
        await back(hers, told)
        assert not [cookie for cookie in hers.cookie_jar if cookie.key.startswith("jindu_openid_")]
        again = double.sign_in_at(
            f"?response_type=code&code_challenge_method=S256&nonce=n&state={told['state']}", "dora"
        )
        replayed = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        async with (
            aiohttp.ClientSession(server.url, headers=replayed) as thief,
            thief.get(CALLBACK, params=again) as response,
        ):
            assert response.status == 401
        await back(his, double.sign_in_at(await begun(his), "dora") | {"iss": "https://another.example"}, 401)
        await back(his, {"code": "x", "state": "\0"}, 422)
        assert await name_of(his) is None


async def test_two_tabs_at_once_both_come_in(server: Server, double: OpenIdDouble) -> None:
    async with browser(server) as tabs:
        first, second = await begun(tabs, "/jobs"), await begun(tabs, "/datasets")
        assert await back(tabs, double.sign_in_at(second, "eve")) == "/datasets"
        assert await back(tabs, double.sign_in_at(first, "eve")) == "/jobs"
        for _ in range(12):
            await begun(tabs)
        assert len([cookie for cookie in tabs.cookie_jar if cookie.key.startswith("jindu_openid_")]) <= 5


async def test_new_keys_are_asked_for_once_and_not_for_each_forged_token(
    server: Server, double: OpenIdDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.auth.openid_provider._AGAIN_SECONDS", 0.0)
    async with browser(server) as client:
        await arrive(client, double, "frank")
        double.keys = [LATER_KEY]
        double.signed = lambda claims: jwt.encode({"alg": "RS256", "kid": "later"}, claims, LATER_KEY)
        await arrive(client, double, "frank")
        monkeypatch.setattr("server.auth.openid_provider._AGAIN_SECONDS", 3600.0)
        asked = double.asked_for_keys
        await arrive(client, double, "frank")
        double.signed = unsigned
        for _ in range(3):
            await arrive(client, double, "frank", 401)
        assert double.asked_for_keys == asked


async def test_groups_give_a_role_and_their_absence_changes_nothing(
    server: Server, double: OpenIdDouble, admin: Client
) -> None:
    roles = []
    async with browser(server) as client:
        for groups in ({"groups": ["staff", "others"]}, {}, {"groups": "bosses"}, {}, {"groups": ["others"]}):
            double.changed = changing(preferred_username="gina", **groups)
            await arrive(client, double, "gina")
            roles.append((await answer(client.get("/api/v1/me"), 200))["role"])
    assert roles == ["editor", "editor", "admin", "admin", "viewer"]
    told = [line["detail"] for line in await lines(admin, "user.change")]
    assert told == [{"role": role, "by": "Acme"} for role in ("viewer", "admin")]


async def test_only_its_owner_links_an_account_and_unlinks_it_with_the_password(
    server: Server, double: OpenIdDouble, alice: Client, bob: Client, admin: Client
) -> None:
    async with browser(server) as hers, browser(server) as his:
        await sign_in(hers, "alice")
        async with hers.post("/account/linked", headers=HTML) as response:
            text = await response.text()
            assert response.status == 200
        url = text.partition("url=")[2].partition('"')[0].replace("&amp;", "&")
        told = double.sign_in_at(url, "alice-elsewhere")
        await sign_in(his, "bob")
        await back(his, told, 401)  # somebody else's attempt
        assert await back(hers, told) == "/account/linked?done=linked"
        await arrive(his, double, "alice-elsewhere")
        assert await name_of(his) == "alice"
        (linked,) = (await answer(alice.get("/api/v1/me/identities"), 200))["items"]
        assert linked["subject"] == "alice-elsewhere"
        assert (await answer(bob.get("/api/v1/me/identities"), 200))["items"] == []
        path = f"/account/linked/{linked['id']}/unlink"
        async with bob.post(path, data={"current_password": PASSWORDS["bob"]}) as response:
            assert response.status == 404
        for password, status in (("wrong", 409), (PASSWORDS["alice"], 303)):
            async with hers.post(path, data={"current_password": password}, allow_redirects=False) as response:
                assert response.status == status
        async with browser(server) as later:
            await arrive(later, double, "alice-elsewhere")
            assert await name_of(later) not in ("alice", None)
    assert [
        line["user_name"] for action in ("identity.link", "identity.unlink") for line in await lines(admin, action)
    ] == [
        "alice",
        "alice",
    ]


async def test_who_is_disabled_stays_out(server: Server, double: OpenIdDouble, admin: Client) -> None:
    double.changed = changing(preferred_username="henry")
    async with browser(server) as client:
        await arrive(client, double, "henry")
        user_id = (await answer(client.get("/api/v1/me"), 200))["id"]
        await answer(admin.patch(f"/api/v1/admin/users/{user_id}", json={"disabled": True}), 200)
        assert "This account is disabled" in await arrive(client, double, "henry", 401)


async def test_a_provider_that_is_away_or_another_one_is_said_on_the_page(server: Server, double: OpenIdDouble) -> None:
    for spoil in (
        changing(issuer=double.issuer + "/"),
        changing(token_endpoint="ftp://x/token"),
        changing(jwks_uri=7),
        lambda document: document.update(filler="x" * 300_000),
    ):
        double.document = spoil
        async with browser(server) as client, client.get("/login/openid", headers=HTML) as response:
            assert (response.status, "provider" in await response.text()) == (401, True)


async def test_the_page_offers_it(server: Server) -> None:
    async with browser(server) as client, client.get("/login?next=/jobs", headers=HTML) as response:
        text = await response.text()
    assert "Sign in with Acme" in text
    assert 'href="/login/openid?next=%2Fjobs"' in text or 'href="/login/openid?next=/jobs"' in text
