"""A worker whose picture is a function of each pixel's ray: any camera's picture is known without a method.

``RAY_SECONDS`` is how long it takes; a camera that stands beyond x = ``RAY_END`` gets an error.
"""

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.camera import Camera
from inference.errors import TargetError
from inference.worker.server import Context, serve


def ray_picture(camera: Camera) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return RGBA (H x W x 4) and depth, top row first: partly and wholly transparent and infinitely far in places."""
    columns, rows = np.meshgrid(np.arange(camera.width) + 0.5, np.arange(camera.height) + 0.5)
    x, y = (columns - camera.cx) / camera.fx, (rows - camera.cy) / camera.fy
    rgba = np.stack(
        [
            0.5 + 0.5 * np.sin(9 * x),
            0.5 + 0.5 * np.cos(7 * y),
            0.5 + 0.5 * np.sin(5 * (x + y)),
            np.clip(1.2 - 3 * np.hypot(x, y), 0, 1),
        ],
        axis=-1,
    )
    depth = np.where(rgba[..., 3] > 0, 3 + x + 2 * y, np.inf)
    return rgba.astype(np.float32), depth.astype(np.float32)


def synthesize(params: dict[str, Any], context: Context) -> dict[str, Any]:
    camera = Camera.from_json(params["target"])
    if camera.centre[0] > float(os.environ.get("RAY_END", "inf")):
        raise TargetError("No source sees what the target sees; move it.")
    seconds = float(os.environ.get("RAY_SECONDS", "0"))
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        context.progress(1 - left / seconds, "Taking time")
        time.sleep(0.02)
    rgba, depth = ray_picture(camera)
    context.warning("The sources lie far apart.")
    return {
        "rgba": np.ascontiguousarray(rgba[::-1]),
        "depth": np.ascontiguousarray(depth[::-1]),
        "metadata": {"method": params["options"]["method"], "sources": params["capture"]["views"]},
    }


def depth_range(params: dict[str, Any], context: Context) -> dict[str, Any]:
    return {"near": 2.5, "far": 4.5, "origin": "a test"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    serve({"synthesize": synthesize, "depth_range": depth_range}, parser.parse_args().folder)
