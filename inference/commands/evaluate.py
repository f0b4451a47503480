"""``evaluate``: held-out photographs against their synthesis."""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import CaptureError, PictureError
from ..progress import Progress, part, silent
from ..view import Capture, Picture
from .common import (
    UsageError,
    capture_argument,
    common,
    known_names,
    method_arguments,
    options,
    split_names,
    used_sources,
    write_report,
)

if TYPE_CHECKING:
    from ..capture.photographs import Photograph
    from ..frame import Frame
    from ..synthesis import Options

NAME = "evaluate"

# What a picture that equals the photograph is reported as; JSON knows no infinity.
HIGHEST_PSNR = 100.0


@dataclass(frozen=True)
class Settings:
    """What is evaluated.

    Args:
        held_out: Names of views.
        size: Longer side in pixels; ``None``: as stored.
        save: Folder for pictures.
        excluded: Names of further views that are no sources.
        subject: Whether only the subject counts: both pictures over black, inside the box around the photograph's mask.
    """

    held_out: tuple[str, ...]
    size: int | None
    save: Path | None
    excluded: frozenset[str] = frozenset()
    subject: bool = False


def add_parser(commands: Any) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(NAME, parents=[common()], help="compare held-out photographs with their synthesis")
    capture_argument(parser)
    parser.add_argument(
        "--hold-out",
        metavar="every:8|NAMES",
        default="every:8",
        help="which views (default: every:8 of the sorted names; * in a name stands for anything)",
    )
    parser.add_argument(
        "--exclude", metavar="NAMES", action="append", default=[], help="further views that are no sources"
    )
    parser.add_argument("--json", metavar="REPORT", type=Path, help="write the report there")
    parser.add_argument("--save", metavar="DIR", type=Path, help="write the pictures and the photographs there")
    parser.add_argument(
        "--subject",
        action="store_true",
        help="compare only what the masks show, before black and inside the box around it (always for gps-gaussian)",
    )
    method_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace, progress: Progress) -> None:
    """Synthesize every held-out view from the others, print the figures, write the report.

    Raises:
        UsageError: If the arguments make no sense.
        SightlineError: If a picture cannot be read, made or written.
    """
    from ..capture import read_capture

    method = options(arguments)
    capture = read_capture(arguments.capture)
    held_out = held_out_names(capture, arguments.hold_out)
    subject = arguments.subject or method.method == "gps-gaussian"
    excluded = known_names(capture, split_names(arguments.exclude))
    settings = Settings(held_out, arguments.size, arguments.save, excluded, subject)
    report = evaluate(capture, method, settings, progress)
    if arguments.json is not None:
        write_report(arguments.json, report)
    for view in report["views"]:
        print(f"{view['name']:<24} {view['psnr']:6.2f} dB  {view['ssim']:.3f}  {view['seconds']:6.2f} s")
    mean = report["mean"]
    print(f"{'mean':<24} {mean['psnr']:6.2f} dB  {mean['ssim']:.3f}  {mean['seconds']:6.2f} s")


def held_out_names(capture: Capture, text: str) -> tuple[str, ...]:
    """Return the names of the views that are held out: ``every:N`` of the sorted names from the first on, or a list.

    Raises:
        UsageError: If the text is neither.
        CaptureError: If a name is unknown or no view would be left.
    """
    if text.startswith("every:"):
        if not re.fullmatch(r"every:[1-9]\d*", text):
            raise UsageError(f"--hold-out {text} makes no sense; write every:8, or names")
        names = tuple(sorted(view.name for view in capture)[:: int(text.removeprefix("every:"))])
    else:
        names = tuple(sorted(known_names(capture, split_names([text]))))
        if not names:
            raise UsageError("--hold-out names no view; write every:8, or names")
    if len(names) == len(capture):
        raise CaptureError(f"All {len(capture)} views would be held out; hold out fewer, so that sources are left.")
    return names


def evaluate(capture: Capture, method: Options, settings: Settings, progress: Progress = silent) -> dict[str, Any]:
    """Synthesize the held-out views and compare them with their photographs.

    The photograph is read as sources are: without lens distortion and scaled by area; its camera is the target. No
    held-out view is a source of any other.

    Returns:
        The report: ``method``, ``weights`` (hash or None), ``views`` with ``name``, ``psnr`` (dB), ``ssim``,
        ``seconds`` (all that one request takes), ``sources`` (names), and their ``mean``.

    Raises:
        SightlineError: If a picture cannot be read, made or written.
    """
    from ..capture.names import file_stem
    from ..capture.photographs import fitting_scale, load_photograph
    from ..metrics import psnr, ssim
    from ..picture_output import write_picture
    from ..synthesis import Session

    session = Session()
    sources = capture.without(frozenset(settings.held_out) | settings.excluded)
    weights: str | None = None
    views: list[dict[str, Any]] = []
    for index, name in enumerate(settings.held_out):
        share = part(progress, index / len(settings.held_out), (index + 1) / len(settings.held_out))
        view = capture[name]
        truth = load_photograph(view, fitting_scale(view, settings.size))
        start = time.perf_counter()
        frame = session.synthesize(sources, truth.camera, method, share)
        seconds = time.perf_counter() - start
        weights = frame.metadata.get("weights", weights)
        made, wanted = _subjects(frame, truth, name) if settings.subject else (frame.rgb, truth.rgb)
        views.append(
            {
                "name": name,
                "psnr": min(psnr(made, wanted), HIGHEST_PSNR),
                "ssim": ssim(made, wanted),
                "seconds": seconds,
                "sources": used_sources(frame),
            }
        )
        if settings.save is not None:
            write_picture(settings.save / f"{file_stem(name)}.png", made, bits=8)
            write_picture(settings.save / f"{file_stem(name)}.truth.png", wanted, bits=8)
    mean = {key: float(np.mean([view[key] for view in views])) for key in ("psnr", "ssim", "seconds")}
    return {"method": method.method, "weights": weights, "views": views, "mean": mean}


def _subjects(frame: Frame, truth: Photograph, name: str) -> tuple[Picture, Picture]:
    """Return both pictures before black, cut to the box around the mask.

    Raises:
        PictureError: If the photograph has no mask, or an empty one.
    """
    from ..metrics import box_around

    if truth.mask is None or not (truth.mask >= 0.5).any():
        raise PictureError(f"'{name}' has no mask that shows a subject; leave --subject out, or give it one.")
    box = box_around(truth.mask)
    made = frame.rgb * frame.alpha[..., None]
    wanted = truth.rgb * truth.mask[..., None]
    return made[box], wanted[box]
