"""Splatting on a GPU against the brute force. Skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from inference.splatting import Splat, rasterize
from inference.splatting.backends import probe, render_on, splatting_backends
from inference.splatting.differentiable import splat
from inference.splatting.reference import splat_reference
from tests.unit.test_splatting import BACKGROUND, SCENES, agree, cloud
from tests.unit.test_splatting_gradients import NAMES, bright, tensors_of, view_of

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.mark.parametrize("name", ["gsplat", "CUDA kernels"])
@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene != "empty"])
def test_back_ends(name: str, scene: str) -> None:
    render, reason = probe(name, 0)
    if render is None:
        # Not there is no fault; there and wrong is one.
        assert "not installed or not built" in reason
        pytest.skip(reason)
    if name == "gsplat" and scene == "pixel-aligned, equally far":
        pytest.skip("gsplat sorts by single precision: which of the equally far comes first is chance")
    gaussians, camera = SCENES[scene]()
    device = torch.device("cuda", 0)
    agree(Splat(*render_on(device, render, gaussians, camera, np.float32(BACKGROUND), 0.01)), scene)


@pytest.mark.parametrize("device", ["auto", "cuda", torch.device("cuda", 0)], ids=str)
def test_rasterize(device: torch.device | str) -> None:
    for scene in ("degree 3", "empty"):
        agree(rasterize(*SCENES[scene](), BACKGROUND, device=device), scene)


def test_back_ends_are_told() -> None:
    found = splatting_backends()
    assert [backend.name for backend in found] == ["gsplat", "CUDA kernels", "numba"]
    assert all(backend.reason for backend in found) and found[-1].usable


def test_gradients() -> None:
    gaussians = bright(cloud(1, 150))
    results = []
    for device, dtype in (("cuda", torch.float32), ("cpu", torch.float64)):
        arguments = [values.detach().to(device).requires_grad_() for values in tensors_of(gaussians, dtype)]
        view = [values.to(device) for values in view_of(70, 50, dtype)]
        behind = torch.tensor(BACKGROUND, dtype=dtype, device=device)
        render = splat if device == "cuda" else splat_reference
        rgb, alpha, depth = render(*arguments, *view, 70, 50, behind)[:3]  # type: ignore[operator]
        assert rgb.device.type == device and rgb.shape == (3, 50, 70) and alpha.shape == depth.shape == (1, 50, 70)
        results.append(torch.autograd.grad(rgb.square().sum() + alpha.sum() + depth.sum(), arguments))
    for name, ours, truth in zip(NAMES, *results, strict=True):
        assert (ours.cpu() - truth).norm() < 0.01 * truth.norm(), name
