"""Look at the scenes and their figures: ``python -m training.scenes --seed 0 --count 12 --out sheet.png``."""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from inference.camera import Camera

from . import Sample, SceneConfig, sample_scene
from .atlas import library
from .sample import Setting, make_setting

Bytes = NDArray[np.uint8]


def row(sample: Sample, height: int) -> Bytes:
    """Return target, depth and sources of a sample side by side (BGR)."""
    disparity = (1.0 / sample.depth.cpu().numpy() - 1 / sample.far) / (1 / sample.near - 1 / sample.far)
    depth = cv2.applyColorMap((np.clip(disparity, 0, 1) * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    depth[~np.isfinite(sample.depth.cpu().numpy())] = 0
    pictures = [_bytes(sample.rgb), depth, *(_bytes(image) for image in sample.images)]
    fitted = []
    for index, picture in enumerate(pictures):
        scale = min(height / picture.shape[0], 1.5 * height / picture.shape[1])
        small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cell = np.full((height, height if index < 2 else height * 3 // 2, 3), 40, np.uint8)
        cell[: min(height, small.shape[0]), : small.shape[1]] = small[:height, : cell.shape[1]]
        fitted.append(cell)
    return np.concatenate(fitted, axis=1)


def _bytes(picture: torch.Tensor) -> Bytes:
    return np.ascontiguousarray((picture.cpu().numpy().transpose(1, 2, 0)[..., ::-1] * 255 + 0.5).astype(np.uint8))


def angle(setting: Setting, source: Camera) -> float:
    """Return the angle in degrees between target and source, seen from the middle of the target's depth range."""
    depth = 2.0 / (1.0 / setting.near + 1.0 / setting.far)
    point = setting.target.unproject(np.array([setting.target.width / 2, setting.target.height / 2]), np.array(depth))
    a, b = setting.target.centre - point, source.centre - point
    return float(np.degrees(np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))))


def statistics(seeds: range, config: SceneConfig, device: torch.device) -> None:
    """Print how spans of disparity, angles and window sizes are distributed."""
    textures = library(config.texture_folder(), device)
    settings = [make_setting(seed, config, textures, device) for seed in seeds]
    table = {
        "disparity span, px": [s.span for s in settings],
        "far / near": [s.far / s.near for s in settings],
        "angle at mid depth, degrees": [angle(s, c) for s in settings for c in s.sources],
        "window, pixels": [float(w[2] * w[3]) for s in settings for w in s.windows],
        "primitives": [float(len(s.world.primitives)) for s in settings],
    }
    for name, values in table.items():
        shown = " ".join(f"{value:9.1f}" for value in np.percentile(values, [0, 5, 25, 50, 75, 95, 100]))
        print(f"{name:32s}{shown}   (percentiles 0 5 25 50 75 95 100)")


def timing(seeds: range, config: SceneConfig, device: torch.device) -> None:
    """Print the milliseconds and the share of every stage."""
    # On the CPU the time of this process: other processes do not count.
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    spent: dict[str, float] = defaultdict(float)
    sample_scene(seeds[0], config, device)
    last = clock()

    def mark(stage: str) -> None:
        nonlocal last
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        now = clock()
        spent[stage] += now - last
        last = now

    for seed in seeds:
        sample_scene(seed, config, device, mark)
    total = sum(spent.values())
    print(f"{1e3 * total / len(seeds):.0f} ms a sample, {torch.get_num_threads()} thread(s), {device}")
    for stage, seconds in spent.items():
        print(f"  {stage:14s}{1e3 * seconds / len(seeds):7.1f} ms  {seconds / total:4.0%}")


def main() -> None:
    """Write a contact sheet; print figures where they are asked for."""
    parser = argparse.ArgumentParser(prog="python -m training.scenes", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=12)
    parser.add_argument("--crop", type=int, default=96)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, help="contact sheet: target, depth, sources; one sample a row")
    parser.add_argument("--statistics", action="store_true", help="print distributions instead of rendering")
    parser.add_argument("--timing", action="store_true", help="print the time of every stage")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config, device = SceneConfig(views=arguments.views, crop=arguments.crop), torch.device(arguments.device)
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    if arguments.statistics:
        statistics(seeds, config, device)
    if arguments.timing:
        timing(seeds, config, device)
    if arguments.out is not None:
        rows = [row(sample_scene(seed, config, device), 160) for seed in seeds]
        if not cv2.imwrite(str(arguments.out), np.concatenate(rows)):
            parser.error(f"cannot write {arguments.out}")


if __name__ == "__main__":
    main()
