"""How long anything is waited for: PATIENCE=3 on a machine that others use as well."""

from __future__ import annotations

import os

PATIENCE = float(os.environ.get("PATIENCE", "1"))
