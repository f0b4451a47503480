"""What a caller asks for and what it gets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from inference.camera import Camera


@dataclass(frozen=True)
class SceneConfig:
    """What to render.

    Args:
        views: Number of source views, at least 1.
        crop: Side of the square target crop in pixels.
        source_side: Longer side in pixels of the imagined photographs, of the target and of the sources. Only the
            window of a source that the crop's frustum projects to is rendered.
        padding: Pixels added around that window.
        degrade: Whether the sources get noise, compression, exposure differences and calibration errors, and all
            pictures the blur of a lens.
        textures: Folder with ``ambientcg/*.jpg`` and ``hdri/*.hdr``; ``None``: ``textures`` in the shared development
            data where they are. A folder that does not exist: procedural textures only.
    """

    views: int = 4
    crop: int = 96
    source_side: int = 512
    padding: int = 8
    degrade: bool = True
    textures: Path | None = None

    def __post_init__(self) -> None:
        if self.views < 1 or self.crop < 8 or self.source_side < self.crop or self.padding < 0:
            raise ValueError(f"no scene can be rendered with {self}")

    def texture_folder(self) -> Path:
        """Return where picture textures are read from; it need not exist."""
        if self.textures is not None:
            return self.textures
        root = Path(__file__).resolve().parents[2]
        shared = os.environ.get("SIGHTLINE_SHARED_DATA")
        return (Path(shared) if shared else root.parent / "shared" / "data") / "textures"


@dataclass(frozen=True, eq=False)
class Sample:
    """One training sample; tensors are float32 on the device that was asked for.

    Args:
        target: Camera of the target crop; its principal point is usually far off the centre.
        sources: Cameras of ``images``, nearest centre first, as a calibration would report them (slightly wrong).
        rgb: 3 x crop x crop, sRGB in [0, 1]: the true picture of ``target``.
        images: 3 x height x width each, sRGB in [0, 1]; the size of its camera.
        depth: crop x crop along the optical axis at the pixel centres, infinite where there is only background.
        near, far: Depth range as a calibrated capture would report it for the whole target picture: never tight.
    """

    target: Camera
    sources: list[Camera]
    rgb: Tensor
    images: list[Tensor]
    depth: Tensor
    near: float
    far: float
