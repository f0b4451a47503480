"""``splat``: pictures of Gaussians from given cameras."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..progress import Progress
from .common import common

NAME = "splat"


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(NAME, parents=[common()], help="render Gaussians from given cameras")
    parser.add_argument("cloud", metavar="CLOUD.ply", type=Path)
    parser.add_argument(
        "--cameras", metavar="CAMERAS.json", type=Path, required=True, help="a transforms.json; pictures need not exist"
    )
    parser.add_argument("--out", metavar="DIR", type=Path, required=True, help="one PNG with alpha for each camera")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Render and write.

    Raises:
        SightlineError: If cloud or cameras cannot be read, a picture not written, or the device is not there.
    """
    import numpy as np

    from ..capture import read_cameras
    from ..capture.rectification import rectified_camera
    from ..gaussian_ply import read_gaussians
    from ..picture_output import write_picture
    from ..splatting import rasterize

    progress(0.0, "Reading the Gaussians")
    gaussians = read_gaussians(arguments.cloud)
    cameras = read_cameras(arguments.cameras)
    for index, view in enumerate(cameras):
        progress(0.1 + 0.9 * index / len(cameras), f"Splatting {view.name}")
        splat = rasterize(gaussians, rectified_camera(view.camera), device=arguments.device)
        # Straight alpha, as PNG has it: over black, colours are multiplied by it.
        rgb = splat.rgb / np.maximum(splat.alpha, 1e-6)[..., None]
        write_picture(arguments.out / f"{view.name}.png", rgb, splat.alpha)
    print(f"{arguments.out}: {len(cameras)} pictures of {len(gaussians)} Gaussians")
