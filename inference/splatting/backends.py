"""What splats on this machine, and why not the faster ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..camera import Camera
from ..devices import choose_device
from ..gaussians import Gaussians
from . import cuda, gsplat_backend
from .colours import seen_colours
from .reference import splat_reference

Floats = NDArray[np.float32]
# (means, quaternions, scales, opacities, colours, camera, background, near) -> rgb, alpha, depth, first hit.
Render = Callable[..., tuple[Tensor, Tensor, Tensor, Tensor]]

NAMES = ("gsplat", "CUDA kernels", "numba")


@dataclass(frozen=True)
class Backend:
    """A way to splat.

    Args:
        name: Of :data:`NAMES`.
        usable: Whether it works here.
        reason: Why not, or what it runs on.
    """

    name: str
    usable: bool
    reason: str


def splatting_backends() -> list[Backend]:
    """Return all back ends, the preferred first: the first usable one is what :func:`.rasterize.rasterize` takes."""
    found = []
    for name in NAMES[:2]:
        if torch.cuda.is_available():
            render, reason = probe(name, torch.cuda.current_device())
            found.append(Backend(name, render is not None, reason))
        else:
            found.append(Backend(name, False, f"torch {torch.__version__} sees no CUDA device"))
    return [*found, Backend("numba", True, "CPU")]


def gsplat_usable(device: torch.device) -> bool:
    """Return whether gsplat works on this CUDA device."""
    return probe(NAMES[0], _index(device))[0] is not None


def cuda_rasterizer(
    device: torch.device | str,
) -> Callable[[Gaussians, Camera, Floats, float], tuple[Floats, ...]] | None:
    """Return what rasterizes on ``device``; ``None`` where that is the CPU's work.

    Raises:
        BackendError: If there is no device of that name.
    """
    place = choose_device(device) if isinstance(device, str) else device
    if place.type != "cuda":
        return None
    for name in NAMES[:2]:
        render, _ = probe(name, _index(place))
        if render is not None:
            return partial(render_on, place, render)
    return None


def render_on(
    device: torch.device, render: Render, gaussians: Gaussians, camera: Camera, background: Floats, near: float
) -> tuple[Floats, ...]:
    """Move Gaussians to ``device``, render them there and bring the picture back."""
    arrays = (gaussians.means, gaussians.quaternions, gaussians.scales, gaussians.opacities, gaussians.harmonics)
    *moved, harmonics, behind = (torch.from_numpy(values).to(device) for values in (*arrays, background))
    centre = torch.tensor(camera.centre, dtype=torch.float32, device=device)
    colours = seen_colours(moved[0], harmonics, centre)
    return tuple(values.cpu().numpy() for values in render(*moved, colours, camera, behind, near))


@cache
def probe(name: str, index: int) -> tuple[Render | None, str]:
    """Return the back end of that name if it renders a small cloud right on the CUDA device, and what is to be said."""
    device = torch.device("cuda", index)
    try:
        if name == "gsplat":
            gsplat_backend.import_compiled()
            render: Render = gsplat_backend.render
        else:
            render = partial(cuda.render, cuda.CudaKernels(device))
        error = trial_error(device, render)
    except ImportError as problem:
        return None, f"not installed or not built ({problem})"
    # Whatever is wrong with drivers and builds, there is another back end.
    except Exception as problem:
        return None, f"does not work here ({type(problem).__name__}: {problem})"
    if not error < 1e-3:
        return None, f"renders wrongly here (by {error:.3g})"
    return render, torch.cuda.get_device_name(device)


def trial_error(device: torch.device, render: Render) -> float:
    """Return the largest mean difference from the reference in the pictures of a small cloud."""
    generator = torch.Generator().manual_seed(0)
    count, side, near = 64, 40, 0.01
    means, colours = torch.rand(2, count, 3, generator=generator)
    quaternions = torch.nn.functional.normalize(torch.randn(count, 4, generator=generator))
    scales = torch.empty(count, 3).uniform_(0.05, 0.3, generator=generator)
    opacities = torch.empty(count).uniform_(0.2, 1, generator=generator)
    background = torch.tensor([0.1, 0.2, 0.3])
    pose = np.eye(4)
    pose[:3, 3] = [-0.5, -0.5, 2.0]
    camera = Camera(side, side, 60.0, 60.0, 19.0, 21.0, pose)
    cloud = (means, quaternions, scales, opacities, colours)
    rgb, *others = render(*(values.to(device) for values in cloud), camera, background.to(device), near)
    view = torch.tensor([camera.fx, camera.fy, camera.cx, camera.cy]), torch.tensor(pose, dtype=torch.float32)
    truth = splat_reference(*cloud, *view, side, side, background, near)
    made = [rgb.permute(2, 0, 1), *(values.nan_to_num(posinf=0) for values in others)]
    return max(float((ours.cpu() - theirs).abs().mean()) for ours, theirs in zip(made, truth, strict=True))


def _index(device: torch.device) -> int:
    return torch.cuda.current_device() if device.index is None else device.index
