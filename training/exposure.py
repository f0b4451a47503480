"""What evening out is worth: quality with sources exposed differently, before and after, against the capture as it is.

``python -m training.exposure CAPTURE ...`` prints a table.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.capture import read_capture
from inference.capture.colour_balance import Balance, even_out
from inference.capture.photographs import Photographs, fitting_scale, load_photograph
from inference.colour import from_linear, to_linear
from inference.colour_correction import ColourCorrection
from inference.commands.evaluate import held_out_names
from inference.metrics import psnr
from inference.synthesis import Options, Session
from inference.view import Capture, Picture, View

# How far exposure and, on top of it, each channel go at most, in stops.
EXPOSURE, WHITE_BALANCE = 0.7, 0.15


@dataclass(frozen=True)
class Outcome:
    """Mean PSNR (dB) over the held-out views: as it is, with sources changed, and after evening those out."""

    unchanged: float
    changed: float
    evened: float
    balance: Balance


def small(capture: Capture, size: int) -> Capture:
    """Return the capture with its pictures in memory, their longer side at most ``size`` pixels."""
    views = []
    for view in capture:
        photograph = load_photograph(view, fitting_scale(view, size))
        views.append(View(view.name, photograph.camera, photograph.rgb, photograph.mask))
    return replace(capture, views=tuple(views))


def exposed(rgb: Picture, gain: NDArray[np.float64], quality: int | None = 95) -> Picture:
    """Return a picture exposed otherwise: clipped, in 8 bits, and as JPEG of a quality where one is given."""
    pixels = np.round(from_linear(to_linear(rgb) * gain.astype(np.float32)) * 255).astype(np.uint8)
    if quality is not None:
        _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    return np.ascontiguousarray(pixels, dtype=np.float32) / np.float32(255)


def disturbed(capture: Capture, held_out: Sequence[str], seed: int) -> Capture:
    """Return the capture with half of the sources exposed otherwise; held-out views stay as they are."""
    random = np.random.default_rng(seed)
    sources = [view.name for view in capture if view.name not in held_out]
    chosen = set(random.choice(sources, (len(sources) + 1) // 2, replace=False).tolist())
    views = []
    for view in capture:
        if view.name in chosen:
            stops = random.uniform(-EXPOSURE, EXPOSURE) + random.uniform(-WHITE_BALANCE, WHITE_BALANCE, 3)
            view = replace(view, image=exposed(_pixels(view), 2.0**stops))
        views.append(view)
    return replace(capture, views=tuple(views))


def quality(capture: Capture, truth: Capture, held_out: Sequence[str], options: Options) -> float:
    """Return the mean PSNR of the held-out views, each made from the others and brought to its own exposure."""
    session, sources = Session(), capture.without(frozenset(held_out))
    figures = []
    for name in held_out:
        frame = session.synthesize(sources, truth[name].camera, options)
        made = as_exposed(frame.rgb, capture[name].colour or ColourCorrection())
        wanted, mask = _pixels(truth[name]), truth[name].mask
        figures.append(psnr(made, wanted, None if mask is None else np.asarray(mask)))
    return float(np.mean(figures))


def _pixels(view: View) -> Picture:
    assert isinstance(view.image, np.ndarray)
    return view.image


def as_exposed(rgb: Picture, correction: ColourCorrection) -> Picture:
    """Return what a camera of that correction would have photographed: the correction undone."""
    gain, offset = (np.asarray(values, np.float32) for values in (correction.gain, correction.offset))
    return from_linear((to_linear(rgb) - offset) / gain)


def measure(capture: Capture, held_out: Sequence[str], options: Options, seed: int = 0) -> Outcome:
    """Disturb the exposure of sources, even it out again, and synthesize the held-out views each time."""
    changed = disturbed(capture, held_out, seed)
    balance = even_out(changed, Photographs())
    return Outcome(
        quality(capture, capture, held_out, options),
        quality(changed, capture, held_out, options),
        quality(balance.applied_to(changed), capture, held_out, options),
        balance,
    )


def main() -> None:
    """Print the table of the captures that are named."""
    parser = argparse.ArgumentParser(prog="python -m training.exposure", description=__doc__)
    parser.add_argument("captures", metavar="CAPTURE", nargs="+", type=Path)
    parser.add_argument("--method", default="plane-sweep")
    parser.add_argument("--size", type=int, default=320, help="longer side of the pictures in pixels (default: 320)")
    parser.add_argument("--hold-out", default="every:8", help="as of evaluate (default: every:8)")
    parser.add_argument("--seeds", type=int, default=1, help="so many random changes (default: 1)")
    arguments: Any = parser.parse_args()
    print("PSNR in dB      unchanged  changed  evened out  difference   stops between photographs")
    for path in arguments.captures:
        capture = small(read_capture(path), arguments.size)
        held_out = held_out_names(capture, arguments.hold_out)
        for seed in range(arguments.seeds):
            found = measure(capture, held_out, Options(method=arguments.method), seed)
            print(
                f"{path.name:<14}  {found.unchanged:9.2f}  {found.changed:7.2f}  {found.evened:10.2f}  "
                f"{found.evened - found.unchanged:+10.2f}   {found.balance.before:.2f} -> {found.balance.after:.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
