"""Differentiable splatting: the reference against finite differences, the kernels against the reference."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.gaussians import Gaussians
from inference.splatting import rasterize
from inference.splatting.differentiable import splat
from inference.splatting.reference import splat_reference
from tests.unit.test_splatting import camera_at, cloud

NAMES = ("means", "quaternions", "scales", "opacities", "colours")
BACKGROUND = torch.tensor([0.2, 0.4, 0.1])


def tensors_of(gaussians: Gaussians, dtype: torch.dtype) -> list[Tensor]:
    return [torch.from_numpy(getattr(gaussians, name)).to(dtype).requires_grad_() for name in NAMES]


def view_of(width: int, height: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    camera = camera_at(width, height)
    intrinsics = torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy], dtype=dtype)
    return intrinsics, torch.from_numpy(camera.world_to_camera.copy()).to(dtype)


def bright(gaussians: Gaussians) -> Gaussians:
    """With colours that are not cut at 0."""
    colours = np.random.default_rng(5).uniform(0, 1, (len(gaussians), 3))
    return Gaussians.coloured(gaussians.means, gaussians.quaternions, gaussians.scales, gaussians.opacities, colours)


CLOUDS = {
    "random": cloud(1, 150),
    "dense": cloud(7, 300, spread=0.3, size=0.2),
    "opaque": replace(cloud(6, 100, size=0.3), opacities=np.ones(100, np.float32)),
    "tiny": cloud(8, 60, size=1e-6),
    "huge": cloud(8, 40, size=3.0),
    "around the camera": cloud(9, 300, spread=6.0, size=0.3),
}


def test_reference_against_finite_differences() -> None:
    # Wide, so that no pixel crosses the threshold of a contribution between two differences.
    gaussians = bright(cloud(4, 6, spread=0.1, size=1.5))
    intrinsics, pose = view_of(8, 6, torch.float64)

    def picture(*arguments: Tensor) -> tuple[Tensor, ...]:
        return splat_reference(*arguments, intrinsics / 10, pose, 8, 6, BACKGROUND.double())[:3]

    assert torch.autograd.gradcheck(picture, tensors_of(gaussians, torch.float64), eps=1e-7, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", CLOUDS)
def test_pictures_and_gradients_are_those_of_the_reference(name: str) -> None:
    gaussians = bright(CLOUDS[name])
    width, height = 70, 50
    # A loss that all of the picture matters to, by each pixel differently.
    generator = torch.Generator().manual_seed(0)
    pulls = [torch.randn(channels, height, width, generator=generator) for channels in (3, 1, 1)]
    made, gradients = {}, {}
    for dtype, render in ((torch.float32, splat), (torch.float64, splat_reference)):
        arguments = tensors_of(gaussians, dtype)
        made[dtype] = render(*arguments, *view_of(width, height, dtype), width, height, BACKGROUND.to(dtype))[:3]  # type: ignore[operator]
        loss = sum((pull.to(dtype) * picture).sum() for pull, picture in zip(pulls, made[dtype], strict=True))
        gradients[dtype] = torch.autograd.grad(loss, arguments)
    for ours, truth, tolerance in zip(made[torch.float32], made[torch.float64], (1e-3, 1e-4, 1e-3), strict=True):
        assert ((ours - truth).abs() > tolerance).float().mean() < 2e-3
    for of, ours, truth in zip(NAMES, gradients[torch.float32], gradients[torch.float64], strict=True):
        norms = truth.flatten(1).norm(dim=1) if truth.ndim > 1 else truth.abs()
        errors = (ours - truth).flatten(1).norm(dim=1) if truth.ndim > 1 else (ours - truth).abs()
        assert norms.max() > 0, of
        # One pixel on the other side of the threshold by rounding moves the Gaussians that it shows.
        assert (errors > 1e-3 * norms + 1e-4 * norms.max()).float().mean() < 0.05, of
        assert errors.norm() < 1e-3 * norms.norm(), of


def test_the_same_picture_as_rasterize_and_the_same_gradients_again() -> None:
    gaussians, camera = bright(cloud(1, 150)), camera_at()
    splatted = rasterize(gaussians, camera, BACKGROUND.numpy())
    results = []
    for _ in range(2):
        arguments = tensors_of(gaussians, torch.float32)
        rgb, alpha, depth = splat(*arguments, *view_of(70, 50, torch.float32), 70, 50, BACKGROUND)
        results.append(torch.autograd.grad(rgb.square().sum() + alpha.sum() + depth.sum(), arguments))
    assert (np.abs(rgb.detach().permute(1, 2, 0).numpy() - splatted.rgb).max(axis=2) > 1e-4).mean() < 1e-3
    assert (np.abs(alpha[0].detach().numpy() - splatted.alpha) > 1e-4).mean() < 1e-3
    assert all(torch.equal(first, second) for first, second in zip(*results, strict=True))


def test_nothing_and_nothing_in_front() -> None:
    for gaussians in (cloud(0, 0), cloud(2, 20)):
        arguments = tensors_of(gaussians, torch.float32)
        intrinsics, pose = view_of(20, 16, torch.float32)
        pose[2, 3] = -50.0
        rgb, alpha, depth = splat(*arguments, intrinsics, pose, 20, 16, BACKGROUND)
        assert torch.equal(rgb, BACKGROUND[:, None, None].expand(3, 16, 20))
        assert not alpha.any() and not depth.any()
        for gradient in torch.autograd.grad(rgb.sum() + alpha.sum() + depth.sum(), arguments):
            assert torch.equal(gradient, torch.zeros_like(gradient))
