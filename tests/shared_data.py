"""Where the development captures lie: beside the checkout, or where SIGHTLINE_SHARED_DATA says; never inside it."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("SIGHTLINE_SHARED_DATA", ROOT.parent / "shared" / "data"))
CAPTURES = SHARED / "captures"
