"""Splatting against a brute force in float64: every pixel, every Gaussian."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from inference.camera import Camera, Distortion
from inference.errors import CameraError
from inference.gaussians import Gaussians
from inference.splatting import rasterize

Floats = NDArray[np.float64]


def matrix_of(quaternion: ArrayLike) -> Floats:
    """The turned axes, by the vector form of a quaternion's rotation."""
    w, *imaginary = np.asarray(quaternion, dtype=np.float64) / np.linalg.norm(quaternion)
    once = np.cross(imaginary, np.eye(3))
    return np.asarray((np.eye(3) + 2 * w * once + 2 * np.cross(imaginary, once)).T)


def camera_at(width: int = 70, height: int = 50) -> Camera:
    pose = np.eye(4)
    pose[:3, :3] = matrix_of(np.array([0.97, 0.1, -0.15, 0.05]))
    pose[:3, 3] = [0.1, -0.1, 3.0]
    return Camera(width, height, 60.0, 66.0, 33.3, 26.1, pose)


def cloud(seed: int, count: int, degree: int = 0, spread: float = 1.0, size: float = 0.05) -> Gaussians:
    random = np.random.default_rng(seed)
    return Gaussians(
        random.normal(0, spread, (count, 3)),
        random.normal(size=(count, 4)),
        size * np.exp(random.normal(0, 0.8, (count, 3))),
        random.uniform(0, 1, count),
        random.normal(0, 0.6, (count, (degree + 1) ** 2, 3)),
    )


def harmonics(d: Floats, degree: int) -> Floats:
    """By the polynomials in the notation of their textbook, Condon-Shortley phase for odd orders."""
    x, y, z = d
    values = [0.28209479177387814]
    if degree > 0:
        values += [-0.4886025119029199 * y, 0.4886025119029199 * z, -0.4886025119029199 * x]
    if degree > 1:
        values += [
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.31539156525252005 * (3 * z * z - 1),
            -1.0925484305920792 * x * z,
            0.5462742152960396 * (x * x - y * y),
        ]
    if degree > 2:
        values += [
            -0.5900435899266435 * y * (3 * x * x - y * y),
            2.890611442640554 * x * y * z,
            -0.4570457994644658 * y * (5 * z * z - 1),
            0.3731763325901154 * z * (5 * z * z - 3),
            -0.4570457994644658 * x * (5 * z * z - 1),
            1.445305721320277 * z * (x * x - y * y),
            -0.5900435899266435 * x * (x * x - 3 * y * y),
        ]
    return np.array(values)


def brute_force(gaussians: Gaussians, camera: Camera, background: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    width, height = int(camera.width), int(camera.height)
    turn, shift = camera.world_to_camera[:3, :3], camera.world_to_camera[:3, 3]
    rows, columns = np.mgrid[:height, :width] + 0.5
    light = np.ones((height, width))
    is_open = np.ones((height, width), dtype=bool)
    rgb, depth = np.zeros((height, width, 3)), np.zeros((height, width))
    first_hit = np.full((height, width), np.inf)
    points = gaussians.means.astype(np.float64) @ turn.T + shift
    # In the single precision that depths are sorted in, ties in the order of the cloud.
    for n in np.argsort(points[:, 2].astype(np.float32), kind="stable"):
        x, y, z = points[n]
        if z < 0.01:
            continue
        axes = matrix_of(gaussians.quaternions[n])
        spread = axes * gaussians.scales[n].astype(np.float64)
        limits = []
        for centre, focal, side in ((camera.cx, camera.fx, width), (camera.cy, camera.fy, height)):
            margin = 0.3 * side / 2 / focal
            limits.append((-centre / focal - margin, (side - centre) / focal + margin))
        slopes = [np.clip(value / z, *limit) for value, limit in zip((x, y), limits, strict=True)]
        jacobian = np.array(
            [[camera.fx / z, 0, -camera.fx * slopes[0] / z], [0, camera.fy / z, -camera.fy * slopes[1] / z]]
        )
        flat = jacobian @ turn @ spread
        inverse = np.linalg.inv(flat @ flat.T + 0.3 * np.eye(2))
        dx = columns - (camera.fx * x / z + camera.cx)
        dy = rows - (camera.fy * y / z + camera.cy)
        power = 0.5 * (inverse[0, 0] * dx * dx + inverse[1, 1] * dy * dy) + inverse[0, 1] * dx * dy
        share = np.minimum(0.999, gaussians.opacities[n] * np.exp(-power))
        counts = is_open & (share >= 1 / 255)
        after = light * (1 - share)
        is_open &= ~(counts & (after <= 1e-4))
        counts &= is_open
        direction = gaussians.means[n].astype(np.float64) - camera.centre
        values = harmonics(direction / np.linalg.norm(direction), gaussians.degree)
        colour = np.maximum(0.5 + values @ gaussians.harmonics[n], 0)
        weight = np.where(counts, light * share, 0)
        rgb += weight[..., None] * colour
        depth += weight * z
        first_hit[counts & (after < 0.5) & np.isinf(first_hit)] = z
        light = np.where(counts, after, light)
    alpha = 1 - light
    with np.errstate(invalid="ignore", divide="ignore"):
        depth = np.where(alpha > 0, depth / alpha, np.inf)
    return rgb + light[..., None] * background, alpha, depth, first_hit


def agree(gaussians: Gaussians, camera: Camera) -> None:
    background = np.array([0.2, 0.4, 0.1])
    made = rasterize(gaussians, camera, background)
    rgb, alpha, depth, first_hit = brute_force(gaussians, camera, background)
    # At the threshold of 1/255 a pixel may fall on either side by rounding: such ones are rare.
    wrong = np.abs(made.rgb - rgb).max(axis=2) > 1e-3
    assert wrong.mean() < 1e-3 and np.abs(made.rgb - rgb).max() < 0.02
    assert (np.abs(made.alpha - alpha) > 1e-4).mean() < 1e-3
    solid = alpha > 0.01
    assert (np.abs(made.depth[solid] / depth[solid] - 1) > 1e-4).mean() < 2e-3
    both = np.isfinite(first_hit) & np.isfinite(made.first_hit)
    assert (np.isfinite(first_hit) != np.isfinite(made.first_hit)).mean() < 2e-3
    assert (np.abs(made.first_hit[both] - first_hit[both]) > 1e-4).mean() < 5e-3
    assert np.isinf(made.depth[made.alpha == 0]).all()


@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_random_clouds(degree: int) -> None:
    agree(cloud(degree, 150, degree), camera_at())


def test_dense_clouds_close_pixels() -> None:
    gaussians = cloud(7, 400, spread=0.3, size=0.2)
    assert rasterize(gaussians, camera_at()).alpha.max() > 0.999
    agree(gaussians, camera_at())


@pytest.mark.parametrize("size", [1e-6, 3.0, 50.0])
def test_tiny_and_huge(size: float) -> None:
    agree(cloud(8, 40, size=size), camera_at())


def test_beside_and_behind_the_camera() -> None:
    gaussians = cloud(9, 300, spread=6.0, size=0.3)
    depths = camera_at().project(gaussians.means.astype(np.float64))[1]
    assert 0.1 < (depths < 0).mean() < 0.6
    agree(gaussians, camera_at())


def test_pixel_aligned() -> None:
    """A Gaussian for every pixel, as GPS-Gaussian makes them: the picture is the colours."""
    camera = camera_at(40, 36)
    rows, columns = np.mgrid[:36, :40] + 0.5
    points = camera.unproject(np.stack([columns, rows], axis=-1).reshape(-1, 2), np.full(40 * 36, 2.5))
    count = len(points)
    colours = np.random.default_rng(1).uniform(0, 1, (count, 3))
    gaussians = Gaussians.coloured(
        points, np.tile([1.0, 0, 0, 0], (count, 1)), np.full((count, 3), 0.01), np.full(count, 0.9), colours
    )
    agree(gaussians, camera)
    grey = rasterize(
        Gaussians.coloured(
            points,
            np.tile([1.0, 0, 0, 0], (count, 1)),
            np.full((count, 3), 0.02),
            np.full(count, 0.99),
            np.full((count, 3), 0.5),
        ),
        camera,
    )
    assert np.abs(grey.rgb[4:-4, 4:-4] - 0.5).max() < 0.01
    assert np.abs(grey.depth[4:-4, 4:-4] - 2.5).max() < 1e-4


def test_an_empty_cloud_is_the_background() -> None:
    made = rasterize(cloud(0, 0), camera_at(33, 20), (0.1, 0.2, 0.3))
    assert np.allclose(made.rgb, [0.1, 0.2, 0.3]) and not made.alpha.any()
    assert np.isinf(made.depth).all() and np.isinf(made.first_hit).all()


def test_distortion_is_refused() -> None:
    lens = Distortion("opencv", (0.1, 0, 0, 0, 0, 0, 0, 0))
    with pytest.raises(CameraError, match="distortion"):
        rasterize(cloud(0, 1), Camera(10, 10, 10.0, 10.0, 5.0, 5.0, np.eye(4), lens))
