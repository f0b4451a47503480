"""Training samples from calibrated photographs: one is held out as the target, its neighbours are the sources."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inference.capture import read_capture
from inference.capture.depth_range import find_depth_range
from inference.capture.photographs import Photograph, Photographs
from inference.selection import select_sources
from inference.view import Capture

from .scenes import Sample, SceneConfig

SIDES = (360, 800)  # longer sides in pixels that photographs are scaled to
ATTEMPTS = 50


class PhotographSamples:
    """Draws crops of the photographs of a few captures.

    Args:
        captures: Folders or files; a view named in a ``test_filenames`` list is never used.
        config: Views and crop of a sample.
    """

    def __init__(self, captures: Sequence[Path], config: SceneConfig) -> None:
        self._config = config
        self._photographs = Photographs(1 << 31)
        self._captures = [_training_views(path) for path in captures]
        self._ranges = [find_depth_range(capture, self._photographs) for capture in self._captures]

    def draw(self, random: np.random.Generator) -> Sample:
        """Return one sample; its depth is NaN, for it is not known.

        Raises:
            RuntimeError: If no capture has a target that two sources see.
        """
        for _ in range(ATTEMPTS):
            which = int(random.integers(len(self._captures)))
            sample = self._draw(self._captures[which], self._ranges[which].near, self._ranges[which].far, random)
            if sample is not None:
                return sample
        raise RuntimeError("no target of these captures is seen by two other views")

    def _draw(self, capture: Capture, near: float, far: float, random: np.random.Generator) -> Sample | None:
        crop = self._config.crop
        index = int(random.integers(len(capture.views)))
        view = capture.views[index]
        side = int(np.exp(random.uniform(*np.log(SIDES))))
        # A few fixed scales, so that the cache is of use.
        scale = float(2.0 ** (np.round(2 * np.log2(side / max(view.camera.width, view.camera.height))) / 2))
        truth = self._photographs.get(view, min(1.0, scale))
        if min(truth.camera.width, truth.camera.height) < crop:
            return None
        others = [other for other in capture.views if other is not view]
        choices = select_sources(truth.camera, [o.camera for o in others], self._config.views, near, far, 0.0)
        used = [others[choice.index] for choice in choices if choice.used]
        if len(used) < 2:
            return None
        x, y = (int(random.integers(0, size - crop + 1)) for size in (truth.camera.width, truth.camera.height))
        target = truth.camera.crop(x, y, crop, crop)
        sources = [self._photographs.get(other, min(1.0, scale)) for other in used]
        return Sample(
            target,
            [source.camera for source in sources],
            _tensor(truth)[:, y : y + crop, x : x + crop].contiguous(),
            [_tensor(source) for source in sources],
            torch.full((crop, crop), torch.nan),
            near * float(random.uniform(0.9, 1.0)),
            far * float(random.uniform(1.0, 1.1)),
        )


def _training_views(path: Path) -> Capture:
    """Read a capture without the views that it names as test views (nerfstudio's convention)."""
    capture = read_capture(path)
    file = path / "transforms.json" if path.is_dir() else path
    if file.name != "transforms.json" or not file.is_file():
        return capture
    held_out = {Path(name).stem for name in json.loads(file.read_text()).get("test_filenames", [])}
    return capture.without({view.name for view in capture.views if Path(view.name).stem in held_out})


def _tensor(photograph: Photograph) -> Tensor:
    return torch.from_numpy(photograph.rgb).permute(2, 0, 1)
