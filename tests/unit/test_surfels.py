"""Discs on surfaces whose slant is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inference.camera import Camera
from inference.gps_gaussian.surfels import FLATNESS, FOOTPRINT, surface_discs

FOCAL, SIZE = 200.0, 48


def plane(slope_x: float, slope_y: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points (1, 3, H, W) of the plane z = 2 + slope_x x + slope_y y, and pixel sizes, in camera axes."""
    camera = Camera(SIZE, SIZE, FOCAL, FOCAL, SIZE / 2, SIZE / 2, np.eye(4))
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    x, y = (columns - SIZE / 2) / FOCAL, (rows - SIZE / 2) / FOCAL
    z = 2.0 / (1.0 - slope_x * x - slope_y * y)
    points = camera.unproject(np.stack([columns, rows], axis=-1), z)
    return torch.from_numpy(points).permute(2, 0, 1)[None], torch.from_numpy(z / FOCAL)[None, None]


def rotation(quaternions: torch.Tensor) -> torch.Tensor:
    """Return (N, 3, 3) of (N, 4) wxyz."""
    w, x, y, z = quaternions.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)


@pytest.mark.parametrize("slopes", [(0.0, 0.0), (1.5, 0.0), (-1.5, 0.0), (0.0, 2.0), (1.0, -1.0), (-2.0, 1.5)])
def test_discs_lie_in_the_plane_and_cover_it(slopes: tuple[float, float]) -> None:
    points, size = plane(*slopes)
    quaternions, scales = surface_discs(points, torch.ones_like(size, dtype=torch.bool), size)
    axes = rotation(quaternions[0].flatten(1).T)
    normal = torch.tensor([slopes[0], slopes[1], -1.0]).double()
    normal = normal / normal.norm()
    inside = torch.ones(SIZE, SIZE, dtype=torch.bool)
    inside[[0, -1]] = inside[:, [0, -1]] = False
    facing = (axes[inside.flatten()][:, :, 2] @ normal).abs()
    assert facing.min() > 0.999
    # The area that a pixel covers of a plane is its square over the cosine to the ray.
    rays = points[0] / points[0].norm(dim=0)
    cosine = (rays * normal[:, None, None]).sum(0).abs()
    area = (scales[0, 0] * scales[0, 1] / FOOTPRINT**2)[inside]
    # A pixel off the axis is seen under a slant of its own.
    expected = (size[0, 0] ** 2 / (cosine * (points[0].norm(dim=0) / points[0, 2])))[inside]
    torch.testing.assert_close(area, expected, rtol=0.02, atol=0)
    torch.testing.assert_close(scales[0, 2], FOOTPRINT * FLATNESS * size[0, 0])


def test_edges_of_depth_and_lone_pixels_are_no_slopes() -> None:
    points, size = plane(0.0, 0.0)
    points[:, :, :, SIZE // 2 :] *= 1.5
    size[..., SIZE // 2 :] *= 1.5
    valid = torch.ones_like(size, dtype=torch.bool)
    valid[..., 10, :] = False
    valid[..., 10, 7] = True
    valid[..., [9, 11], 7] = False
    quaternions, scales = surface_discs(points, valid, size)
    assert (scales[:, :2] <= 1.05 * FOOTPRINT * size).all()
    assert torch.equal(quaternions[0, :, 10, 7], torch.tensor([1.0, 0, 0, 0]).double())
    torch.testing.assert_close(scales[0, :, 10, 7], (FOOTPRINT * size[0, 0, 10, 7]).expand(3))
    torch.testing.assert_close(quaternions.norm(dim=1), torch.ones_like(size[:, 0]))
