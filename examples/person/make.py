"""Render the example person: eight cameras in a ring around a posed avatar, and one between two that is held out.

    python -m examples.person.make Asian_F_2_Casual.glb [--seed 18] [--size 640] [--out FOLDER]

Gives the same pictures every time.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from inference.capture import read_capture, write_transforms
from training.people.ring import write_ring

CAMERAS = 8
HELD_OUT = "held_out"
BETWEEN = "mid_00"  # its name in the ring: between cam_00 and cam_01


def main() -> None:
    """Read the command line, render, and keep what the example is made of."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("person", type=Path, metavar="PERSON.glb")
    parser.add_argument("--seed", type=int, default=18, help="of pose and light")
    parser.add_argument("--size", type=int, default=640, help="side of the pictures in pixels")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent, help="folder for transforms.json and images/"
    )
    options = parser.parse_args()
    images = options.out / "images"
    images.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        write_ring(options.person, CAMERAS, options.size, Path(folder), options.seed)
        ring = read_capture(Path(folder) / "transforms.json")
        views = []
        for view in ring:
            name = HELD_OUT if view.name == BETWEEN else view.name
            if name.startswith("mid_"):
                continue
            image = images / f"{name}.png"
            shutil.copyfile(Path(folder) / f"{view.name}.png", image)
            views.append(replace(view, name=name, image=image))
    calibration = options.out / "transforms.json"
    write_transforms(replace(ring, views=tuple(views)), calibration)
    record = json.loads(calibration.read_text(encoding="utf-8"))
    frames = record.pop("frames")
    files = [frame["file_path"] for frame in frames]
    record["train_filenames"] = [file for file in files if Path(file).stem != HELD_OUT]
    record["test_filenames"] = [file for file in files if Path(file).stem == HELD_OUT]
    calibration.write_text(json.dumps(record | {"frames": frames}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
