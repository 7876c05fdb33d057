"""Where the files are that the server brings along."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
