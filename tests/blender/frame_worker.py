"""A worker that makes grey frames in no time, and fails as a test wants: the real loop and protocol.

``FRAME_FAULTS`` is JSON: what is to happen (``error``, ``picture``, ``die``, ``disk full``, each also followed by
``once``) by the number in the frame's file name; ``*`` is every frame. ``FRAME_SECONDS`` is how long one takes.
``FRAME_GPUS`` is how many GPUs it claims to see, ``FRAME_BAD_GPU`` the one on which every frame kills it.
``FRAME_RECORD`` is a file to which each frame that is made is added, with the process and the GPU that it was told to
use.
"""

import argparse
import json
import os
import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from inference.errors import OutputError, PictureError, TargetError
from inference.file_stamp import stamped
from inference.worker.server import Context, serve
from tests.made_up import write_png


def synthesize(params: dict[str, Any], context: Context) -> dict[str, Any]:
    path = Path(params["save"])
    number = str(int(re.findall(r"\d+", f"0{path.stem}")[-1]))
    faults = json.loads(os.environ.get("FRAME_FAULTS", "{}"))
    fault, once, _ = faults.get(number, faults.get("*", "")).partition(" once")
    failed = path.with_suffix(".failed")
    if once and failed.exists():
        fault = ""
    if fault:
        failed.touch()
    gpu = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    if fault == "die" or gpu == os.environ.get("FRAME_BAD_GPU", "none"):
        os._exit(7)
    if fault == "error":
        raise TargetError("No source sees what the target sees.")
    if fault == "picture":
        raise PictureError("The photograph cannot be read.")
    if fault == "disk full":
        raise OutputError(f"{path} cannot be written: No space left on device.")
    end = time.monotonic() + float(os.environ.get("FRAME_SECONDS", "0"))
    while (left := end - time.monotonic()) > 0:
        context.progress(max(0.0, 1 - left), "Taking time")
        time.sleep(0.01)
    context.warning("The photographs are small.")
    shape = params["target"]["height"], params["target"]["width"], 3
    if path.suffix == ".exr":
        from inference.picture_output import write_picture  # takes a while

        write_picture(path, np.full(shape, 0.5, np.float32), stamp=params["stamp"])
    else:
        write_png(path.with_suffix(".part"), np.full(shape, 128, np.uint8))
        path.write_bytes(stamped(path.with_suffix(".part").read_bytes(), path.suffix, params["stamp"]))
        path.with_suffix(".part").unlink()
    if record := os.environ.get("FRAME_RECORD"):
        with Path(record).open("a") as file:
            file.write(f"{number} {os.getpid()} {gpu}\n")
    return {"metadata": {"method": params["options"]["method"], "sources": []}, "saved": params["save"]}


def info(params: dict[str, Any], context: Context) -> dict[str, Any]:
    names = ["cuda", "cuda:1", "cuda:2"][: int(os.environ.get("FRAME_GPUS", "0"))]
    return {"devices": [{"name": name, "label": "A GPU", "memory": 10**9} for name in [*names, "cpu"]]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    serve({"synthesize": synthesize, "info": info}, parser.parse_args().folder)
