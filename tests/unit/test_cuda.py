"""What runs on a GPU agrees with the CPU. Skipped where there is none: ``pytest tests/unit/test_cuda.py`` on one."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inference import synthesis
from inference.capture.photographs import Photograph
from inference.convglr.encodings import encode
from inference.convglr.learned_cost import LearnedCost
from inference.convglr.pipeline import render
from inference.gps_gaussian.matching import match_pair
from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from inference.gps_gaussian.pipeline import pair_cloud
from inference.planesweep.draft import attend, colour_variance
from inference.planesweep.geometry import sweep_geometry
from inference.planesweep.kernels import MASKED
from inference.planesweep.matching import aggregate, matching_cost, matching_cues
from inference.planesweep.narrowing import Window, coarse_pass
from inference.planesweep.pipeline import render_draft
from inference.planesweep.sweep import SourceImages, Sweep
from inference.planesweep.volume import Volume, sweep_volume
from inference.progress import silent
from inference.splatting import rasterize
from inference.synthesis import Options, Session
from tests.unit.networks import SMALL, network_of, save_network
from tests.unit.people_examples import CENTRE as BALL_CENTRE
from tests.unit.people_examples import ball
from tests.unit.people_examples import camera_at as ball_camera
from tests.unit.sweep_scenes import (
    FAR,
    NEAR,
    curved_interval,
    made_up_capture,
    photograph,
    psnr,
    source_cameras,
    source_images,
    target_camera,
)
from tests.unit.test_matching import random_volume

CPU = torch.device("cpu")
DEVICES = [
    CPU,
    pytest.param(
        torch.device("cuda"), marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
    ),
]
pytestmark = pytest.mark.parametrize("device", DEVICES, ids=str)


@pytest.fixture(autouse=True)
def exact_products(device: torch.device) -> None:
    """TF32 would be a difference of its own."""
    if device.type == "cuda":
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def moved(volume: Volume, device: torch.device) -> Volume:
    return Volume(volume.colours.to(device), volume.state.to(device), volume.disparities.to(device))


def test_sweep(device: torch.device) -> None:
    target, cameras = target_camera(), source_cameras(3)
    masks = [None, torch.from_numpy((np.random.default_rng(0).uniform(size=(64, 72)) > 0.5).astype(np.float32)), None]
    volumes = []
    for place in (CPU, device):
        sources = source_images(cameras, device=place)
        there = [None if mask is None else mask.to(place) for mask in masks]
        interval = curved_interval(64, 72, device=place)
        volumes.append(sweep_volume(sources.images, sweep_geometry(target, cameras), interval, 7, there))
    ours, theirs = moved(volumes[0], CPU), moved(volumes[1], CPU)
    assert volumes[1].colours.device.type == device.type
    assert (ours.colours - theirs.colours).abs().max() < 1e-3
    assert (ours.state != theirs.state).float().mean() < 1e-3 and (theirs.state == MASKED).any()
    assert torch.allclose(ours.disparities, theirs.disparities, atol=1e-6)


def test_matching_and_variance(device: torch.device) -> None:
    volume = random_volume(5, height=20, width=24)
    there = moved(volume, device)
    assert torch.allclose(matching_cost(volume), matching_cost(there).cpu(), atol=2e-3)
    assert torch.allclose(colour_variance(volume), colour_variance(there).cpu(), atol=1e-5)


def test_learned_cost(device: torch.device) -> None:
    volume = random_volume(5, height=20, width=24)
    cost = LearnedCost().requires_grad_(False)
    torch.nn.init.normal_(cost.correction.weight, 0, 0.3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(matching_cues(volume), matching_cues(moved(volume, device)).cpu(), atol=2e-3)
    expected = cost(volume)
    assert torch.allclose(expected, cost.to(device)(moved(volume, device)).cpu(), atol=1e-2)


def test_aggregate(device: torch.device) -> None:
    cost = torch.rand(9, 20, 24, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(aggregate(cost), aggregate(cost.to(device)).cpu(), atol=1e-4)


def test_coarse_pass_and_prior(device: torch.device) -> None:
    target, cameras = target_camera(), source_cameras(4)
    coarse = coarse_pass(target, cameras, source_images(cameras).images, NEAR, FAR)
    there = coarse_pass(target, cameras, source_images(cameras, device=device).images, NEAR, FAR)
    assert torch.allclose(coarse.costs, there.costs.cpu(), atol=5e-3)
    # From the same costs on, so that no plane is chosen otherwise by a rounding.
    there = replace(coarse, costs=coarse.costs.to(device))
    interval, other = coarse.interval(64, 72), there.interval(64, 72)
    assert torch.allclose(interval.low, other.low.cpu(), atol=1e-4)
    assert torch.allclose(interval.high, other.high.cpu(), atol=1e-4)
    window = Window(8, 4, 72, 64)
    ours = coarse.prior(interval.crop(8, 4, 40, 44), 9, window)
    theirs = there.prior(other.crop(8, 4, 40, 44), 9, window)
    assert torch.allclose(ours, theirs.cpu(), atol=2e-3)


def test_encodings(device: torch.device) -> None:
    geometry = sweep_geometry(target_camera(), source_cameras(3))
    ours, theirs = (encode(geometry, curved_interval(64, 72, device=place), 4, 40.0, 16) for place in (CPU, device))
    for name in ("rays", "angles", "steps"):
        assert torch.allclose(getattr(ours, name), getattr(theirs, name).cpu(), atol=1e-4), name


def test_attention(device: torch.device) -> None:
    volume = random_volume(6)
    attention = torch.softmax(4 * torch.rand(volume.disparities.shape, generator=torch.Generator().manual_seed(1)), 0)
    weights = torch.tensor([1.0, 0.6, 0.3, 0.0])
    ours = attend(volume, attention, weights)
    theirs = attend(moved(volume, device), attention.to(device), weights.to(device))
    for name in ("views", "weights", "rgb", "seen", "disparity", "confidence"):
        assert torch.allclose(getattr(ours, name), getattr(theirs, name).cpu(), atol=2e-4), name


def sweep_on(device: torch.device, config: NetworkConfig) -> Sweep:
    sources: SourceImages = source_images(source_cameras(config.views), device=device)
    return Sweep(target_camera(), sources, NEAR, FAR, config.planes, config.views)


@torch.inference_mode()
def test_draft(device: torch.device) -> None:
    ours, theirs = (render_draft(sweep_on(place, SMALL), 640, silent).cpu() for place in (CPU, device))
    assert psnr(ours[:3].numpy(), theirs[:3].numpy()) > 40


@torch.inference_mode()
@pytest.mark.parametrize("guided", [True, False], ids=["guided", "pure"])
def test_network(device: torch.device, guided: bool) -> None:
    config = replace(SMALL, guided=guided)
    network = network_of(config, awake=True)
    ours = render(network, sweep_on(CPU, config), 640, silent)
    theirs = render(network.to(device), sweep_on(device, config), 640, silent).cpu()
    # The convolutions run in bfloat16 on the GPU.
    assert psnr(ours[:3].numpy(), theirs[:3].numpy()) > 35


@torch.inference_mode()
def test_untrained_network_gives_the_draft_also_in_half_precision(device: torch.device) -> None:
    network, sweep = network_of(SMALL).to(device), sweep_on(device, SMALL)
    ours, draft = render(network, sweep, 640, silent), render_draft(sweep, 640, silent)
    covered = draft[6] > 0.3  # the rest is filled in
    assert covered.float().mean() > 0.5
    assert (ours - draft)[:, covered].abs().max() < 1e-4


@pytest.mark.parametrize("method", ["plane-sweep", "convglr"])
def test_session(device: torch.device, method: str, tmp_path: Path) -> None:
    path = str(save_network(tmp_path, network_of(replace(SMALL, views=4, planes=32), awake=True)))
    capture = made_up_capture(source_cameras())
    weights = path if method == "convglr" else None
    session = Session()
    ours, theirs = (
        session.synthesize(capture, target_camera(), Options(method, device=name, weights=weights))
        for name in ("cpu", device.type)
    )
    assert theirs.metadata["device"] == device.type
    assert psnr(ours.rgb, theirs.rgb) > 35
    assert abs(psnr(ours.rgb, photograph(target_camera())) - psnr(theirs.rgb, photograph(target_camera()))) < 0.3
    session.unload()


def test_short_memory_means_smaller_tiles(device: torch.device, monkeypatch: pytest.MonkeyPatch) -> None:
    render_all, sides = render_draft, []

    def tight(sweep: Sweep, side: int, progress: object) -> torch.Tensor:
        sides.append(side)
        if len(sides) == 1:
            # More than any device has: the allocator's own error, whatever its class.
            torch.empty(2**50, dtype=torch.uint8, device=device)
        return render_all(sweep, side, silent)

    monkeypatch.setattr(synthesis, "render_draft", tight)
    capture = made_up_capture(source_cameras())
    frame = Session().synthesize(capture, target_camera(), Options("plane-sweep", device=device.type))
    assert len(sides) == 2 and sides[1] == sides[0] // 2 and len(frame.metadata["warnings"]) == 1


def test_gaussians_of_a_pair(device: torch.device) -> None:
    """With heads that say something: rotations, scales and opacities come from the network, too."""
    torch.manual_seed(0)
    network = GPSGaussian(NetworkConfig(guided=True)).eval()
    for layer in (head[-1] for head in (network.gs_parm_regresser.rot_head, network.gs_parm_regresser.scale_head)):
        torch.nn.init.normal_(layer.weight, std=0.05)
    views = [Photograph(view.camera, view.rgb, view.mask) for view in (ball(ball_camera(0.0)), ball(ball_camera(20.0)))]
    matched = match_pair(*views, 192, guided=True)
    clouds = [pair_cloud(copy.deepcopy(network).to(place), matched, BALL_CENTRE).gaussians for place in (CPU, device)]
    assert len(clouds[0]) == len(clouds[1])
    for name, tolerance in (("means", 1e-4), ("scales", 1e-4), ("opacities", 1e-3), ("quaternions", 1e-3)):
        ours, theirs = (getattr(cloud, name) for cloud in clouds)
        assert np.abs(ours - theirs).max() < tolerance, name
    pictures = [
        rasterize(cloud, ball_camera(10.0), device=place) for cloud, place in zip(clouds, (CPU, device), strict=True)
    ]
    assert np.abs(pictures[0].rgb - pictures[1].rgb).mean() < 1e-3
