"""Draw what a picture was made from, the picture, the true photograph and their difference; say how near they are.

    python -m examples.comparison_sheet RECORD.json [--small FILE.jpg]

A process of its own, because OpenCV must never be loaded into Blender's. ``RECORD.json`` holds ``sources`` (name and
file each), ``result``, ``photograph``, ``sheet`` (files) and ``metadata`` (of the result). ``--small``
also writes the sheet at the size of a web page: the picture in the README.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from inference.metrics import psnr, ssim

Picture = NDArray[np.uint8]

GAP = 16
CAPTION = 40
PAPER = (244, 244, 242)
INK = (40, 38, 36)
AMPLIFICATION = 4
SMALL_WIDTH = 1488


def main() -> None:
    """Read the record, write the sheet, print one line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("record", type=Path)
    parser.add_argument("--small", type=Path)
    arguments = parser.parse_args()
    record = json.loads(arguments.record.read_text(encoding="utf-8"))
    result, photograph = read(record["result"]), read(record["photograph"])
    if result.shape != photograph.shape:
        raise SystemExit(f"The result is {result.shape[1::-1]} pixels, the photograph {photograph.shape[1::-1]}.")
    first, second = (picture[..., ::-1] / 255.0 for picture in (result, photograph))
    closeness = f"PSNR {psnr(first, second):.2f} dB, SSIM {ssim(first, second):.4f}"
    metadata = record["metadata"]
    difference = np.clip(AMPLIFICATION * np.abs(result.astype(np.int16) - photograph), 0, 255).astype(np.uint8)
    lower = [
        captioned(result, f"made from them by {metadata['method']}: {closeness}"),
        captioned(photograph, f"the photograph held out: {Path(record['photograph']).name}"),
        captioned(difference, f"difference x {AMPLIFICATION}"),
    ]
    width = sum(picture.shape[1] for picture in lower) + GAP * (len(lower) - 1)
    sources = [(name, read(file)) for name, file in record["sources"]]
    each = (width - GAP * (len(sources) - 1)) // len(sources)
    upper = [captioned(scaled(picture, each), f"source: {name}") for name, picture in sources]
    sheet = framed([row(upper, width), row(lower, width)])
    write(Path(record["sheet"]), sheet)
    if arguments.small:
        write(arguments.small, scaled(sheet, SMALL_WIDTH))
    print(f"{metadata['method']}: {closeness}; {timing(metadata['seconds'])}")


def timing(seconds: dict[str, float]) -> str:
    """Return the seconds of every stage as text, the total first."""
    stages = {name: value for name, value in seconds.items() if name != "total"}
    total = seconds.get("total", sum(stages.values()))
    return f"{total:.2f} s ({', '.join(f'{name} {value:.2f}' for name, value in stages.items())})"


def read(path: str) -> Picture:
    """Return a picture as BGR."""
    picture: Any = cv2.imread(path, cv2.IMREAD_COLOR)
    if picture is None:
        raise SystemExit(f"The picture {path} cannot be read.")
    return np.asarray(picture, dtype=np.uint8)


def write(path: Path, picture: Picture) -> None:
    """Write a picture; JPEG at a quality that leaves no marks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, 90]):
        raise SystemExit(f"The comparison cannot be written to {path}.")


def scaled(picture: Picture, width: int) -> Picture:
    """Return a picture ``width`` pixels wide."""
    height = round(picture.shape[0] * width / picture.shape[1])
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def captioned(picture: Picture, text: str) -> Picture:
    """Return the picture with a line of text above it."""
    bar = np.full((CAPTION, picture.shape[1], 3), PAPER, dtype=np.uint8)
    cv2.putText(bar, text, (2, CAPTION - 14), cv2.FONT_HERSHEY_SIMPLEX, 0.6, INK, 1, cv2.LINE_AA)
    return np.vstack([bar, picture])


def row(pictures: list[Picture], width: int) -> Picture:
    """Return pictures of one height side by side on a strip ``width`` pixels wide."""
    height = max(picture.shape[0] for picture in pictures)
    strip = np.full((height, width, 3), PAPER, dtype=np.uint8)
    left = 0
    for picture in pictures:
        strip[: picture.shape[0], left : left + picture.shape[1]] = picture
        left += picture.shape[1] + GAP
    return strip


def framed(rows: list[Picture]) -> Picture:
    """Return rows of one width under each other, with a margin."""
    space = np.full((GAP // 2, rows[0].shape[1], 3), PAPER, dtype=np.uint8)
    sheet = np.vstack([part for strip in rows for part in (strip, space)])
    return np.asarray(
        cv2.copyMakeBorder(sheet, GAP // 2, GAP, GAP, GAP, cv2.BORDER_CONSTANT, value=PAPER), dtype=np.uint8
    )


if __name__ == "__main__":
    main()
