"""The quality table: every method and configuration on every capture, held-out views only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.capture import read_capture
from inference.commands.common import known_names, split_names
from inference.commands.evaluate import Settings, evaluate, held_out_names
from inference.synthesis import Options

BASELINES = ("nearest", "plane-sweep")


@dataclass(frozen=True)
class Row:
    """Mean PSNR (dB), SSIM and seconds of one method on each capture, in the captures' order."""

    label: str
    psnr: list[float]
    ssim: list[float]
    seconds: list[float]


@dataclass(frozen=True)
class Question:
    """What is measured.

    Args:
        weights: Of ConvGLR, by name or path.
        size: Longer side in pixels; ``None``: as stored.
        hold_out: As on the command line, ``every:8``.
        exclude: Names of further views that are no sources.
        people: Weights of GPS-Gaussian, by name or path. With them only what the masks show counts.
    """

    weights: Sequence[str]
    size: int | None
    hold_out: str
    exclude: str = ""
    people: Sequence[str] = ()


def methods(question: Question) -> list[tuple[str, Options]]:
    """Return the rows to measure: the baselines, and each network with each of its weights files."""
    rows = [(name, Options(method=name, sources=4)) for name in BASELINES]
    rows += [(f"convglr, {Path(name).stem}", Options(sources=4, weights=name)) for name in question.weights]
    return rows + [
        (f"gps-gaussian, {Path(name).stem}", Options(method="gps-gaussian", weights=name)) for name in question.people
    ]


def measure(captures: Sequence[Path], question: Question) -> list[Row]:
    """Evaluate every method on every capture; those for any scene with the 4 nearest sources."""
    rows = []
    for label, options in methods(question):
        row = Row(label, [], [], [])
        for path in captures:
            capture = read_capture(path)
            settings = Settings(
                held_out_names(capture, question.hold_out),
                question.size,
                None,
                known_names(capture, split_names([question.exclude])),
                subject=bool(question.people),
            )
            report = evaluate(capture, options, settings)
            row.psnr.append(report["mean"]["psnr"])
            row.ssim.append(report["mean"]["ssim"])
            # The first view pays for compiling and loading.
            row.seconds.append(float(np.median([view["seconds"] for view in report["views"]])))
        print(
            f"{label}: " + ", ".join(f"{p:.2f} / {s:.3f}" for p, s in zip(row.psnr, row.ssim, strict=True)), flush=True
        )
        rows.append(row)
    return rows


def table(captures: Sequence[Path], rows: Sequence[Row]) -> str:
    """Return a Markdown table of PSNR / SSIM, with the mean over the captures."""
    names = [path.name for path in captures]
    lines = [f"| method | {' | '.join(names)} | mean |", "| --- |" + " --- |" * (len(names) + 1)]
    for row in rows:
        cells = [f"{p:.2f} / {s:.3f}" for p, s in zip(row.psnr, row.ssim, strict=True)]
        lines.append(f"| {row.label} | {' | '.join(cells)} | {np.mean(row.psnr):.2f} / {np.mean(row.ssim):.3f} |")
    return "\n".join(lines)
