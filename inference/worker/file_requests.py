"""Requests about files of finished frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .server import Context, Handler


def examine(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Say of each of some files whether it is whole, how large its picture is, and what stamp it bears."""
    from ..finished_files import examine_files

    paths = [Path(path) for path in params["paths"]]
    files = []
    for number, file in enumerate(examine_files(paths), 1):
        files.append(asdict(file))
        context.progress(number / len(paths), "Reading frames")
    return {"files": files}


def layer_depth(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Have programs that know layers alone find the depth in OpenEXR files (see :func:`picture_output.layer_depth`).

    Raises:
        OutputError: If a file cannot be written.
    """
    from ..picture_output import layer_depth as layer

    paths = [Path(path) for path in params["paths"]]
    for number, path in enumerate(paths, 1):
        layer(path)
        context.progress(number / len(paths), "Sorting the depth into a layer")
    return {}


# By their names in the protocol.
FILE_REQUESTS: Mapping[str, Handler] = {"examine": examine, "layer_depth": layer_depth}
