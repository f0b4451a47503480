"""Splatting on CUDA by kernels of our own, compiled at run time through NVIDIA's cuda-core: no compiler, no toolkit."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from ..camera import Camera
from . import kernels

SOURCE = Path(__file__).with_name("cuda_kernels.cu")
TILE = 16  # pixels; a thread each
DEFINITIONS = {"TILE": str(TILE)} | {
    name: repr(getattr(kernels, name)) for name in ("BLUR", "LEAST", "MOST", "CLOSED", "MARGIN")
}
THREADS = 256  # of a block that works on Gaussians


class Launch(Protocol):
    """What runs the kernels of :data:`SOURCE`."""

    def __call__(self, name: str, blocks: int, threads: int, *arguments: Tensor | int | float) -> None:
        """Run the kernel of that name on so many blocks of so many threads."""


class CudaKernels:
    """The kernels compiled for a CUDA device, given with its index.

    Raises:
        ImportError: If cuda-core is not installed.
        Exception: Of cuda-core's own kinds, if the device, its driver or NVRTC do not work.
    """

    def __init__(self, device: torch.device) -> None:
        from cuda.core import Device, Program, ProgramOptions

        # cuda-core makes the device current for good: torch puts back the one before.
        with torch.cuda.device(device):
            place = Device(device.index)
            place.set_current()
            options = ProgramOptions(std="c++17", arch=f"sm_{place.arch}", define_macro=list(DEFINITIONS.items()))
            code = Program(SOURCE.read_text("utf-8"), "c++", options).compile("cubin")
            self._kernels = {name: code.get_kernel(name) for name in ("project", "list_tiles", "blend")}
        self._device = device

    def __call__(self, name: str, blocks: int, threads: int, *arguments: Tensor | int | float) -> None:
        """Run on torch's current stream."""
        from cuda.core import LaunchConfig, launch

        values = [value.data_ptr() if isinstance(value, Tensor) else value for value in arguments]
        stream = _Stream(torch.cuda.current_stream(self._device).cuda_stream)
        with torch.cuda.device(self._device):
            launch(stream, LaunchConfig(grid=blocks, block=threads), self._kernels[name], *values)


class _Stream:
    """A stream as cuda-core takes it from others."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self._handle


def render(
    launch: Launch,
    means: Tensor,
    quaternions: Tensor,
    scales: Tensor,
    opacities: Tensor,
    colours: Tensor,
    camera: Camera,
    background: Tensor,
    near: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Render N > 0 Gaussians; no gradients.

    Args:
        launch: The kernels of the device that the tensors are on.
        means, quaternions, scales, opacities, colours: (N, 3), (N, 4) unit wxyz, (N, 3), (N,), (N, 3) float32.
        camera: Without distortion.
        background: (3,) float32
        near: As for :func:`.rasterize.rasterize`.

    Returns:
        rgb (H, W, 3), alpha, depth and first hit (H, W) of :class:`.rasterize.Splat`.
    """
    device, count = means.device, len(means)
    width, height = camera.width, camera.height
    columns, rows = -(-width // TILE), -(-height // TILE)

    def empty(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        return torch.empty(shape, dtype=dtype, device=device)

    numbers = [*camera.world_to_camera[:3].flatten(), camera.fx, camera.fy, camera.cx, camera.cy]
    view = torch.tensor(numbers, dtype=torch.float64, device=device)
    blocks = -(-count // THREADS)
    means, quaternions, scales, opacities, colours = (
        values.contiguous() for values in (means, quaternions, scales, opacities, colours)
    )
    places, conics, depths = empty(count, 2), empty(count, 3), empty(count)
    tiles, tile_counts = empty(count, 4, dtype=torch.int32), empty(count, dtype=torch.int32)
    gaussians = (means, quaternions, scales, opacities)
    projected = (places, conics, depths, tiles, tile_counts)
    launch("project", blocks, THREADS, *gaussians, view, count, width, height, float(near), *projected)

    ends = tile_counts.cumsum(0)
    total = int(ends[-1])
    keys, members = empty(total, dtype=torch.int64), empty(total, dtype=torch.int32)
    bits = depths.view(torch.int32)
    launch("list_tiles", blocks, THREADS, tiles, tile_counts, ends, bits, count, columns, keys, members)
    # Stable, so that equal depths keep the order of the cloud.
    keys, order = keys.sort(stable=True)
    members = members[order]
    starts = torch.searchsorted(keys, torch.arange(columns * rows + 1, device=device) << 32)

    rgb, alpha, depth, first_hit = empty(height, width, 3), *(empty(height, width) for _ in range(3))
    ordered = (starts, members, places, conics, opacities, colours, depths, background)
    picture = (rgb, alpha, depth, first_hit)
    launch("blend", columns * rows, TILE * TILE, *ordered, width, height, *picture)
    return picture
