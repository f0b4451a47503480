"""Draw what a picture was made from, the picture, the true photograph and their difference; say how near they are.

    python -m examples.comparison_sheet RECORD.json [--small FILE.jpg]

A process of its own, because OpenCV must never be loaded into Blender's. ``RECORD.json`` holds ``sources`` (name and
file each), ``result``, ``photograph``, ``sheet`` (files) and ``metadata`` (of the result); of Gaussians also
``gaussians`` (their ``count`` and ``metadata``) and ``turntable`` (caption and file each), which is then the lower row.
All pictures have one size. Where the photograph has an alpha channel, only its subject counts: both before black,
inside the box around it. ``--small`` also writes the sheet at the size of a web page, for the documentation.
"""

from __future__ import annotations

import argparse
import json
import textwrap
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.capture.picture_files import read_pixels
from inference.errors import PictureError, SightlineError
from inference.masks.stored import unit_range
from inference.metrics import box_around, psnr, ssim
from inference.picture_output import write_picture

Picture = NDArray[np.float32]  # H x W x 4: sRGB and straight alpha in [0, 1]
Drawing = NDArray[np.uint8]  # H x W x 3
Row = list[tuple[str, Picture]]  # captions and pictures

GAP = 16
LINE = 26
LETTER = 11  # pixels that one takes at most
PAPER = (242, 244, 244)
INK = (36, 38, 40)
AMPLIFICATION = 4
SMALL = (1488, 1000)  # width and height at most


def main() -> None:
    """Read the record, write the sheet, print what was measured."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("record", type=Path)
    parser.add_argument("--small", type=Path)
    arguments = parser.parse_args()
    record = json.loads(arguments.record.read_text(encoding="utf-8"))
    try:
        rows, closeness = compare(record)
        # The row of the result is as it is; the other one is scaled to its width.
        sheet = drawn(rows, rows[0 if "turntable" in record else 1])
        write(Path(record["sheet"]), sheet)
        if arguments.small:
            height, width = sheet.shape[:2]
            write(arguments.small, scaled(sheet, min(width, SMALL[0], width * SMALL[1] // height)))
    except SightlineError as error:
        raise SystemExit(str(error)) from None
    metadata = record["metadata"]
    print(f"{metadata['method']}: {closeness}; {timing(metadata['seconds'])}")
    if "gaussians" in record:
        count, made = record["gaussians"]["count"], record["gaussians"]["metadata"]
        print(f"{count:,} Gaussians from {len(made['pairs'])} pairs of sources; {timing(made['seconds'])}")


def compare(record: dict[str, Any]) -> tuple[list[Row], str]:
    """Return what the sheet shows, cut to what there is to see, and how near the result is to the photograph.

    Raises:
        PictureError: If a picture cannot be read, or has another size than the photograph.
    """
    photograph = read(record["photograph"])
    result = read(record["result"], photograph)
    if photograph[..., 3].min() == 1:
        result[..., 3] = 1  # its holes count as they are filled
    made, true = before(result, 0), before(photograph, 0)
    subject = box_around(photograph[..., 3])
    closeness = f"PSNR {psnr(made[subject], true[subject]):.2f} dB, SSIM {ssim(made[subject], true[subject]):.4f}"

    sources = [(f"source: {name}", read(file, photograph)) for name, file in record["sources"]]
    views = [
        (f"made from them by {record['metadata']['method']}: {closeness}", result),
        (f"the photograph held out: {Path(record['photograph']).name}", photograph),
    ]
    turntable = [(caption, read(file, photograph)) for caption, file in record.get("turntable", ())]
    seen = box_around(np.max([picture[..., 3] for _, picture in sources + views + turntable], axis=0))
    error = np.dstack([AMPLIFICATION * np.abs(made - true), np.ones_like(made[..., 0])])
    views.append((f"difference x {AMPLIFICATION}", error))
    rows = [sources + views, turntable] if turntable else [sources, views]
    return [[(caption, picture[seen]) for caption, picture in row] for row in rows], closeness


def timing(seconds: dict[str, float]) -> str:
    """Return the seconds of every stage as text, the total first."""
    stages = {name: value for name, value in seconds.items() if name != "total"}
    total = seconds.get("total", sum(stages.values()))
    return f"{total:.2f} s ({', '.join(f'{name} {value:.2f}' for name, value in stages.items())})"


def read(path: str, like: Picture | None = None) -> Picture:
    """Return a picture, opaque where it has no alpha channel.

    Raises:
        PictureError: If it cannot be read, or has not the size of ``like``.
    """
    pixels = unit_range(read_pixels(Path(path), "picture"))
    if like is not None and pixels.shape[:2] != like.shape[:2]:
        size, other = pixels.shape[1::-1], like.shape[1::-1]
        raise PictureError(f"{path} is {size[0]} x {size[1]} pixels, the photograph {other[0]} x {other[1]}.")
    opaque = np.ones((*pixels.shape[:2], 4), dtype=np.float32)
    opaque[..., : pixels.shape[2]] = pixels
    return opaque


def before(picture: Picture, background: NDArray[np.float64] | float) -> NDArray[np.float32]:
    """Return a picture before a colour."""
    alpha = picture[..., 3:]
    return np.asarray(picture[..., :3] * alpha + background * (1 - alpha), dtype=np.float32)


def eight_bit(picture: NDArray[np.float32]) -> Drawing:
    """Return a picture of [0, 1] in 0 to 255; values outside are clipped."""
    return np.asarray(np.round(255 * np.clip(picture, 0, 1)), dtype=np.uint8)


def write(path: Path, sheet: Drawing) -> None:
    """Write a sheet; JPEG at a quality that leaves no marks.

    Raises:
        OutputError: If it cannot be written.
    """
    write_picture(path, unit_range(sheet), bits=8, quality=85)


def scaled(picture: Drawing, width: int) -> Drawing:
    """Return a picture ``width`` pixels wide."""
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def drawn(rows: list[Row], unscaled: Row) -> Drawing:
    """Return rows of captioned pictures under each other, all as wide as one of them, with a margin."""
    width = sum(picture.shape[1] + GAP for _, picture in unscaled) - GAP
    strips = [strip(row, width) for row in rows]
    space = np.full((GAP // 2, width, 3), PAPER, dtype=np.uint8)
    sheet = np.vstack([part for lines in strips for part in (lines, space)])
    return np.asarray(
        cv2.copyMakeBorder(sheet, GAP // 2, GAP, GAP, GAP, cv2.BORDER_CONSTANT, value=PAPER), dtype=np.uint8
    )


def strip(row: Row, width: int) -> Drawing:
    """Return pictures side by side, under their captions, on a strip ``width`` pixels wide."""
    each = (width - GAP * (len(row) - 1)) // len(row)
    pictures = [scaled(eight_bit(before(picture, np.array(PAPER) / 255)), each) for _, picture in row]
    captions = [textwrap.wrap(caption, each // LETTER, break_on_hyphens=False) for caption, _ in row]
    bar = LINE * max(len(lines) for lines in captions) + GAP
    drawing = np.full((bar + pictures[0].shape[0], width, 3), PAPER, dtype=np.uint8)
    for place, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        left = place * (each + GAP)
        drawing[bar:, left : left + each] = picture
        for number, line in enumerate(lines):
            spot = (left + 2, LINE * (number + 1) - 4)
            cv2.putText(drawing, line, spot, cv2.FONT_HERSHEY_SIMPLEX, 0.6, INK, 1, cv2.LINE_AA)
    return drawing


if __name__ == "__main__":
    main()
