"""A photograph with its camera, and a set of them: what the methods read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .camera import Camera
from .colour_correction import ColourCorrection
from .errors import CaptureError, PictureError
from .mattes import Matte, matte_from_json

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class MovieFrame:
    """One frame of a movie file.

    Args:
        path: The movie.
        frame: Counted from 0.
    """

    path: Path
    frame: int

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values."""
        return {"movie": str(self.path), "frame": self.frame}


# A picture that is on disk.
Stored = Path | MovieFrame


@dataclass(frozen=True, eq=False)
class View:
    """One source: a camera and its picture.

    Args:
        name: What the user calls it; unique in a capture.
        camera: Its size is that of the picture as calibrated.
        image: A file, a frame of a movie, or H x W x 3 sRGB display-referred RGB in [0, 1] (float32).
        mask: What belongs to the scene (1) and what does not (0): stored like a picture, H x W in [0, 1], or worked out
            from the picture. ``None``: everything does. An alpha channel of the picture counts in every case.
        colour: What is done to the colours where a method reads them, after the mask is made; ``None``: nothing.
    """

    name: str
    camera: Camera
    image: Stored | Picture = field(repr=False)
    mask: Stored | Picture | Matte | None = field(default=None, repr=False)
    colour: ColourCorrection | None = None

    def __post_init__(self) -> None:
        if not self.name:
            raise CaptureError("A view has no name; give every camera one of its own.")
        for label, content, dimensions in (("picture", self.image, 3), ("mask", self.mask, 2)):
            if content is None or isinstance(content, Stored | Matte):
                continue
            if isinstance(content, str):
                raise PictureError(f"The {label} of '{self.name}' is text; pass a Path or an array.")
            if content.dtype != np.float32 or content.ndim != dimensions:
                raise PictureError(f"The {label} of '{self.name}' must be a float32 array of {dimensions} dimensions.")
            if dimensions == 3 and content.shape[2] != 3:
                raise PictureError(f"The picture of '{self.name}' has {content.shape[2]} channels; it must have 3.")
            if content.shape[:2] != (self.camera.height, self.camera.width):
                raise PictureError(
                    f"The {label} of '{self.name}' is {content.shape[1]} x {content.shape[0]} pixels, "
                    f"but its camera is calibrated for {self.camera.width} x {self.camera.height}."
                )

    def to_json(self) -> dict[str, Any]:
        """Return a record of a view whose picture is a file.

        Raises:
            PictureError: If the picture or mask is an array.
        """
        if not isinstance(self.image, Stored) or not isinstance(self.mask, Stored | Matte | None):
            raise PictureError(f"The picture of '{self.name}' is not a file; save it before it is sent.")
        record: dict[str, Any] = {"name": self.name, "camera": self.camera.to_json(), "image": _reference(self.image)}
        if self.colour is not None:
            record["colour"] = self.colour.to_json()
        if self.mask is not None:
            record["mask"] = self.mask.to_json() if isinstance(self.mask, Matte) else _reference(self.mask)
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> View:
        """Read what :meth:`to_json` wrote."""
        mask, colour = record.get("mask"), record.get("colour")
        made = isinstance(mask, Mapping) and "movie" not in mask
        return cls(
            name=record["name"],
            camera=Camera.from_json(record["camera"]),
            image=_stored(record["image"]),
            mask=None if mask is None else matte_from_json(mask) if made else _stored(mask),
            colour=None if colour is None else ColourCorrection.from_json(colour),
        )


def _reference(stored: Stored) -> str | dict[str, Any]:
    return stored.to_json() if isinstance(stored, MovieFrame) else str(stored)


def _stored(reference: str | Mapping[str, Any]) -> Stored:
    if isinstance(reference, str):
        return Path(reference)
    return MovieFrame(Path(reference["movie"]), int(reference["frame"]))


@dataclass(frozen=True, eq=False)
class Capture:
    """Calibrated views of one scene.

    Args:
        views: At least one, with names of their own.
        points: (N, 3) sparse scene points where the calibration has them.
        depth_near, depth_far: Depth range of the scene along the optical axes in scene units, both or neither.
        format, path: Where it was read from.
        skipped: Cameras of the calibration that are none of the views, by name, with the reason.
        units: Of the scene where the calibration states it, such as "m"; empty where it does not.
        residual: Mean reprojection error in pixels, where the calibration states it.
    """

    views: tuple[View, ...]
    points: NDArray[np.float64] | None = field(default=None, repr=False)
    depth_near: float | None = None
    depth_far: float | None = None
    format: str = ""
    path: Path | None = None
    skipped: Mapping[str, str] = field(default_factory=dict)
    units: str = ""
    residual: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "views", tuple(self.views))
        if not self.views:
            raise CaptureError("The capture has no views; it needs cameras with pictures.")
        seen: set[str] = set()
        for view in self.views:
            if view.name in seen:
                raise CaptureError(f"Two views are named '{view.name}'; give every camera a name of its own.")
            seen.add(view.name)
        if self.points is not None:
            points = np.asarray(self.points, dtype=np.float64).reshape(-1, 3)
            object.__setattr__(self, "points", points[np.isfinite(points).all(axis=1)])
        if (self.depth_near is None) != (self.depth_far is None):
            raise CaptureError("The depth range has only one end; give both the near and the far depth.")
        if self.depth_near is not None and self.depth_far is not None:
            near, far = float(self.depth_near), float(self.depth_far)
            if not (np.isfinite(near) and np.isfinite(far) and 0 < near < far):
                raise CaptureError(
                    f"The depth range {near:g} to {far:g} is not possible; near must be positive and below far."
                )
            object.__setattr__(self, "depth_near", near)
            object.__setattr__(self, "depth_far", far)

    def __len__(self) -> int:
        return len(self.views)

    def __iter__(self) -> Iterator[View]:
        return iter(self.views)

    def __getitem__(self, name: str) -> View:
        """Return the view of that name.

        Raises:
            CaptureError: If there is none; the sentence lists a few that there are.
        """
        for view in self.views:
            if view.name == name:
                return view
        some = ", ".join(view.name for view in self.views[:4])
        raise CaptureError(f"The capture has no view named '{name}'; it has {some}{' ...' if len(self) > 4 else ''}.")

    def without(self, names: set[str] | frozenset[str]) -> Capture:
        """Return the capture without the views of those names.

        Raises:
            CaptureError: If nothing is left.
        """
        return replace(self, views=tuple(view for view in self.views if view.name not in names))

    def to_json(self) -> dict[str, Any]:
        """Return a record of a capture whose pictures are files."""
        record: dict[str, Any] = {"views": [view.to_json() for view in self.views], "format": self.format}
        if self.points is not None:
            record["points"] = self.points.tolist()
        if self.depth_near is not None:
            record["depth_near"], record["depth_far"] = self.depth_near, self.depth_far
        if self.path is not None:
            record["path"] = str(self.path)
        for key in ("skipped", "units", "residual"):
            if value := getattr(self, key):
                record[key] = value
        return record

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Capture:
        """Read what :meth:`to_json` wrote."""
        points, path = record.get("points"), record.get("path")
        return cls(
            views=tuple(View.from_json(view) for view in record["views"]),
            points=None if points is None else np.asarray(points, dtype=np.float64).reshape(-1, 3),
            depth_near=record.get("depth_near"),
            depth_far=record.get("depth_far"),
            format=record.get("format", ""),
            path=None if path is None else Path(path),
            skipped=record.get("skipped", {}),
            units=record.get("units", ""),
            residual=record.get("residual"),
        )
