"""Examples on disk: drawing takes longer than learning, and a run sees each one many times."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from inference.camera import Camera
from inference.gps_gaussian.forward import Pairs

from .example import Example, Target

FORMAT = "sightline-people-1"
# Pictures are stored in 8 bits, as photographs are; flows in steps of this many pixels, up to 512.
FLOW_STEP = 1 / 64
_EXACT = ("intrinsics", "poses", "offset", "transform")


def save_example(path: Path, example: Example) -> None:
    """Write one pair with its truth, whole or not at all."""
    pairs, (targets,) = example.pairs, example.targets
    assert pairs.initial is not None
    tensors = {name: getattr(pairs, name) for name in _EXACT}
    tensors |= {"image": _bytes(pairs.image), "mask": _bytes(pairs.mask), "valid": example.valid}
    tensors |= {"initial": _steps(pairs.initial), "flow": _steps(example.flow)}
    tensors |= {f"target.{index}": _bytes(target.rgb) for index, target in enumerate(targets)}
    cameras = json.dumps([target.camera.to_json() for target in targets])
    aside = path.with_suffix(".partial")
    save_file(tensors, aside, metadata={"format": FORMAT, "cameras": cameras})
    aside.replace(path)


def load_example(path: Path) -> Example:
    """Read what :func:`save_example` wrote."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        cameras = [Camera.from_json(record) for record in json.loads(file.metadata()["cameras"])]
    image, mask = (tensors[name].float() / 255 for name in ("image", "mask"))
    initial, flow = (tensors[name].float() * FLOW_STEP for name in ("initial", "flow"))
    pairs = Pairs(image, mask, initial=initial, **{name: tensors[name] for name in _EXACT})
    targets = tuple(Target(camera, tensors[f"target.{index}"].float() / 255) for index, camera in enumerate(cameras))
    return Example(pairs, flow, tensors["valid"], (targets,))


def _bytes(values: Tensor) -> Tensor:
    return (values * 255).round().clamp(0, 255).to(torch.uint8).contiguous()


def _steps(flow: Tensor) -> Tensor:
    return (flow / FLOW_STEP).round().clamp(-(2**15), 2**15 - 1).to(torch.int16).contiguous()
