"""Whether the files of a COLMAP model are whole.

COLMAP's own reader does not look: on a binary file that is cut short it goes on with whatever is in memory (cameras
with random numbers, minutes of allocation), so the structure is walked before it reads.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

from ...errors import CaptureError

_COUNT = re.compile(r"#\s*Number of \w+:\s*(\d+)")


class _ShortError(Exception):
    """The data end before the record does."""


def check_model(folder: Path, ending: str, parameters: Callable[[int | str], int]) -> None:
    """Walk through the files of a model.

    Args:
        folder: Holds cameras, images and points3D, and maybe rigs and frames.
        ending: ".bin" or ".txt".
        parameters: Number of parameters of a camera model, by its number or name; raises KeyError for unknown ones.

    Raises:
        CaptureError: If a file is missing, cut short, or of another format.
    """
    for name in ("cameras", "images", "points3D", "rigs", "frames"):
        path = folder / f"{name}{ending}"
        if name in ("rigs", "frames") and not path.is_file():
            continue
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CaptureError(f"{path} of the COLMAP model cannot be read ({error.strerror or error}).") from None
        try:
            if ending == ".bin":
                _check_binary(name, data, parameters)
            else:
                _check_text(name, data.decode("utf-8", "replace"), parameters)
        except _ShortError:
            raise CaptureError(f"{path} is cut short or damaged; copy the COLMAP model again.") from None
        except KeyError as model:
            raise CaptureError(
                f"{path} has a camera of the unknown model {model}; export the model as OPENCV."
            ) from None


def _check_binary(name: str, data: bytes, parameters: Callable[[int | str], int]) -> None:
    reader = _Reader(data)
    for _ in range(reader.take("Q")):
        if name == "cameras":
            reader.skip(4)
            model = reader.take("i")
            reader.skip(16 + 8 * parameters(model))
        elif name == "images":
            reader.skip(4 + 7 * 8 + 4)
            reader.skip_string()
            reader.skip(24 * reader.take("Q"))
        elif name == "points3D":
            reader.skip(8 + 3 * 8 + 3 + 8)
            reader.skip(8 * reader.take("Q"))
        elif name == "rigs":
            reader.skip(4)
            sensors = reader.take("I")
            # The reference sensor has an identity only; every other one also a flag and perhaps a pose.
            reader.skip(8 * min(sensors, 1))
            for _ in range(sensors - 1):
                reader.skip(8)
                reader.skip(7 * 8 * reader.take("B"))
        else:
            reader.skip(4 + 4 + 7 * 8)
            reader.skip(16 * reader.take("I"))
    if reader.position != len(data):
        raise _ShortError


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def skip(self, count: int) -> None:
        self.position += count
        if self.position > len(self.data):
            raise _ShortError

    def take(self, kind: str) -> int:
        start = self.position
        self.skip(struct.calcsize(kind))
        (value,) = struct.unpack_from(f"<{kind}", self.data, start)
        return int(value)

    def skip_string(self) -> None:
        end = self.data.find(b"\0", self.position)
        if end < 0:
            raise _ShortError
        self.position = end + 1


def _check_text(name: str, text: str, parameters: Callable[[int | str], int]) -> None:
    lines = text.splitlines()
    stated = [int(match.group(1)) for line in lines if (match := _COUNT.match(line))]
    # COLMAP states the number of records and ends every line. Files of other programs may do neither.
    if not text.strip() or ((stated or lines[-1].startswith("#")) and not text.endswith("\n")):
        raise _ShortError
    records = [line.split() for line in lines if not line.startswith("#")]
    if name == "images":
        # Two lines an image. The second, its features, may be empty, but COLMAP skips an image that lacks it.
        while len(records) > 1 and not records[-1] and not records[-2]:
            records.pop()
        poses, features = records[0::2], records[1::2]
        if len(features) < len(poses):
            raise _ShortError
        good = all(len(words) >= 10 for words in poses if words) and all(len(words) % 3 == 0 for words in features)
        records = [words for words in poses if words]
    else:
        records = [words for words in records if words]
        if name == "cameras":
            good = all(len(words) >= 4 and len(words) == 4 + parameters(words[1]) for words in records)
        elif name == "points3D":
            good = all(len(words) >= 8 and len(words) % 2 == 0 for words in records)
        else:
            good = True
    if not good or (stated and len(records) != stated[0]) or (not records and name in ("cameras", "images")):
        raise _ShortError
