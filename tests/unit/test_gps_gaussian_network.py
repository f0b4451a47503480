"""The GPS-Gaussian network against the official list of tensors and against its parts computed plainly in float64."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from inference.camera import Camera
from inference.gps_gaussian.correlation import CorrelationPyramid
from inference.gps_gaussian.encoder import ResidualBlock
from inference.gps_gaussian.network import UNUSED, GPSGaussian, NetworkConfig, official_state
from inference.gps_gaussian.stereo import ConvGRU, Stereo, upsample
from inference.gps_gaussian.unprojection import flow_of, inverse_depth_of, unproject

LIST = Path(__file__).parent / "data" / "gps_gaussian_stage2_params.tsv"


def official_shapes() -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor of the authors' second-stage weights."""
    rows = [line.split("\t") for line in LIST.read_text().splitlines()[1:]]
    return {name: tuple(int(side) for side in shape.split("x")) for name, shape in rows}


def official_tensors() -> dict[str, Tensor]:
    """Made-up weights under the official names, aliases equal."""
    generator = torch.Generator().manual_seed(0)
    tensors = {name: 0.05 * torch.randn(shape, generator=generator) for name, shape in official_shapes().items()}
    for name in tensors:
        if ".norm3." in name:
            tensors[name] = tensors[name.replace(".norm3.", ".downsample.1.")]
    return tensors


def parameters(module: torch.nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def test_official_weights_load_by_name() -> None:
    tensors = official_tensors()
    assert len(tensors) == 276
    network = GPSGaussian(NetworkConfig(guided=False))
    state = official_state(tensors)
    network.load_state_dict(state, strict=True)
    assert torch.equal(network.img_encoder.in_ds[0].weight, tensors["img_encoder.in_ds.0.weight"])
    unused = sum(value.numel() for name, value in tensors.items() if name.startswith(UNUSED))
    assert parameters(network.img_encoder) == 414_384
    assert parameters(network.raft_stereo) + unused == 3_480_832 and unused == 995_904
    assert parameters(network.gs_parm_regresser) == 1_249_192


def test_aliases_that_differ_are_refused() -> None:
    tensors = official_tensors()
    name = next(name for name in tensors if ".norm3." in name)
    tensors[name] = tensors[name] + 1
    with pytest.raises(ValueError, match="twin"):
        official_state(tensors)


def normalised(x: Tensor, groups: int, weight: Tensor, bias: Tensor) -> Tensor:
    """Group normalisation, group by group."""
    parts = [(part - part.mean()) / (part.var(unbiased=False) + 1e-5).sqrt() for part in x[0].chunk(groups)]
    return (torch.cat(parts) * weight[:, None, None] + bias[:, None, None])[None]


@pytest.mark.parametrize(("inputs", "stride"), [(16, 1), (24, 2)])
def test_residual_block(inputs: int, stride: int) -> None:
    torch.manual_seed(1)
    block = ResidualBlock(inputs, 16, stride).double()
    x = torch.randn(1, inputs, 8, 10, dtype=torch.float64)
    for norm in (block.norm1, block.norm2):
        torch.nn.init.normal_(norm.weight)
        torch.nn.init.normal_(norm.bias)
    y = functional.conv2d(x, block.conv1.weight, block.conv1.bias, stride, 1)
    y = normalised(y, 2, block.norm1.weight, block.norm1.bias).clamp_min(0)
    y = functional.conv2d(y, block.conv2.weight, block.conv2.bias, 1, 1)
    y = normalised(y, 2, block.norm2.weight, block.norm2.bias).clamp_min(0)
    skip = x
    if stride == 2:
        conv, norm = block.downsample[0], block.downsample[1]  # type: ignore[index]
        skip = normalised(functional.conv2d(x, conv.weight, conv.bias, 2), 2, norm.weight, norm.bias)
    torch.testing.assert_close(block(x), (skip + y).clamp_min(0))


def test_correlation_look_up() -> None:
    random = np.random.default_rng(2)
    first, second = random.normal(size=(2, 1, 5, 3, 16))
    columns = random.uniform(-3, 19, size=(1, 3, 16))
    found = CorrelationPyramid(torch.from_numpy(first).float(), torch.from_numpy(second).float()).look_up(
        torch.from_numpy(columns).float()
    )
    assert found.shape == (1, 36, 3, 16)
    for y, x in np.ndindex(3, 16):
        row = np.array([first[0, :, y, x] @ second[0, :, y, k] for k in range(16)]) / np.sqrt(5)
        expected = []
        for level in range(4):
            padded = np.concatenate([[0.0], row, [0.0]])
            for step in range(-4, 5):
                place = columns[0, y, x] / 2**level + step
                expected.append(np.interp(place, np.arange(-1, len(row) + 1), padded, left=0.0, right=0.0))
            row = row.reshape(-1, 2).mean(axis=1)
        assert np.abs(found[0, :, y, x].numpy() - expected).max() < 1e-4


def test_upsampling_is_a_convex_mean_of_neighbours() -> None:
    random = np.random.default_rng(3)
    flow, logits = random.normal(size=(1, 4, 5)), random.normal(size=(1, 576, 4, 5))
    found = upsample(torch.from_numpy(flow).float(), torch.from_numpy(logits).float())[0, 0].numpy()
    padded = np.pad(8 * flow[0], 1)
    for y, x in [(0, 0), (7, 39), (13, 22), (31, 8)]:
        cell = (y // 8, x // 8)
        weights = np.exp(logits[0].reshape(9, 8, 8, 4, 5)[:, y % 8, x % 8, cell[0], cell[1]])
        around = padded[cell[0] : cell[0] + 3, cell[1] : cell[1] + 3].ravel()
        assert found[y, x] == pytest.approx((weights / weights.sum()) @ around, abs=1e-5)


def test_recurrent_unit() -> None:
    torch.manual_seed(4)
    unit = ConvGRU().double()
    hidden, motion = torch.randn(1, 96, 4, 5).double(), torch.randn(1, 128, 4, 5).double()
    cz, cr, cq = (torch.randn(1, 96, 4, 5).double() for _ in range(3))
    z = 1 / (1 + torch.exp(-(unit.convz(torch.cat([hidden, motion], 1)) + cz)))
    r = 1 / (1 + torch.exp(-(unit.convr(torch.cat([hidden, motion], 1)) + cr)))
    q = torch.tanh(unit.convq(torch.cat([r * hidden, motion], 1)) + cq)
    torch.testing.assert_close(unit(hidden, (cz, cr, cq), motion), (1 - z) * hidden + z * q)


def test_both_directions_are_the_same_network() -> None:
    """Views exchanged, flows exchanged."""
    torch.manual_seed(5)
    stereo = Stereo().eval()
    features = torch.randn(2, 96, 8, 8)
    with torch.no_grad():
        there, back = stereo(features)[-1], stereo(features.flip(0))[-1]
    torch.testing.assert_close(there.flip(0), back, rtol=1e-3, atol=1e-3)
    assert there.abs().mean() > 1e-3


def test_training_returns_every_step_and_gradients() -> None:
    torch.manual_seed(6)
    stereo = Stereo().train()
    flows = stereo(torch.randn(2, 96, 8, 8))
    assert [flow.shape for flow in flows] == [(2, 1, 64, 64)] * 3
    torch.autograd.backward(flows[-1].abs().mean())
    assert all(parameter.grad is not None for parameter in stereo.parameters())


def test_untrained_guided_network_keeps_the_flow_and_makes_opaque_pixels() -> None:
    torch.manual_seed(7)
    network = GPSGaussian(NetworkConfig(guided=True)).eval()
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    flow = 20 * torch.rand(2, 1, 64, 64) - 30
    flow[:, :, :16] = 0
    with torch.no_grad():
        features = network.img_encoder(image)
        torch.testing.assert_close(network.raft_stereo(features[2], flow)[-1], flow, rtol=0, atol=1e-4)
        start = torch.nn.functional.normalize(torch.rand(2, 4, 64, 64), dim=1), torch.rand(2, 3, 64, 64) * 0.01
        made = network.gs_parm_regresser(image, torch.full_like(flow, 0.5), features, start)
    torch.testing.assert_close(made.scales, start[1])
    torch.testing.assert_close(made.rotations, start[0])
    assert (made.opacities > 0.95).all()


def test_the_papers_parameters_have_their_ranges() -> None:
    torch.manual_seed(8)
    network = GPSGaussian(NetworkConfig(guided=False)).eval()
    image = torch.rand(2, 3, 64, 96) * 2 - 1
    with torch.no_grad():
        made = network.gs_parm_regresser(image, torch.rand(2, 1, 64, 96), network.img_encoder(image))
    assert made.scales.min() >= 0 and made.scales.max() <= 0.01
    assert torch.allclose(made.rotations.norm(dim=1), torch.ones(2, 64, 96), atol=1e-5)
    assert made.opacities.min() > 0 and made.opacities.max() < 1


def test_flow_and_points_against_projection() -> None:
    """Points seen by two rectified cameras: the flow gives their depth, and pixels' centres give them back."""
    pose = np.eye(4)
    pose[:3, 3] = [0.1, -0.2, 2.0]
    other = pose.copy()
    other[0, 3] -= 0.3  # the other centre lies 0.3 to the right
    left = Camera(32, 24, 40.0, 40.0, 15.0, 12.5, pose)
    right = Camera(32, 24, 40.0, 40.0, 18.0, 12.5, other)
    depths = np.random.default_rng(9).uniform(1.5, 3.0, size=(24, 32))
    rows, columns = np.mgrid[:24, :32] + 0.5
    pixels = np.stack([columns, rows], axis=-1).reshape(-1, 2)
    points = left.unproject(pixels, depths.ravel())
    flow = (right.project(points)[0][:, 0] - pixels[:, 0]).reshape(1, 1, 24, 32)
    transform, offset = torch.tensor([40.0 * -0.3]).double(), torch.tensor([3.0]).double()
    inverse = inverse_depth_of(torch.from_numpy(flow), offset, transform)
    assert np.abs(1 / inverse.numpy()[0, 0] - depths).max() < 1e-9
    torch.testing.assert_close(flow_of(inverse, offset, transform), torch.from_numpy(flow))
    intrinsics = torch.tensor([[40.0, 40.0, 15.0, 12.5]]).double()
    found = unproject(inverse, intrinsics, torch.from_numpy(pose)[None])[0].permute(1, 2, 0).reshape(-1, 3)
    assert np.abs(found.numpy() - points).max() < 1e-6
