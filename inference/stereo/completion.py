"""From matches here and there to a flow everywhere: filling, fractions of a pixel, smoothing."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from ..view import Picture
from .smoothing import smooth_inside

Mask = NDArray[np.bool_]

_REFINEMENTS = 3
# Residual (sRGB) beyond which pixels are taken for another surface, and squared slope that stands for noise.
_RESIDUAL = 0.03
_NOISE = 1e-4
# What one view alone sees belongs to the farther surface: a surface nearer by this share of the search counts 1/e.
_FARTHER = 1.0 / 6.0
# With a hull, what does not match is likely near it: a surface farther behind it by this share counts 1/e.
_NEAR_HULL = 0.05
# Confidence that the surface lies on the hull at its outline, where nothing matched.
_TOUCHING = 0.5


@dataclass(frozen=True, eq=False)
class Span:
    """Where the flow of one view can lie.

    Args:
        base: (H, W) flow that it is counted from: where the visual hull begins, or zero.
        low, high: What is added to it, at least and at most.
        of_right: Whether it is the right view, whose flow falls with the distance; that of the left one rises.
        hull: Whether the base is a hull.
    """

    base: Picture = field(repr=False)
    low: float
    high: float
    of_right: bool
    hull: bool


@dataclass(frozen=True, eq=False)
class Flow:
    """Where the pixels of one view are in the other.

    Args:
        flow: (H, W) float32, other column minus own column in pixels; zero where not valid.
        confidence: (H, W) float32 in [0, 1]; zero where the flow was filled in from the surroundings or is not valid.
        valid: (H, W), inside the view's mask.
        span: Where it was looked for.
    """

    flow: Picture = field(repr=False)
    confidence: Picture = field(repr=False)
    valid: Mask = field(repr=False)
    span: Span = field(repr=False)


def complete(flow: Picture, confidence: Picture, inside: Mask, picture: Picture, other: Picture, span: Span) -> Flow:
    """Fill in what did not match, and find fractions of a pixel by gradients (Lucas and Kanade 1981).

    Args:
        flow: (H, W) matches to about a pixel; anything finite where there is none.
        confidence: (H, W) in [0, 1], zero where there is no match.
        inside: (H, W) the view's mask.
        picture, other: (H, W, 3) of the view and the other one.
        span: Where the flow can lie.
    """
    confidence = np.where(inside, confidence, 0.0).astype(np.float32)
    if not confidence.any():
        # Nothing matched at all (no texture): the hull, or the middle of the search.
        middle = 0.0 if span.hull else 0.5 * (span.low + span.high)
        flat = np.where(inside, span.base + np.float32(middle), np.float32(0.0)).astype(np.float32)
        return Flow(flat, confidence, inside, span)
    rest = _filled(flow - span.base, confidence, picture, inside, span)
    rest = _refined(span.base + rest, confidence, picture, other) - span.base
    return Flow(_smoothed(rest, confidence, picture, inside, span), confidence, inside, span)


def refill(flow: Flow, found: Picture, confidence: Picture, picture: Picture) -> Flow:
    """Fill in anew what did not match, now that other pairs have told some of it.

    Args:
        flow: Of :func:`complete`.
        found: (H, W) what others have found; it counts where the flow has no match of its own.
        confidence: (H, W) in [0, 1], zero where they have found nothing.
        picture: (H, W, 3) of the view.
    """
    span = flow.span
    own = flow.confidence > 0
    confidence = np.where(own, flow.confidence, np.where(flow.valid, confidence, 0.0)).astype(np.float32)
    if not confidence.any():
        return flow
    rest = _filled(np.where(own, flow.flow, found) - span.base, confidence, picture, flow.valid, span)
    return Flow(_smoothed(rest, confidence, picture, flow.valid, span), confidence, flow.valid, span)


def _filled(rest: Picture, confidence: Picture, picture: Picture, inside: Mask, span: Span) -> Picture:
    """Return the rest over the base: as it is where it is confident, else what its surroundings say."""
    # From the nearest (0) to the farthest that was searched (1).
    from_low = np.clip((rest - span.low) / (span.high - span.low), 0.0, 1.0)
    distance = 1.0 - from_low if span.of_right else from_low
    unlikely = distance / _NEAR_HULL if span.hull else (1.0 - distance) / _FARTHER
    trust = confidence * np.exp(-unlikely).astype(np.float32)
    known = rest
    if span.hull:
        # At its outline the hull touches the surface.
        core = cv2.erode(inside.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
        rim = inside & (confidence == 0) & (core == 0)
        known, trust = np.where(rim, np.float32(0.0), rest), np.where(rim, np.float32(_TOUCHING), trust)
    filled = smooth_inside(known, trust, picture, inside, reach=4000.0, contrast=0.01)
    # Parts of the mask without a match of their own.
    filled[np.isnan(filled)] = np.median(rest[confidence > 0])
    return np.where(confidence > 0, rest, filled).astype(np.float32)


def _smoothed(rest: Picture, confidence: Picture, picture: Picture, inside: Mask, span: Span) -> Picture:
    """Return the whole flow: where the rest is not confident it gives way to its surroundings."""
    rest = np.clip(rest, span.low - 1.0, span.high + 1.0)
    smooth = span.base + smooth_inside(rest, confidence + np.float32(1e-3), picture, inside, reach=3.0, contrast=0.03)
    return np.where(inside, smooth, np.float32(0.0)).astype(np.float32)


def _refined(flow: Picture, confidence: Picture, picture: Picture, other: Picture) -> Picture:
    """Return the flow moved by fractions of a pixel so that the pictures agree, where it is confident."""
    own = _detail(picture)
    target = _detail(other)
    height, width = flow.shape
    columns = np.tile(np.arange(width, dtype=np.float32), (height, 1))
    rows = np.tile(np.arange(height, dtype=np.float32)[:, None], (1, width))
    slope = cv2.filter2D(target, -1, np.array([[-0.5, 0.0, 0.5]], np.float32), borderType=cv2.BORDER_REPLICATE)
    confident = confidence > 0
    for _ in range(_REFINEMENTS):
        warped = cv2.remap(target, columns + flow, rows, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        gradient = cv2.remap(slope, columns + flow, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        residual = own - warped
        robust = 1.0 / (1.0 + (residual * residual).sum(axis=2) / np.float32(_RESIDUAL**2))
        stiffness = (gradient * gradient).sum(axis=2) + np.float32(_NOISE)
        step = (gradient * residual).sum(axis=2) / stiffness
        # The window of Lucas and Kanade follows the picture's edges.
        step = smooth_inside(step, robust * stiffness, picture, confident, reach=100.0, contrast=0.05)
        flow = flow + np.clip(step, -0.5, 0.5)
    return np.asarray(flow, dtype=np.float32)


def _detail(picture: Picture) -> Picture:
    """Return a picture without its coarse brightness, which differs between cameras."""
    return np.asarray(picture - cv2.GaussianBlur(picture, (0, 0), 3.0), dtype=np.float32)
