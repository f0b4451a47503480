"""``python -m inference.worker --folder FOLDER``: serve requests from standard input; see docs/architecture.md."""

from __future__ import annotations

import argparse
from pathlib import Path

from .handlers import Handlers
from .server import serve


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(prog="python -m inference.worker", description="Sightline's worker process.")
    parser.add_argument("--folder", type=Path, required=True, help="the client's private folder, for arrays")
    handlers = Handlers()
    serve(handlers.table(), parser.parse_args().folder, unload=handlers.drop)


if __name__ == "__main__":
    main()
