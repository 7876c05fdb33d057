"""Every endpoint under `/api/v1`, module by module."""

from __future__ import annotations

from server.http.endpoint import Endpoint
from views.api import accounts, admin

ENDPOINTS: list[Endpoint] = [
    *accounts.ENDPOINTS,
    *admin.ENDPOINTS,
]
