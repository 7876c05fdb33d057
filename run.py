"""Command line of Jindu from its source tree: `python run.py serve` and friends. Installed, it is called `jindu`."""

from __future__ import annotations

import sys

from server.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
