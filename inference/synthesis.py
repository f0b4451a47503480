"""From a capture and a target camera to a picture: the one door of the worker, the command line and the evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .camera import Camera
from .capture.depth_range import DepthRange, find_depth_range, target_depth_range
from .capture.photographs import Photograph, Photographs, identity
from .clock import Clock
from .convglr.network import ConvGLR
from .convglr.pipeline import load_network, render
from .devices import choose_device
from .errors import BackendError, TargetError, WeightsError
from .frame import Frame
from .gaussians import Gaussians
from .gps_gaussian import rig
from .gps_gaussian.rig import Rig
from .planesweep.matching import matching_cost
from .planesweep.pipeline import PLANES, render_draft
from .planesweep.sweep import SourceImages, Sweep
from .progress import Progress, part, silent
from .selection import FADING, Choice, select_sources
from .view import Capture
from .weights import DEFAULTS, WeightsInfo

METHODS = ("convglr", "gps-gaussian", "plane-sweep", "nearest")
QUALITIES = ("full", "preview")
DEFAULT_SOURCES = 4
PREVIEW_SIDE = 256  # longer side of a preview in pixels
TILE_SIDE = {"cpu": 640, "cuda": 1536, "mps": 1024}  # memory of a tile: about 6 KB a pixel
SMALLEST_TILE = 128


@dataclass(frozen=True)
class Options:
    """How a picture is made.

    Args:
        method: One of :data:`METHODS`.
        quality: ``full``: the target's size; ``preview``: at most 256 pixels on the longer side.
        sources: Most sources to use, at least 2 (1 for ``nearest``); ``None``: as many as the weights were trained for,
            else 4.
        depth_near, depth_far: Depth range in scene units, both or neither; ``None``: found.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        weights: Name or file of other weights than those that come with Sightline.
    """

    method: str = "convglr"
    quality: str = "full"
    sources: int | None = None
    depth_near: float | None = None
    depth_far: float | None = None
    device: str = "auto"
    weights: str | None = None

    def __post_init__(self) -> None:
        for name, known in (("method", METHODS), ("quality", QUALITIES)):
            if getattr(self, name) not in known:
                raise TargetError(f"There is no {name} '{getattr(self, name)}'; use one of: {', '.join(known)}.")
        least = 1 if self.method == "nearest" else 2
        if self.sources is not None and self.sources < least:
            raise TargetError(f"{self.sources} sources are too few for '{self.method}'; allow at least {least}.")


class Session:
    """What stays in memory between frames: photographs, depth ranges, and the network."""

    def __init__(self) -> None:
        self._photographs = Photographs()
        self._networks: dict[tuple[str, str], tuple[ConvGLR, WeightsInfo]] = {}
        self._ranges: dict[str, DepthRange] = {}
        self._rig = Rig(self._photographs)

    @property
    def photographs(self) -> Photographs:
        """The cache of photographs."""
        return self._photographs

    def unload(self) -> None:
        """Drop everything that can be made again."""
        self._photographs.clear()
        self._networks.clear()
        self._ranges.clear()
        self._rig.unload()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def depth_range(self, capture: Capture, progress: Progress = silent) -> DepthRange:
        """Return the capture's depth range, remembered for the same cameras and pictures.

        Raises:
            DepthRangeError: If it cannot be found.
        """
        key = _identity(capture)
        if key not in self._ranges:
            self._ranges[key] = find_depth_range(capture, self._photographs, progress)
        return self._ranges[key]

    @torch.inference_mode()
    def synthesize(self, capture: Capture, target: Camera, options: Options, progress: Progress = silent) -> Frame:
        """Make the picture that ``target`` would have taken.

        Raises:
            TargetError: If fewer than two sources see what the target sees (one for ``nearest``).
            SightlineError: As its parts raise them, for pictures, weights, depth range, device.
        """
        target = target.ideal
        if options.quality == "preview":
            target = target.fitted(PREVIEW_SIDE)
        clock = Clock()
        device = choose_device(options.device)
        if options.method == "gps-gaussian":
            return self._rig.synthesize(capture, target, _rig_settings(options, device), clock, progress)
        network, info = None, None
        if options.method == "convglr":
            progress(0.0, "Loading the network")
            with clock.stage("network loading"):
                network, info = self._network(options.weights or DEFAULTS["convglr"], device)
        progress(0.02, "Finding the depth range")
        with clock.stage("depth range"):
            scene = self._scene_range(capture, options, part(progress, 0.02, 0.1))
        count = options.sources or DEFAULT_SOURCES
        if network:
            count = min(options.sources or network.config.views, network.config.views)
        fading = FADING
        if options.method == "nearest":
            count, fading = 1, 0.0
        cameras = [view.camera for view in capture.views]
        choices = select_sources(target, cameras, count, scene.near, scene.far, fading)
        used = [choice for choice in choices if choice.used]
        _check_reach(used, capture, options.method)
        with clock.stage("photographs"):
            photographs = []
            for index, choice in enumerate(used):
                progress(0.1 + 0.2 * index / len(used), "Reading the photographs")
                view = capture.views[choice.index]
                photographs.append(self._photographs.get(view, _scale(target, view.camera, scene)))
        presence = [choice.presence for choice in used]
        reach = target_depth_range(target, [p.camera for p in photographs], capture.points, scene, presence)
        metadata: dict[str, Any] = {
            "method": options.method,
            "quality": options.quality,
            "weights": info.hash if info else None,
            "device": device.type,
            "sources": [{"name": capture.views[choice.index].name, "reason": choice.reason} for choice in used],
            "skipped": [
                {"name": capture.views[choice.index].name, "reason": choice.reason}
                for choice in choices
                if not choice.used
            ],
            "depth_near": reach.near,
            "depth_far": reach.far,
            "depth_origin": reach.origin,
            "warnings": [],
        }
        if options.method == "nearest":
            return _nearest(target, photographs[0], clock, metadata)
        images = _upload(photographs, presence, device)
        views = network.config.views if network else None
        planes = network.config.planes if network else PLANES
        cost = network.cost if network and network.config.guided else matching_cost
        progress(0.3, "Matching")
        with clock.stage("coarse pass"):
            sweep = Sweep(target, images, reach.near, reach.far, planes, views, cost, part(progress, 0.3, 0.4))
        metadata["plane_step"] = round(sweep.plane_step, 3)
        with clock.stage("rendering"):
            layers = _render(sweep, network, metadata["warnings"], part(progress, 0.4, 0.98)).cpu()
        metadata["seconds"] = clock.seconds
        return _frame(target, layers.numpy(), metadata)

    @torch.inference_mode()
    def reconstruct(
        self, capture: Capture, target: Camera | None, options: Options, progress: Progress = silent
    ) -> tuple[Gaussians, dict[str, Any]]:
        """Make the Gaussians of a person in a rig of cameras, with metadata as of a frame.

        Args:
            capture: The rig; its views need masks.
            target: A camera that the Gaussians are for: of the pairs around it alone. ``None``: of all pairs.
            options: Of the method ``gps-gaussian``.
            progress: Told how far it is.

        Raises:
            TargetError: If the method makes no Gaussians, no pair can be rectified, or the target sees nothing.
            SightlineError: As its parts raise them, for pictures, masks, weights, device.
        """
        if options.method != "gps-gaussian":
            raise TargetError(f"'{options.method}' makes no Gaussians; use gps-gaussian.")
        device = choose_device(options.device)
        return self._rig.reconstruct(capture, target, _rig_settings(options, device), Clock(), progress)

    def _network(self, source: str, device: torch.device) -> tuple[ConvGLR, WeightsInfo]:
        key = (source, str(device))
        if key not in self._networks:
            self._networks.clear()  # one at a time: a second one would double the memory
            self._networks[key] = load_network(source, device)
        return self._networks[key]

    def _scene_range(self, capture: Capture, options: Options, progress: Progress) -> DepthRange:
        if options.depth_near is not None or options.depth_far is not None:
            checked = replace(capture, depth_near=options.depth_near, depth_far=options.depth_far)
            return find_depth_range(checked, self._photographs, progress)
        return self.depth_range(capture, progress)


def _rig_settings(options: Options, device: torch.device) -> rig.Settings:
    return rig.Settings(device, options.weights or DEFAULTS["gps-gaussian"], options.quality)


def _check_reach(used: Sequence[Choice], capture: Capture, method: str) -> None:
    if not used:
        raise TargetError(
            "None of the sources sees what the target camera sees; "
            "move the camera between the sources or turn it to the scene."
        )
    if len(used) < 2 and method != "nearest":
        name = capture.views[used[0].index].name
        raise TargetError(
            f"Only one source ('{name}') sees what the target camera sees, and two are needed; "
            "enable more sources or move the camera between them."
        )


def _scale(target: Camera, source: Camera, scene: DepthRange) -> float:
    """Return how much smaller than stored a photograph may be so that its pixels are as fine as the target's.

    In steps of a quarter octave, so that a moving camera finds the same photographs in the cache.
    """
    middle = 2 / (1 / scene.near + 1 / scene.far)
    point = target.unproject([target.width / 2, target.height / 2], middle)
    _, depth = source.project(point)
    if depth <= 0:  # it stands in the middle of the scene and sees only what lies behind
        return 1.0
    fineness = (target.fx / middle) / (source.fx / float(depth))
    octaves = math.ceil(math.log2(max(fineness, 2**-5)) * 4 - 1e-6) / 4
    return min(1.0, math.pow(2.0, octaves))


def _upload(photographs: Sequence[Photograph], presence: Sequence[float], device: torch.device) -> SourceImages:
    return SourceImages(
        [photograph.camera for photograph in photographs],
        [torch.from_numpy(photograph.rgb).to(device) for photograph in photographs],
        [None if p.mask is None else torch.from_numpy(p.mask).to(device) for p in photographs],
        torch.tensor(presence, dtype=torch.float32, device=device),
    )


def _render(sweep: Sweep, network: ConvGLR | None, warnings: list[str], progress: Progress) -> Tensor:
    """Render in tiles as large as memory allows: halved, with a warning, each time it does not."""
    side = TILE_SIDE[sweep.view_weights.device.type]
    while True:
        try:
            if network is None:
                return render_draft(sweep, side, progress)
            return render(network, sweep, side, progress)
        except (MemoryError, RuntimeError) as error:
            if not _ran_out_of_memory(error):
                raise
            if side <= SMALLEST_TILE:
                raise BackendError(
                    "There is not enough memory for even a small tile; free memory or choose the preview quality."
                ) from None
            side //= 2
            torch.cuda.empty_cache()
            warnings.append(f"Memory ran short, so the picture was made in tiles of {side} pixels.")


def _ran_out_of_memory(error: MemoryError | RuntimeError) -> bool:
    """Whether numpy, a GPU or torch's allocator on the CPU (which has no class of its own for it) had no more."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def _frame(target: Camera, layers: np.ndarray[Any, np.dtype[np.float32]], metadata: dict[str, Any]) -> Frame:
    """Cut (7, H, W) layers into a frame.

    Raises:
        WeightsError: If they hold values that are no numbers.
    """
    if not np.isfinite(layers).all():
        raise WeightsError("The picture came out with values that are no numbers; use other weights or plane-sweep.")
    alpha = np.clip(layers[3], 0.0, 1.0)
    seen = alpha > 1e-3
    rgb = np.clip(layers[:3].transpose(1, 2, 0), 0.0, 1.0)
    depth = np.where(seen, 1.0 / np.maximum(layers[4], 1e-9), np.inf).astype(np.float32)
    confidence = np.clip(layers[5], 0.0, 1.0) * seen
    return Frame(
        target, np.ascontiguousarray(rgb, dtype=np.float32), alpha, depth, confidence.astype(np.float32), metadata
    )


def _nearest(target: Camera, photograph: Photograph, clock: Clock, metadata: dict[str, Any]) -> Frame:
    """Return the nearest photograph as it is, at the target's size: what one has without synthesis."""
    size = (target.height, target.width)

    def resized(pixels: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        picture = torch.from_numpy(pixels).permute(2, 0, 1)[None]
        mode = "area" if picture.shape[-1] > target.width else "bilinear"
        return np.ascontiguousarray(functional.interpolate(picture, size=size, mode=mode)[0].permute(1, 2, 0).numpy())

    with clock.stage("rendering"):
        rgb = resized(photograph.rgb)
        alpha = np.ones(size, np.float32) if photograph.mask is None else resized(photograph.mask[..., None])[..., 0]
    metadata["seconds"] = clock.seconds
    return Frame(target, rgb, alpha, np.full(size, np.inf, np.float32), np.zeros(size, np.float32), metadata)


def _identity(capture: Capture) -> str:
    """Return what a capture's depth range depends on."""
    views = [(view.name, identity(view)) for view in capture.views]
    points = None if capture.points is None else (len(capture.points), float(np.sum(capture.points)))
    return repr((views, points, capture.depth_near, capture.depth_far))
