"""A ring of cameras around a person, written as a capture: to measure on, and to look at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from inference.capture import write_transforms
from inference.errors import OutputError
from inference.picture_output import write_picture
from inference.view import Capture, View

from .avatar import Vector
from .glb import read_avatar
from .lighting import random_lights
from .model import posed_mesh
from .poses import random_pose
from .rasterize import rasterize
from .rigs import Ring, ring_around

_RADIUS = 2.5  # metres
_MARGIN = 0.05  # of a picture's side that stays free at the tightest border


def write_ring(person: Path, cameras: int, size: int, folder: Path, seed: int = 0) -> None:
    """Render a posed avatar from a ring of cameras and from the middles between neighbours.

    Writes ``cam_00.png`` ... (the ring), ``mid_00.png`` ... (``mid_00`` is between ``cam_00`` and ``cam_01``), 8-bit
    sRGB with straight alpha, a ``transforms.json`` with all of them, and ``depth/NAME.npy``: (size, size) float32 z at
    the pixels' centres in metres, 0 where nothing is.

    Args:
        person: A .glb of a rigged figure.
        cameras: In the ring, at least 2.
        size: Side of the square pictures in pixels.
        folder: Made where it is missing.
        seed: Of pose and light.

    Raises:
        CaptureError: If the avatar cannot be read.
        OutputError: If a file cannot be written.
    """
    avatar = read_avatar(person)
    random = np.random.default_rng([seed, 0x41A6])
    mesh = posed_mesh(avatar, random_pose(random, avatar.skeleton))
    lights = random_lights(random)
    step = 360.0 / cameras
    azimuths = {f"cam_{n:02d}": n * step for n in range(cameras)}
    azimuths |= {f"mid_{n:02d}": (n + 0.5) * step for n in range(cameras)}
    ring = _fitted(ring_around(mesh.positions, _RADIUS, random.uniform(0, 12), 0.9, size), mesh.positions, azimuths)
    views, near, far = [], np.inf, 0.0
    for name, azimuth in azimuths.items():
        camera = ring.camera(azimuth)
        rendered = rasterize(mesh, camera, lights)
        image = folder / f"{name}.png"
        write_picture(image, rendered.rgb, rendered.mask, bits=8)
        try:
            (folder / "depth").mkdir(exist_ok=True)
            np.save(folder / "depth" / f"{name}.npy", rendered.depth)
        except OSError as error:
            raise OutputError(f"{folder / 'depth'} cannot be written: {error.strerror or error}.") from None
        seen = rendered.depth[rendered.depth > 0]
        near, far = min(near, float(seen.min())), max(far, float(seen.max()))
        views.append(View(name, camera, image))
    write_transforms(Capture(tuple(views), depth_near=0.95 * near, depth_far=1.05 * far), folder / "transforms.json")


def _fitted(ring: Ring, points: Vector, azimuths: dict[str, float]) -> Ring:
    """Return the ring with the longest lens that shows the points whole in every picture."""
    reach = max(
        float(np.abs(ring.camera(azimuth).project(points)[0] - ring.size / 2).max()) for azimuth in azimuths.values()
    )
    return replace(ring, focal=ring.focal * (0.5 - _MARGIN) * ring.size / reach)
