"""What programs in Python do with gql, over HTTP and over a WebSocket; each line of the output says what has come."""

from __future__ import annotations

import asyncio
import json
import os
import warnings

from gql import Client, gql
from gql.transport.aiohttp import AIOHTTPTransport
from gql.transport.aiohttp_websockets import AIOHTTPWebsocketsTransport
from gql.transport.exceptions import TransportQueryError

URL, TOKEN = f"{os.environ['JINDU_URL']}/graphql", os.environ["JINDU_TOKEN"]
NOTES = "subscription { notifications { __typename ... on Joined { recovered } ... on Notification { title } } }"
START = "mutation { startDemonstration(seconds: 0, total: 1) { state } }"


def say(told: object) -> None:
    print(json.dumps(told), flush=True)


async def main() -> None:
    requests = AIOHTTPTransport(url=URL, headers={"Authorization": f"Bearer {TOKEN}"})
    async with Client(transport=requests, fetch_schema_from_transport=True) as session:  # learns the schema, and checks
        say(await session.execute(gql("{ me { name } jobs { total } }")))
        say(await session.execute(gql(START)))
        try:
            await session.execute(gql('{ job(id: "none") { jobId } }'))
        except TransportQueryError as error:
            say({"codes": [each["extensions"]["code"] for each in error.errors or ()]})
    sockets = AIOHTTPWebsocketsTransport(
        url=URL.replace("http", "ws", 1),
        init_payload={"token": TOKEN},
        subprotocols=[AIOHTTPWebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    async with Client(transport=sockets) as session:
        async for result in session.subscribe(gql(NOTES)):
            say(result["notifications"])
            if result["notifications"].get("title") == "the last":
                break


warnings.simplefilter("ignore")
asyncio.run(main())
