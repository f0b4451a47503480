"""Splatting against a brute force in float64: every pixel, every Gaussian."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial

import numpy as np
import pytest
import torch
from numpy.typing import ArrayLike, NDArray

from inference.camera import Camera, Distortion
from inference.errors import CameraError
from inference.gaussians import Gaussians
from inference.splatting import Splat, cuda, rasterize
from inference.splatting.backends import render_on
from inference.splatting.colours import seen_colours
from inference.splatting.reference import splat_reference
from tests.unit.host_kernels import HostKernels

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


def pixel_aligned(camera: Camera, slope: float) -> Gaussians:
    """A Gaussian for every pixel, as GPS-Gaussian makes them, on a plane; all equally far without a slope."""
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    pixels = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    points = camera.unproject(pixels, (2.5 + slope * (columns + 0.07 * rows)).ravel())
    count = len(points)
    colours = np.random.default_rng(1).uniform(0, 1, (count, 3))
    turns = np.tile([1.0, 0, 0, 0], (count, 1))
    return Gaussians.coloured(points, turns, np.full((count, 3), 0.01), np.full(count, 0.9), colours)


SCENES: dict[str, Callable[[], tuple[Gaussians, Camera]]] = {
    "degree 0": lambda: (cloud(0, 150), camera_at()),
    "degree 1": lambda: (cloud(1, 150, 1), camera_at()),
    "degree 2": lambda: (cloud(2, 150, 2), camera_at()),
    "degree 3": lambda: (cloud(3, 150, 3), camera_at()),
    "dense": lambda: (cloud(7, 400, spread=0.3, size=0.2), camera_at()),
    "tiny": lambda: (cloud(8, 40, size=1e-6), camera_at()),
    "large": lambda: (cloud(8, 40, size=3.0), camera_at()),
    "huge": lambda: (cloud(8, 40, size=50.0), camera_at()),
    "beside and behind the camera": lambda: (cloud(9, 300, spread=6.0, size=0.3), camera_at()),
    "off screen": lambda: (cloud(9, 100, spread=0.1), camera_at().crop(200, 100, 70, 50)),
    "pixel-aligned": lambda: (pixel_aligned(camera_at(40, 36), 0.01), camera_at(40, 36)),
    "pixel-aligned, equally far": lambda: (pixel_aligned(camera_at(40, 36), 0.0), camera_at(40, 36)),
    "empty": lambda: (cloud(0, 0), camera_at(33, 20)),
}
BACKGROUND = np.array([0.2, 0.4, 0.1])


@cache
def truth_of(scene: str) -> tuple[Floats, Floats, Floats, Floats]:
    return brute_force(*SCENES[scene](), BACKGROUND)


def agree(made: Splat, scene: str) -> None:
    rgb, alpha, depth, first_hit = truth_of(scene)
    # At the threshold of 1/255 a pixel may fall on either side by rounding: such ones are rare.
    wrong = np.abs(made.rgb - rgb).max(axis=2) > 1e-3
    assert wrong.mean() < 1e-3 and np.abs(made.rgb - rgb).max() < 0.02
    assert (np.abs(made.alpha - alpha) > 1e-4).mean() < 1e-3
    solid = alpha > 0.01
    assert (np.abs(made.depth[solid] / depth[solid] - 1) > 1e-4).sum() <= 2e-3 * solid.sum()
    both = np.isfinite(first_hit) & np.isfinite(made.first_hit)
    assert (np.isfinite(first_hit) != np.isfinite(made.first_hit)).mean() < 2e-3
    assert (np.abs(made.first_hit[both] - first_hit[both]) > 1e-4).sum() <= 5e-3 * both.sum()
    assert np.isinf(made.depth[made.alpha == 0]).all()


def by_reference(gaussians: Gaussians, camera: Camera) -> Splat:
    arrays = (getattr(gaussians, name) for name in ("means", "quaternions", "scales", "opacities", "harmonics"))
    *shapes, harmonics = (torch.from_numpy(values).double() for values in arrays)
    colours = seen_colours(shapes[0], harmonics, torch.from_numpy(camera.centre))
    intrinsics = torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy], dtype=torch.float64)
    view = (intrinsics, torch.tensor(camera.world_to_camera), camera.width, camera.height)
    rgb, *others = splat_reference(*shapes, colours, *view, torch.from_numpy(BACKGROUND))  # type: ignore[arg-type]
    alpha, depth, first_hit = (values[0].numpy() for values in others)
    depth[alpha == 0], first_hit[first_hit == 0] = np.inf, np.inf
    return Splat(rgb.permute(1, 2, 0).numpy(), alpha, depth, first_hit)


@pytest.fixture(scope="module")
def host_kernels(tmp_path_factory: pytest.TempPathFactory) -> HostKernels:
    return HostKernels(tmp_path_factory.mktemp("kernels"))


@pytest.mark.parametrize("scene", SCENES)
def test_cpu(scene: str) -> None:
    agree(rasterize(*SCENES[scene](), BACKGROUND, device="cpu"), scene)


@pytest.mark.parametrize("scene", SCENES)
def test_reference(scene: str) -> None:
    agree(by_reference(*SCENES[scene]()), scene)


@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene != "empty"])
def test_cuda_kernels_as_plain_cpp(scene: str, host_kernels: HostKernels) -> None:
    gaussians, camera = SCENES[scene]()
    render = partial(cuda.render, host_kernels)
    agree(Splat(*render_on(torch.device("cpu"), render, gaussians, camera, np.float32(BACKGROUND), 0.01)), scene)


def test_scenes_are_what_they_are_called() -> None:
    assert truth_of("dense")[1].max() > 0.999
    assert not truth_of("off screen")[1].any() and truth_of("tiny")[1].any()
    gaussians, camera = SCENES["beside and behind the camera"]()
    assert 0.1 < (camera.project(gaussians.means)[1] < 0).mean() < 0.6
    assert np.ptp(camera_at(40, 36).project(SCENES["pixel-aligned, equally far"]()[0].means)[1]) < 1e-6


def test_pixel_aligned_gaussians_of_one_colour_make_an_even_picture() -> None:
    camera = camera_at(40, 36)
    grains = pixel_aligned(camera, 0.0)
    count = len(grains)
    scales, colours = np.full((count, 3), 0.02), np.full((count, 3), 0.5)
    grey = rasterize(
        Gaussians.coloured(grains.means, grains.quaternions, scales, np.full(count, 0.99), colours), camera
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
