"""One sentence for whatever a request can raise."""

from __future__ import annotations

import errno
import sys
from dataclasses import dataclass

from ..errors import BackendError, OutputError, SightlineError

# Where a package is installed under another name than it is imported.
_PACKAGE_OF_MODULE = {"cv2": "opencv-python-headless"}


@dataclass(frozen=True)
class Failure:
    """An error as it is told: its code and sentence, and whether the log should hold its traceback."""

    code: str
    message: str
    unexpected: bool = False
    out_of_memory: bool = False


def failure(error: BaseException, method: str) -> Failure:
    """Put what the request ``method`` raised into one sentence that names the way out."""
    if isinstance(error, SightlineError):
        return Failure(error.code, str(error))
    if isinstance(error, ImportError):
        return Failure(BackendError.code, missing_package(error), unexpected=True)
    if out_of_memory(error):
        sentence = "There is not enough memory; use fewer sources or a smaller picture, or close other programs."
        return Failure(SightlineError.code, sentence, unexpected=True, out_of_memory=True)
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        place = f" that holds '{error.filename}'" if error.filename else ""
        return Failure(OutputError.code, f"The disk{place} is full; free some space and try again.", unexpected=True)
    text = " ".join(str(error).split())
    described = f"{type(error).__name__}: {text}" if text else type(error).__name__
    return Failure(
        SightlineError.code,
        f"The request '{method}' failed in an unforeseen way ({described[:300]}); please report this.",
        unexpected=True,
    )


def missing_package(error: ImportError) -> str:
    """Name the package that cannot be imported and the interpreter that lacks it."""
    module = (error.name or "").partition(".")[0]
    package = _PACKAGE_OF_MODULE.get(module, module)
    if module == __name__.partition(".")[0]:
        return f"The extension is incomplete ({' '.join(str(error).split())[:300]}); install it again."
    if isinstance(error, ModuleNotFoundError) and package:
        return (
            f"The package '{package}' is missing in the Python at '{sys.executable}'; "
            "install the worker's packages there or choose another Python."
        )
    reason = " ".join(str(error).split())[:300]
    return (
        f"The package '{package or 'of the worker'}' cannot be loaded by the Python at '{sys.executable}' ({reason}); "
        "install the worker's packages there again."
    )


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out: Python's, numpy's, torch's on the CPU and on each kind of accelerator."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)
