"""A worker whose synthesis takes as long as a test wants: the real loop and protocol, a grey picture in the end."""

import argparse
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

from inference.worker.server import Context, serve
from tests.made_up import write_png


def synthesize(params: dict[str, Any], context: Context) -> dict[str, Any]:
    seconds = float(os.environ.get("SLOW_SECONDS", "0.3"))
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        context.progress(1 - left / seconds, "Taking time")
        time.sleep(0.02)
    width, height = params["target"]["width"], params["target"]["height"]
    write_png(Path(params["save"]), np.full((height, width, 3), 128, np.uint8))
    sources = [{"name": view["name"], "reason": "asked for"} for view in params["capture"]["views"]]
    return {
        "rgba": np.zeros((height, width, 4), np.float32),
        "metadata": {"method": params["options"]["method"], "sources": sources, "seconds": {"all": seconds}},
        "saved": params["save"],
    }


def depth_range(params: dict[str, Any], context: Context) -> dict[str, Any]:
    return {"near": 2.5, "far": 4.5, "origin": "a test"}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    serve({"synthesize": synthesize, "depth_range": depth_range}, parser.parse_args().folder)
