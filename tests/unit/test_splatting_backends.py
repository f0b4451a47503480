"""Which back end splats, and what is around those that need a GPU."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from inference.errors import BackendError
from inference.splatting import Splat, backends, cuda, gsplat_backend, kernels, rasterize
from inference.splatting.backends import cuda_rasterizer, probe, render_on, splatting_backends, trial_error
from inference.splatting.projection import project
from inference.splatting.reference import splat_reference
from inference.splatting.stopping import first_hit
from tests.unit.host_kernels import HostKernels
from tests.unit.test_splatting import BACKGROUND, SCENES, agree, camera_at, cloud

CPU = torch.device("cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_a_cuda_device() -> None:
    gsplat, own, cpu = splatting_backends()
    assert [gsplat.usable, own.usable, cpu.usable] == [False, False, True]
    assert "no CUDA device" in gsplat.reason and "no CUDA device" in own.reason
    assert cuda_rasterizer("auto") is None and cuda_rasterizer(CPU) is None
    gaussians, camera = cloud(0, 5), camera_at()
    pictures = [rasterize(gaussians, camera, device=device) for device in ("auto", "cpu", CPU)]
    assert all(np.array_equal(picture.rgb, pictures[0].rgb) for picture in pictures)
    with pytest.raises(BackendError, match="'cuda' is not there"):
        rasterize(gaussians, camera, device="cuda")


def test_the_first_that_renders_right_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the CPU in the place of a CUDA device."""
    kernels_here = HostKernels(tmp_path)
    compiled: list[str] = []

    def kernels_of(device: torch.device) -> HostKernels:
        compiled.append(str(device))
        return kernels_here

    monkeypatch.setattr(cuda, "CudaKernels", kernels_of)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"a card at {device}")
    monkeypatch.setattr(backends, "trial_error", lambda device, render: trial_error(CPU, render))
    probe.cache_clear()
    render, reason = probe("gsplat", 0)
    assert render is None and "not installed or not built" in reason and "gsplat" in reason
    render, reason = probe("CUDA kernels", 0)
    assert render is not None and reason == "a card at cuda:0" and compiled == ["cuda:0"]
    chosen = cuda_rasterizer(torch.device("cuda", 0))
    assert isinstance(chosen, partial) and chosen.args == (torch.device("cuda", 0), render)
    assert compiled == ["cuda:0"]  # once for good
    probe.cache_clear()


def test_a_back_end_that_renders_wrongly_or_not_at_all_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(means: Tensor, *others: Any) -> tuple[Tensor, ...]:
        return torch.zeros(40, 40, 3), *(torch.zeros(40, 40) for _ in range(3))

    error = trial_error(CPU, nothing)  # type: ignore[arg-type]
    assert error > 0.1
    monkeypatch.setattr(gsplat_backend, "import_compiled", lambda: None)
    monkeypatch.setattr(backends, "trial_error", lambda device, render: error)
    probe.cache_clear()
    render, reason = probe("gsplat", 0)
    assert render is None and "renders wrongly" in reason

    def broken(device: torch.device, render: backends.Render) -> float:
        raise RuntimeError("no kernel image is available")

    monkeypatch.setattr(backends, "trial_error", broken)
    probe.cache_clear()
    render, reason = probe("gsplat", 0)
    assert render is None and "no kernel image" in reason
    probe.cache_clear()


@pytest.mark.parametrize("scene", ["dense", "degree 0", "huge"])
def test_first_hit_from_lists_of_gaussians(scene: str) -> None:
    gaussians, camera = SCENES[scene]()
    arrays = (gaussians.means, gaussians.quaternions, gaussians.scales, gaussians.opacities)
    lists = tile_lists(*(torch.from_numpy(values) for values in arrays), camera, kernels.TILE)
    hit = first_hit(*lists, camera.width, camera.height, kernels.TILE)
    ours = rasterize(gaussians, camera, BACKGROUND, device="cpu")
    assert np.isfinite(ours.first_hit).mean() > 0.05
    agree(Splat(ours.rgb, ours.alpha, ours.depth, hit.numpy()), scene)


def tile_lists(means: Tensor, quaternions: Tensor, scales: Tensor, opacities: Tensor, camera: Any, tile: int) -> Any:
    """Return places, conics, opacities, depths, starts and members of every tile's Gaussians, all that can be seen."""
    intrinsics = torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy])
    pose = torch.tensor(camera.world_to_camera, dtype=torch.float32)
    size = camera.width, camera.height
    projected = project(means, quaternions, scales, opacities, intrinsics, pose, *size, 0.01)
    order = projected.depths.argsort(stable=True)
    members = order[projected.extents[order, 0] > 0]
    tiles = -(-camera.width // tile) * -(-camera.height // tile)
    starts = torch.arange(tiles + 1) * len(members)
    return projected.places, projected.conics, opacities, projected.depths, starts, members.repeat(tiles)


def test_gsplat_is_asked_in_its_own_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in with gsplat's interface (version 1.5.3) that renders with the reference."""
    scene = "dense"
    gaussians, camera = SCENES[scene]()

    def rasterization(
        means: Tensor,
        quats: Tensor,
        scales: Tensor,
        opacities: Tensor,
        colors: Tensor,
        viewmats: Tensor,
        Ks: Tensor,
        width: int,
        height: int,
        **options: Any,
    ) -> tuple[Tensor, Tensor, dict[str, Any]]:
        assert viewmats.shape == (1, 4, 4) and Ks.shape == (1, 3, 3)
        assert (options["eps2d"], options["packed"], options["rasterize_mode"]) == (0.3, False, "classic")
        assert options["render_mode"] == "RGB+ED" and options["backgrounds"].shape == (1, 3)
        intrinsics = Ks[0][[0, 1, 0, 1], [0, 1, 2, 2]]
        cloud = (means, quats, scales, opacities, colors, intrinsics, viewmats[0], width, height)
        rgb, alpha, depth, _ = splat_reference(*cloud, options["backgrounds"][0], options["near_plane"])
        lists = tile_lists(means, quats, scales, opacities, camera, options["tile_size"])
        notes = {"means2d": lists[0][None], "conics": lists[1][None], "depths": lists[3][None]}
        notes["isect_offsets"] = lists[4][:-1].view(1, -(-height // 16), -(-width // 16)).int()
        notes["flatten_ids"] = lists[5].int()
        return torch.cat([rgb, depth]).permute(1, 2, 0)[None], alpha.permute(1, 2, 0)[None], notes

    stand_in = ModuleType("gsplat")
    stand_in.rasterization = rasterization  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gsplat", stand_in)
    with pytest.raises(ImportError, match="csrc"):
        gsplat_backend.import_compiled()
    agree(Splat(*render_on(CPU, gsplat_backend.render, gaussians, camera, np.float32(BACKGROUND), 0.01)), scene)
