"""A worker that makes a Gaussian where every camera stands, and tells what it was asked: the real loop and protocol."""

import argparse
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from inference.camera import Camera
from inference.errors import PictureError
from inference.gaussian_ply import read_gaussians, write_gaussians
from inference.gaussian_transform import transformed
from inference.gaussians import Gaussians
from inference.worker.server import Context, serve
from tests.made_up import write_png


def take_time(context: Context) -> None:
    seconds = float(os.environ.get("SLOW_SECONDS", "0"))
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        context.progress(1 - left / seconds, "Taking time")
        time.sleep(0.02)


def reconstruct(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Gaussians at the cameras; their size is a hundredth of the number in the first picture's name."""
    views = params["capture"]["views"]
    number = int(re.findall(r"\d+", Path(views[0]["image"]).stem)[-1])
    if number == int(os.environ.get("FAIL_FRAME", "-1")):
        raise PictureError(f"'{views[0]['name']}' has no mask; give it one.")
    take_time(context)
    count = len(views)
    centres = [Camera.from_json(view["camera"]).centre for view in views]
    sizes = np.full((count, 3), 0.01 * number)
    cloud = Gaussians.coloured(centres, [[1, 0, 0, 0]] * count, sizes, np.ones(count), np.full((count, 3), 0.5))
    write_gaussians(Path(params["save"]), cloud, params.get("stamp"))
    sources = [{"name": view["name"], "reason": "asked for"} for view in views]
    metadata = {"method": "gps-gaussian", "sources": sources, "seconds": {"all": 0.5}, "asked": params}
    return {"saved": params["save"], "count": count, "metadata": metadata}


def splat(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """A grey picture; what the clouds hold is told."""
    means = []
    for cloud in params["clouds"]:
        placed = transformed(read_gaussians(Path(cloud["path"])), np.array(cloud["matrix"]))
        means.append(placed.means[:4].tolist())
    take_time(context)
    width, height = params["target"]["width"], params["target"]["height"]
    write_png(Path(params["save"]), np.full((height, width, 3), 128, np.uint8))
    metadata = {"method": "splatting", "seconds": {"all": 0.25}, "asked": params, "means": means}
    return {"rgba": np.zeros((height, width, 4), np.float32), "metadata": metadata, "saved": params["save"]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    serve({"reconstruct": reconstruct, "splat": splat}, parser.parse_args().folder)
