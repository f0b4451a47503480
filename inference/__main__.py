"""The command line: ``python -m inference info|import|calibrate|check|synthesize|...``."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence

from .commands import (
    calibrate,
    check,
    convert_weights,
    coverage,
    evaluate,
    even_out,
    import_capture,
    info,
    reconstruct,
    splat,
    synthesize,
)
from .commands.common import UsageError
from .commands.terminal import progress_bar
from .worker.failures import failure

DONE, FAILED, WRONG_USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit status: 0 done, 1 failed with a line on standard error, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m inference", description="Pictures of a scene from where no camera stood."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command in (
        info,
        import_capture,
        calibrate,
        check,
        even_out,
        coverage,
        synthesize,
        reconstruct,
        splat,
        evaluate,
        convert_weights,
    ):
        command.add_parser(commands)
    try:
        parsed = parser.parse_args(arguments)
    except SystemExit as leaving:
        return WRONG_USAGE if leaving.code else DONE
    try:
        with progress_bar() as progress:
            parsed.run(parsed, progress)
    except UsageError as error:
        print(f"{parser.prog} {parsed.command}: {error}", file=sys.stderr)
        return WRONG_USAGE
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return FAILED
    except Exception as error:
        # The one place where everything ends: a command's user gets a sentence, whatever became of it.
        told = failure(error, parsed.command)
        if told.unexpected and parsed.traceback:
            traceback.print_exc()
        print(told.message, file=sys.stderr)
        return FAILED
    return DONE


if __name__ == "__main__":
    sys.exit(main())
