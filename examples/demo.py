"""What a user does, without the clicks: import an example, put a camera between its views, synthesize.

    python -m examples.demo [--only still_life|person] [--method convglr|plane-sweep] [--out FOLDER]

Runs with Blender's Python module and the extension of this checkout in a user folder of its own. The photograph of the
camera's place is held out, so that the result can be compared with it. Leaves pictures, comparisons and Blender files
in ``out/demo`` and prints how near the results are.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

from .in_blender import ROOT, blender
from .person import demo as person
from .still_life import demo as still_life

OUT = ROOT / "out" / "demo"
PARTS = ("still_life", "person")


def main() -> None:
    """Read the command line and do it all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", choices=PARTS, help="one of the examples (default: all)")
    parser.add_argument("--method", choices=still_life.METHODS, help="for the still life (default: the extension's)")
    parser.add_argument("--out", type=Path, default=OUT, help="a new or empty folder (default: out/demo, made anew)")
    options = parser.parse_args()
    out = options.out.resolve()
    if out == OUT:
        shutil.rmtree(out, ignore_errors=True)
    elif out.exists() and (not out.is_dir() or any(out.iterdir())):
        parser.error(f"{out} is not an empty folder; name another.")
    out.mkdir(parents=True, exist_ok=True)
    with blender():
        for part in PARTS if options.only is None else (options.only,):
            record = person.demonstrate(out) if part == "person" else still_life.demonstrate(options.method, out)
            file = out / f"{part}.json"
            file.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
            command = [sys.executable, "-m", "examples.comparison_sheet", str(file)]
            subprocess.run(command, cwd=ROOT, check=True)
    print(f"The pictures, the comparisons and the Blender files are in {out}", flush=True)


if __name__ == "__main__":
    status = 0
    try:
        main()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        status = 1
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # Blender's module may hang while it is torn down
