"""Splatting pixel-aligned Gaussians: threads, gradients, the plain reference, and a GPU where there is one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numba
import numpy as np
import torch
from torch import Tensor

from inference.camera import Camera
from inference.gaussians import Gaussians
from inference.splatting import Splat, rasterize
from inference.splatting.backends import NAMES, probe
from inference.splatting.differentiable import splat
from inference.splatting.reference import splat_reference

from .measure import Row, compared, medians

Ways = dict[str, Callable[[], object]]


def camera_of(side: int) -> Camera:
    """Return a camera of side x side pixels that looks along z."""
    return Camera(side, side, side, side, side / 2, side / 2, np.eye(4))


def pixel_aligned(camera: Camera, side: int) -> Gaussians:
    """Return a Gaussian for every pixel of two wavy depth maps of side x side, as GPS-Gaussian makes them."""
    random = np.random.default_rng(0)
    pixel = camera.width / side
    rows, columns = (np.mgrid[:side, :side] + 0.5) * pixel
    points = []
    for shift in (0.0, 0.3):
        depths = 2.0 + 0.1 * np.sin(columns / camera.width * 20 + shift)
        pixels = np.stack([columns + shift, rows], axis=-1).reshape(-1, 2)
        points.append(camera.unproject(pixels, depths.ravel()))
    count = 2 * side * side
    return Gaussians.coloured(
        np.concatenate(points),
        np.tile([1.0, 0.0, 0.0, 0.0], (count, 1)),
        np.full((count, 3), pixel / camera.fx),
        np.full(count, 0.95),
        random.uniform(size=(count, 3)),
    )


def run() -> list[Row]:
    """Measure all."""
    return [*_pictures(), *_gradients(), *_reference()]


def _pictures() -> list[Row]:
    """One thread, all threads, the GPU with the Gaussians on it already, a copy of what they take in memory."""
    camera = camera_of(1024)
    gaussians = pixel_aligned(camera, 512)
    arrays = [gaussians.means, gaussians.quaternions, gaussians.scales, gaussians.opacities, gaussians.harmonics]
    threads = numba.get_num_threads()

    def on(count: int) -> Splat:
        numba.set_num_threads(count)
        try:
            return rasterize(gaussians, camera, device="cpu")
        finally:
            numba.set_num_threads(threads)

    ways: Ways = {
        f"numba, {threads} threads": lambda: on(threads),
        "numba, 1 thread": lambda: on(1),
        "memory copy of the Gaussians": lambda: [values.copy() for values in arrays],
    }
    if torch.cuda.is_available():
        moved = [values.cuda() for values in _tensors(gaussians)]
        for name in NAMES[:2]:
            render, _ = probe(name, torch.cuda.current_device())
            if render is not None:
                ways[name] = partial(_synchronised, partial(render, *moved, camera, torch.zeros(3).cuda(), 0.01))
    return compared("splatting 524 288 Gaussians to 1024 x 1024", medians(ways), f"numba, {threads} threads")


def _gradients() -> list[Row]:
    """The picture, and the picture with gradients, as training has them at each step."""
    camera = camera_of(512)
    gaussians = pixel_aligned(camera, 256)
    ways: Ways = {}
    for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
        ways[f"{device}, picture"] = partial(_training_step, gaussians, camera, device, False)
        ways[f"{device}, picture and gradients"] = partial(_training_step, gaussians, camera, device, True)
    return compared("131 072 Gaussians to 512 x 512, for training", medians(ways), "cpu, picture")


def _training_step(gaussians: Gaussians, camera: Camera, device: str, backward: bool) -> None:
    arguments = [values.to(device).requires_grad_() for values in _tensors(gaussians)]
    intrinsics, pose = (values.to(device) for values in _view(camera))
    means, quaternions, scales, opacities, colours = arguments
    size = camera.width, camera.height
    pictures = splat(means, quaternions, scales, opacities, colours, intrinsics, pose, *size)
    if backward:
        torch.autograd.grad(torch.stack([values.square().mean() for values in pictures]).sum(), arguments)
    _synchronise()


def _reference() -> list[Row]:
    """The reference in torch, every pixel by every Gaussian, which only small clouds fit."""
    camera = camera_of(64)
    gaussians = pixel_aligned(camera, 32)
    means, quaternions, scales, opacities, colours = _tensors(gaussians)
    intrinsics, pose = _view(camera)
    view = intrinsics, pose, camera.width, camera.height, torch.zeros(3)
    ways: Ways = {
        "numba": lambda: rasterize(gaussians, camera, device="cpu"),
        "torch reference": lambda: splat_reference(means, quaternions, scales, opacities, colours, *view),
    }
    return compared("splatting 2 048 Gaussians to 64 x 64", medians(ways), "numba")


def _tensors(gaussians: Gaussians) -> list[Tensor]:
    arrays = (gaussians.means, gaussians.quaternions, gaussians.scales, gaussians.opacities, gaussians.colours)
    return [torch.from_numpy(values) for values in arrays]


def _view(camera: Camera) -> list[Tensor]:
    intrinsics = torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy])
    return [intrinsics, torch.tensor(camera.world_to_camera, dtype=torch.float32)]


def _synchronised(function: Callable[[], object]) -> None:
    function()
    _synchronise()


def _synchronise() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
