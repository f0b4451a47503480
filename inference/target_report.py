"""How well the sources serve a target: a picture of what they cover, and what speaks against each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from .calibration.sharpness import sharpness
from .camera import Array, Camera
from .capture.photographs import Photograph, fitting_scale
from .colour import to_linear
from .colour_correction import LUMINANCE
from .coverage import Coverage, Sight, cover, coverage_picture, coverage_sentence
from .errors import TargetError
from .progress import Progress, part, silent
from .synthesis import Options, Session
from .view import Capture, Picture

# Longer sides in pixels: of the sources as they are looked at, and of the picture that is shown.
SOURCE_SIDE, PICTURE_SIDE = 640, 1024
# The draft that the depth comes from uses more sources than a picture, to see into more corners.
DRAFT_SOURCES = 6
# What is worth a remark: share of the target hidden, stops from the others, detail as a share of the others'.
HIDDEN, STOPS, DETAIL = 0.2, 0.3, 0.4
# So many common points tell an exposure.
MIN_POINTS = 30


@dataclass(frozen=True)
class SourceReport:
    """A source as the target finds it.

    Args:
        name: Of the view.
        seen, hidden: Shares of the target's picture that it sees, and that are hidden from it or turned away.
        stops: How much brighter it shows the same points than the others do; ``None``: nothing to compare.
        detail: Its variance of the Laplacian as a share of the others' median; ``None``: no others.
    """

    name: str
    seen: float
    hidden: float
    stops: float | None
    detail: float | None

    @property
    def remark(self) -> str:
        """What speaks against it, in words; empty where nothing does."""
        told = []
        if self.hidden >= HIDDEN:
            told.append(f"{self.hidden:.0%} of the target is hidden from it or turned away")
        if self.stops is not None and abs(self.stops) >= STOPS:
            told.append(f"{abs(self.stops):.1f} stops {'brighter' if self.stops > 0 else 'darker'} than the others")
        if self.detail is not None and self.detail < DETAIL:
            told.append(f"less sharp than the others ({self.detail:.0%} of their detail)")
        return ", ".join(told)


@dataclass(frozen=True, eq=False)
class TargetReport:
    """What :func:`report_target` found; ``picture`` is H x W x 3 sRGB in [0, 1]."""

    picture: Picture = field(repr=False)
    shares: tuple[float, float, float, float]
    sources: tuple[SourceReport, ...]

    @property
    def sentence(self) -> str:
        """The coverage in words."""
        return coverage_sentence(self.shares)

    def to_json(self) -> dict[str, Any]:
        """Return a record of plain values, without the picture."""
        sources = [
            {
                "name": source.name,
                "seen": source.seen,
                "hidden": source.hidden,
                "stops": source.stops,
                "detail": source.detail,
                "remark": source.remark,
            }
            for source in self.sources
        ]
        return {"shares": list(self.shares), "sentence": self.sentence, "sources": sources}


def report_target(
    session: Session, capture: Capture, target: Camera, options: Options, progress: Progress = silent
) -> TargetReport:
    """Look at a target with the eyes of all sources.

    Where things are comes from the draft of the plane sweep at preview size; where too few sources for that see
    anything, everything is taken to be in the middle of the depth range.

    Raises:
        SightlineError: If a picture or the depth range cannot be used.
    """
    small = target.ideal.fitted(256)
    settings = replace(options, method="plane-sweep", quality="preview", sources=DRAFT_SOURCES)
    depth, grey = _draft(session, capture, small, settings, part(progress, 0.0, 0.4))
    photographs = []
    for index, view in enumerate(capture):
        progress(0.4 + 0.5 * index / len(capture), "Looking at the sources")
        photographs.append(session.photographs.get(view, fitting_scale(view, SOURCE_SIDE)))
    progress(0.9, "Comparing the sources")
    coverage = cover(small, depth, [Sight(one.camera, one.mask) for one in photographs], capture.points)
    stops = _stops(small, depth, photographs, coverage)
    detail = _detail(photographs)
    sources = tuple(
        SourceReport(view.name, *coverage.share_of(index), stops[index], detail[index])
        for index, view in enumerate(capture)
    )
    return TargetReport(_enlarged(coverage, grey, target), coverage.shares, sources)


def _draft(
    session: Session, capture: Capture, target: Camera, options: Options, progress: Progress
) -> tuple[Array, Picture]:
    """Return (H, W) depths without gaps, and a grey picture."""
    try:
        frame = session.synthesize(capture, target, options, progress)
    except TargetError:
        near, far = options.depth_near, options.depth_far
        if near is None or far is None:
            found = session.depth_range(capture, progress)
            near, far = found.near, found.far
        size = (target.height, target.width)
        return np.full(size, 2 / (1 / near + 1 / far)), np.full(size, 0.5, np.float32)
    known = np.isfinite(frame.depth)
    depth = np.where(known, frame.depth, 0.0).astype(np.float32)
    grey = np.where(known, frame.rgb @ np.asarray(LUMINANCE, np.float32), np.float32(0.25)).astype(np.float32)
    if not known.all():
        # What nobody sees is taken to be as far away as what is next to it.
        _, labels = cv2.distanceTransformWithLabels(
            (~known).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
        )
        by_label = np.zeros(int(labels.max()) + 1, np.float32)
        by_label[labels[known]] = depth[known]
        depth = by_label[labels]
    return np.asarray(cv2.medianBlur(depth, 5), dtype=np.float64), grey


def _enlarged(coverage: Coverage, grey: Picture, target: Camera) -> Picture:
    """Return the picture as large as it is shown, with sharp borders."""
    shown = target.fitted(PICTURE_SIDE)
    size = (shown.width, shown.height)
    counts = cv2.resize(coverage.counts.astype(np.int16), size, interpolation=cv2.INTER_NEAREST).astype(np.intp)
    enlarged = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_LINEAR), dtype=np.float32)
    return coverage_picture(replace(coverage, counts=counts), enlarged)


def _stops(target: Camera, depth: Array, photographs: Sequence[Photograph], coverage: Coverage) -> list[float | None]:
    """Return by how much each source is brighter than the others where they see the same."""
    rows, columns = (part.ravel()[::4] for part in np.indices(depth.shape))
    points = target.unproject(np.stack([columns, rows], axis=-1) + 0.5, depth[rows, columns])
    seen: NDArray[np.bool_] = coverage.visible[:, rows, columns]
    light = np.full(seen.shape, np.nan)
    for index, photograph in enumerate(photographs):
        pixels, _ = photograph.camera.project(points[seen[index]])
        column, row = pixels.astype(np.intp).T
        light[index, seen[index]] = to_linear(photograph.rgb[row, column]) @ LUMINANCE
    # Neither clipped nor black in any source that counts for a point.
    light = np.log2(np.where((light > 0.005) & (light < 0.9), light, np.nan))
    several = np.isfinite(light).sum(axis=0) >= 2
    found: list[float | None] = []
    for index in range(len(photographs)):
        others = np.delete(light[:, several], index, axis=0)
        common = np.isfinite(light[index, several]) & np.isfinite(others).any(axis=0)
        if common.sum() < MIN_POINTS:
            found.append(None)
            continue
        found.append(float(np.median(light[index, several][common] - np.nanmedian(others[:, common], axis=0))))
    return found


def _detail(photographs: Sequence[Photograph]) -> list[float | None]:
    """Return the sharpness of each picture as a share of the others' median."""
    values = [sharpness(np.round(photograph.rgb * 255).astype(np.uint8)) for photograph in photographs]
    if len(values) < 2:
        return [None] * len(values)
    medians = [float(np.median(values[:index] + values[index + 1 :])) for index in range(len(values))]
    return [value / median if median > 0 else None for value, median in zip(values, medians, strict=True)]
