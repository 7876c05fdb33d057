"""What sockets, streams and requests of GraphQL share: who asks, in which language, and by what they are answered."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from server.auth.endings import Validity
from server.auth.permissions import Principal
from server.errors import InvalidInput
from server.http.parts import WebParts
from server.realtime.limits import LiveLimits
from server.texts import Translate
from server.transports import Authenticate, StandingsOf
from server.transports.admission import Admission, Floods
from server.transports.graphql.call import GraphQlCall
from server.transports.graphql.live import LiveDoor, SubscriptionCarrier
from server.transports.graphql.running import Execution
from server.transports.visitor import Visitor

_LONGEST_TOKEN = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphQlHouse:
    """For the requests of one web application, whose `parts` these are."""

    parts: WebParts
    admission: Admission
    execution: Execution
    live: LiveDoor
    authenticate: Authenticate
    standings_of: StandingsOf
    limits: LiveLimits

    @property
    def floods(self) -> Floods:
        return self.admission.floods

    def call(
        self, visitor: Visitor, principal: Principal, *, carrier: SubscriptionCarrier | None = None
    ) -> GraphQlCall:
        """Without a `carrier` no subscription can be opened."""
        return GraphQlCall(
            principal=principal,
            language=self._language(visitor, principal),
            parts=self.parts,
            open_live=partial(self.live.open, carrier, principal) if carrier else _cannot_open,
        )

    async def recognised(
        self, principal: Principal | None, given: dict[str, Any] | None, address: str
    ) -> Principal | None:
        """By the token that `connection_init` brings, else by what the request for the socket came with."""
        token = (given or {}).get("token")
        if token is None:
            return principal
        if not isinstance(token, str) or len(token) > _LONGEST_TOKEN:
            return None
        return await self.authenticate(token, address)

    def turn(self, principal: Principal) -> AbstractAsyncContextManager[None]:
        """Among all that this user asks for, as a request has one. Raises `Unavailable` when it does not come."""
        return self.parts.in_turn_of(principal.user_id)

    async def standing(self, principal: Principal) -> Validity:
        return (await self.standings_of([principal])).get(principal, Validity.GOOD)

    def translate(self, call: GraphQlCall) -> Translate:
        return self.parts.languages.of(call.language).gettext

    def translator(self, visitor: Visitor, principal: Principal | None) -> Translate:
        return self.parts.languages.of(self._language(visitor, principal)).gettext

    def _language(self, visitor: Visitor, principal: Principal | None) -> str:
        return self.parts.languages.choose(visitor.language, principal.language if principal else None)


def _cannot_open(**_wanted: object) -> NoReturn:
    raise InvalidInput(
        "Subscriptions come by WebSocket (graphql-transport-ws), or by POST with “Accept: text/event-stream”."
    )
