"""Two views of a textured ball to Gaussians, and to the picture of a camera between them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inference.camera import Camera
from inference.capture.photographs import Photograph
from inference.gps_gaussian.matching import match_pair
from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from inference.gps_gaussian.pipeline import pair_cloud
from inference.splatting import rasterize
from tests.unit.stereo_rigs import on_ring

CENTRE, RADIUS = np.array([5.0, -3.0, 10.0]), 4.0
SIDE = 192


def ball(camera: Camera) -> Photograph:
    """A ray-cast photograph of a ball with soft stripes all over."""
    width, height = int(camera.width), int(camera.height)
    rows, columns = np.mgrid[:height, :width] + 0.5
    ends = camera.unproject(np.stack([columns, rows], axis=-1).reshape(-1, 2), np.ones(width * height))
    rays = ends - camera.centre
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    along = rays @ (CENTRE - camera.centre)
    gap = ((CENTRE - camera.centre) ** 2).sum() - along**2
    hit = gap < RADIUS**2
    distance = along - np.sqrt(np.maximum(RADIUS**2 - gap, 0))
    normal = (camera.centre + rays * distance[:, None] - CENTRE) / RADIUS
    x, y, z = normal.T
    waves = [np.sin(17 * x + 9 * y) * np.sin(23 * z), np.sin(19 * y - 5 * z), np.cos(21 * z + 11 * x) * np.sin(8 * y)]
    rgb = np.where(hit[:, None], 0.5 + 0.35 * np.stack(waves, axis=-1), 0.0)
    shape = (height, width)
    return Photograph(camera, rgb.reshape(*shape, 3).astype(np.float32), hit.reshape(shape).astype(np.float32))


def camera_at(azimuth: float) -> Camera:
    return on_ring(azimuth, 20.0, 3.0, CENTRE, width=200, height=210, fx=430.0, fy=430.0, cx=101.0, cy=104.0)


def psnr(made: NDArray[np.float32], truth: Photograph) -> float:
    """Of the whole picture before black, so that what flies beside the ball counts."""
    return float(-10 * np.log10(((made - truth.rgb) ** 2).mean()))


@pytest.mark.parametrize("swapped", [False, True])
def test_untrained_guided_chain_makes_the_view_between(swapped: bool) -> None:
    torch.manual_seed(0)
    network = GPSGaussian(NetworkConfig(guided=True)).eval()
    views = [ball(camera_at(0.0)), ball(camera_at(20.0))]
    first, second = views[::-1] if swapped else views
    gaussians = pair_cloud(network, match_pair(first, second, SIDE, guided=True), CENTRE).gaussians
    off = np.abs(np.linalg.norm(gaussians.means - CENTRE, axis=1) - RADIUS)
    assert np.median(off) < 0.02 * RADIUS
    between = ball(camera_at(10.0))
    made = rasterize(gaussians, between.camera)
    assert psnr(made.rgb, between) > max(20.0, psnr(first.rgb, between) + 6.0)
    assert ((made.alpha > 0.5) == (between.mask > 0.5)).mean() > 0.97


def test_a_side_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 64"):
        match_pair(ball(camera_at(0.0)), ball(camera_at(20.0)), 100, guided=True)
