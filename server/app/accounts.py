"""Who uses it: users, sessions, tokens, and the first administrator."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from server.app.resources import meanwhile, resource
from server.auth.audit import Audit
from server.auth.authenticator import Authenticator
from server.auth.credentials import Credentials
from server.auth.passwords import Passwords
from server.auth.throttle import LoginThrottle
from server.errors import StorageFull
from server.http import keys
from server.operations.accounts import AccountOperations
from server.operations.admin import AdminOperations
from server.operations.first_run import FirstRun

_LOG = logging.getLogger("jindu")
_SWEEP_SECONDS = 5.0  # how late an expired session's sockets may be closed


def add_accounts(app: web.Application, passwords: Passwords) -> None:
    """Users, sessions, tokens, and the first administrator."""
    settings, database = app[keys.SETTINGS], app[keys.DATABASE]
    credentials = Credentials.over(database, passwords=passwords, session_days=settings.session_days)
    accounts = AccountOperations(
        database=database,
        credentials=credentials,
        throttle=LoginThrottle(max(1, settings.login_attempts)),  # 0 would lock everybody out
        languages=app[keys.LANGUAGES],
        tell=lambda user_id, notice: app[keys.NOTICES].warn(user_id, notice),
    )
    app[keys.CREDENTIALS] = credentials
    app[keys.AUTHENTICATOR] = Authenticator(credentials.sessions, credentials.tokens, app[keys.LANGUAGES])
    app[keys.ACCOUNTS] = accounts
    app[keys.FIRST_RUN] = FirstRun(database=database, users=credentials.users, accounts=accounts)
    statistics = app[keys.STATISTICS]
    app[keys.ADMIN] = AdminOperations(
        database=database,
        credentials=credentials,
        audit=Audit(database),
        settings=settings,
        parts=statistics,
    )
    app.cleanup_ctx.append(resource(lambda: _open_accounts(app)))


@asynccontextmanager
async def _open_accounts(app: web.Application) -> AsyncIterator[None]:
    settings = app[keys.SETTINGS]
    await app[keys.FIRST_RUN].prepare(admin_user=settings.admin_user, admin_password=settings.admin_password)
    async with meanwhile(_end_expired_credentials(app[keys.CREDENTIALS])):
        yield


async def _end_expired_credentials(credentials: Credentials) -> None:
    while True:
        try:
            await credentials.end_expired()
        except StorageFull:  # said in the log already; what expired opens nothing meanwhile
            pass
        except Exception:
            _LOG.exception("could not end what expired", extra={"action": "end_expired"})
        await asyncio.sleep(_SWEEP_SECONDS)
