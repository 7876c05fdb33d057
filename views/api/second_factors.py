"""`/me/second-factor`: codes of an app at sign-in; `/admin/users/{user_id}/second-factor`: for who lost it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from server.http.endpoint import Call, Endpoint, NoQuery


class PasswordAgain(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    current_password: str


class SecondFactorState(msgspec.Struct, frozen=True, kw_only=True):
    """`since` is null without one. `is_required`: nothing else answers a session until there is one."""

    since: datetime | None
    recovery_codes_left: int
    is_required: bool


class EnrolmentAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """`address` (`otpauth://…`) is for a QR code, `key` to be typed; `sealed` comes back with the first code."""

    address: str
    key: str
    sealed: str


class FirstCode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sealed: Annotated[str, msgspec.Meta(max_length=2_000)]
    code: Annotated[str, msgspec.Meta(max_length=40)]


class RecoveryCodes(msgspec.Struct, frozen=True, kw_only=True):
    """Each works once instead of a code of the app. They are shown this once."""

    recovery_codes: list[str]


async def get_second_factor(call: Call[None, NoQuery]) -> SecondFactorState:
    factors = call.operations.second_factors
    found = await factors.mine(call.principal)
    return SecondFactorState(
        since=found.created_at if found else None,
        recovery_codes_left=found.recovery_codes_left if found else 0,
        is_required=factors.is_required(call.principal),
    )


async def begin(call: Call[PasswordAgain, NoQuery]) -> EnrolmentAnswer:
    made = await call.operations.second_factors.begin(call.principal, password=call.body.current_password)
    return EnrolmentAnswer(address=made.address, key=made.typed_key, sealed=made.sealed)


async def confirm(call: Call[FirstCode, NoQuery]) -> RecoveryCodes:
    body = call.body
    codes = await call.operations.second_factors.confirm(call.principal, sealed=body.sealed, code=body.code)
    return RecoveryCodes(recovery_codes=codes)


async def new_recovery_codes(call: Call[PasswordAgain, NoQuery]) -> RecoveryCodes:
    codes = await call.operations.second_factors.new_recovery_codes(call.principal, password=call.body.current_password)
    return RecoveryCodes(recovery_codes=codes)


async def remove(call: Call[PasswordAgain, NoQuery]) -> None:
    await call.operations.second_factors.remove(call.principal, password=call.body.current_password)


async def reset(call: Call[None, NoQuery]) -> None:
    await call.operations.second_factors.reset(call.principal, call.path["user_id"])


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/me/second-factor",
        name="api_second_factor",
        handler=get_second_factor,
        summary="Whether sign-in asks me for a code",
        answer=SecondFactorState,
    ),
    Endpoint(
        method="POST",
        path="/me/second-factor/begin",
        name="api_begin_second_factor",
        handler=begin,
        summary="A secret for an authenticator app; nothing changes until its first code is sent",
        body=PasswordAgain,
        answer=EnrolmentAnswer,
        errors=(409, 429),
    ),
    Endpoint(
        method="POST",
        path="/me/second-factor",
        name="api_confirm_second_factor",
        handler=confirm,
        summary="The app's first code: from now on sign-in asks for one",
        body=FirstCode,
        answer=RecoveryCodes,
        errors=(409,),
    ),
    Endpoint(
        method="POST",
        path="/me/second-factor/recovery-codes",
        name="api_recovery_codes",
        handler=new_recovery_codes,
        summary="New recovery codes; those of before are good no more",
        body=PasswordAgain,
        answer=RecoveryCodes,
        errors=(404, 429),
    ),
    Endpoint(
        method="POST",
        path="/me/second-factor/remove",
        name="api_remove_second_factor",
        handler=remove,
        summary="Turn my second factor off",
        body=PasswordAgain,
        status=204,
        errors=(404, 409, 429),
    ),
    Endpoint(
        method="DELETE",
        path="/admin/users/{user_id}/second-factor",
        name="api_reset_second_factor",
        handler=reset,
        summary="Remove the second factor of a user who lost it",
        access="admin",
        status=204,
        errors=(409,),
    ),
]
