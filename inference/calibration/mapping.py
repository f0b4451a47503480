"""The steps of COLMAP: features, matches, incremental mapping; stoppable, and the same result every time."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2  # noqa: F401 - before pycolmap: the other way round, their copies of libpng mix and OpenCV crashes
import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled, CaptureError
from ..progress import Progress, part
from .likeness import alike_pairs
from .threads import run_stoppable

# Features are looked for in pictures of at most this size: 16 photographs take less than a minute on two cores, and
# points are as exact as with 1280 (0.86 against 0.83 px).
LONGER_SIDE = 1000
# Up to so many pictures each is matched with each; of more, every one with those that follow it and are most like it.
EXHAUSTIVE = 60
FOLLOWING, PARTNERS = 3, 12
# Photographs that one call of COLMAP works on, on all cores: between calls it is known how far the work is.
BATCH = max(4, os.cpu_count() or 1)
SEED = 1
# A pair of verified pictures with fewer matches is no link.
MIN_MATCHES = 30


@dataclass(eq=False)
class Mapped:
    """What COLMAP made of pictures.

    Args:
        models: pycolmap.Reconstruction objects, the one with the most pictures first; none where no two pictures fit.
        features: Number of features by picture.
        links: Number of verified matches by pair of pictures, and whether they show parallax.
    """

    models: list[Any] = field(default_factory=list)
    features: dict[str, int] = field(default_factory=dict)
    links: dict[tuple[str, str], tuple[int, bool]] = field(default_factory=dict)


def group_by_camera(folder: Path, names: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """Return pictures that one camera took, and those that COLMAP cannot read.

    One camera has pictures of one size and, where EXIF states it, one focal length.
    """
    import pycolmap

    groups: dict[tuple[int, int, float], list[str]] = {}
    unreadable = []
    for name in names:
        try:
            camera = pycolmap.infer_camera_from_image(folder / name)
        except (ValueError, RuntimeError):
            unreadable.append(name)
            continue
        focal = round(camera.mean_focal_length(), 1) if camera.has_prior_focal_length else 0.0
        groups.setdefault((camera.width, camera.height, focal), []).append(name)
    return list(groups.values()), unreadable


def map_pictures(folder: Path, groups: Sequence[Sequence[str]], work: Path, progress: Progress) -> Mapped:
    """Find cameras and points of pictures.

    Args:
        folder: Holds the pictures.
        groups: Names of those that share a camera (:func:`group_by_camera`), a SIMPLE_RADIAL one.
        work: A folder for COLMAP's files.
        progress: Told several times a second; raises where the user asked to stop.

    Raises:
        CaptureError: If COLMAP gives up.
    """
    import pycolmap

    pycolmap.logging.minloglevel = int(pycolmap.logging.Level.ERROR)
    pycolmap.set_random_seed(SEED)
    database = work / "database.db"
    names = sorted(name for group in groups for name in group)
    try:
        pycolmap.Database.open(database).close()
        for group in groups:
            # Before features: those are found by several threads, and pictures would be numbered in a random order.
            pycolmap.import_images(database, folder, camera_mode=pycolmap.CameraMode.SINGLE, image_names=list(group))
        _find_features(database, folder, names, part(progress, 0.0, 0.5))
        result = Mapped()
        with _opened(database) as stored:
            known = {image.name: image.image_id for image in stored.read_all_images()}
            result.features = {name: stored.num_keypoints_for_image(known[name]) for name in names if name in known}
        pairs = _pairs(database, names, known, part(progress, 0.5, 0.6))
        _match(database, work, pairs, part(progress, 0.6, 0.85))
        with _opened(database) as stored:
            result.links = _links(stored, {identity: name for name, identity in known.items()})
        result.models = _map(database, folder, work, len(names), part(progress, 0.85, 1.0))
    except Cancelled:
        raise
    except (ValueError, IndexError, KeyError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise CaptureError(
            f"COLMAP gave up on the photographs ({reason}); leave out unusual ones and try again."
        ) from None
    return result


class _opened:  # noqa: N801 - a context manager, read as a verb
    def __init__(self, path: Path) -> None:
        import pycolmap

        self._database = pycolmap.Database.open(path)

    def __enter__(self) -> Any:
        return self._database

    def __exit__(self, *problem: object) -> None:
        self._database.close()


def _find_features(database: Path, folder: Path, names: Sequence[str], progress: Progress) -> None:
    import pycolmap

    options = pycolmap.FeatureExtractionOptions()
    options.max_image_size = LONGER_SIDE
    for start in range(0, len(names), BATCH):
        batch = list(names[start : start + BATCH])

        def extract(token: Any, batch: list[str] = batch) -> None:
            pycolmap.extract_features(
                database,
                folder,
                image_names=batch,
                extraction_options=options,
                device=pycolmap.Device.cpu,
                cancellation_token=token,
            )

        done = start / len(names)
        run_stoppable(extract, lambda done=done: progress(done, "Finding features"))  # type: ignore[misc]


def _pairs(database: Path, names: Sequence[str], known: dict[str, int], progress: Progress) -> list[tuple[str, str]]:
    """Return the pairs of pictures that are matched."""
    if len(names) <= EXHAUSTIVE:
        return list(itertools.combinations(names, 2))
    with _opened(database) as stored:
        descriptors = [_largest_first(stored, known[name]) for name in names]
    pairs = set(alike_pairs(descriptors, PARTNERS, progress))
    pairs |= {(first, first + step) for step in range(1, FOLLOWING + 1) for first in range(len(names) - step)}
    return [(names[first], names[second]) for first, second in sorted(pairs)]


def _largest_first(stored: Any, identity: int) -> NDArray[np.float32]:
    import pycolmap

    keypoints = stored.read_keypoints(identity)
    descriptors = stored.read_descriptors(identity)
    values = np.asarray(getattr(descriptors, "data", descriptors), dtype=np.float32).reshape(len(keypoints), -1)
    matrix = keypoints if isinstance(keypoints, np.ndarray) else pycolmap.keypoints_to_matrix(keypoints)
    # Columns 2 to 5 are the affine shape; its first column's length is the feature's size.
    return values[np.argsort(-np.hypot(matrix[:, 2], matrix[:, 4]), kind="stable")]


def _match(database: Path, work: Path, pairs: Sequence[tuple[str, str]], progress: Progress) -> None:
    import pycolmap

    options = pycolmap.TwoViewGeometryOptions()
    options.ransac.random_seed = SEED
    listed = pycolmap.ImportedPairingOptions()
    listed.match_list_path = work / "pairs.txt"
    for start in range(0, len(pairs), 2 * BATCH):
        batch = pairs[start : start + 2 * BATCH]
        listed.match_list_path.write_text("".join(f"{first} {second}\n" for first, second in batch), encoding="utf-8")

        def match(token: Any) -> None:
            pycolmap.match_image_pairs(
                database,
                pairing_options=listed,
                verification_options=options,
                device=pycolmap.Device.cpu,
                cancellation_token=token,
            )

        done = start / len(pairs)
        run_stoppable(match, lambda done=done: progress(done, "Matching features"))  # type: ignore[misc]


def _links(stored: Any, names: dict[int, str]) -> dict[tuple[str, str], tuple[int, bool]]:
    import pycolmap

    kinds = pycolmap.TwoViewGeometryConfiguration
    flat = (kinds.PANORAMIC, kinds.PLANAR_OR_PANORAMIC)
    links = {}
    for pair, geometry in zip(*stored.read_two_view_geometries(), strict=True):
        matches = len(geometry.inlier_matches)
        if matches >= MIN_MATCHES:
            first, second = pycolmap.pair_id_to_image_pair(pair)
            links[names[first], names[second]] = (matches, geometry.config not in flat)
    return links


def _map(database: Path, folder: Path, work: Path, count: int, progress: Progress) -> list[Any]:
    import pycolmap

    options = pycolmap.IncrementalPipelineOptions()
    options.min_model_size = min(3, count)
    # Threads add up in their own order, and the least change of a sum leads to another model.
    options.num_threads = options.mapper.num_threads = 1
    options.random_seed = options.mapper.random_seed = options.triangulation.random_seed = SEED
    registered = [0]
    models: dict[int, Any] = {}

    def next_image() -> None:
        registered[0] += 1

    def run(token: Any) -> None:
        models.update(
            pycolmap.incremental_mapping(
                database, folder, work, options, next_image_callback=next_image, cancellation_token=token
            )
        )

    run_stoppable(run, lambda: progress(min(1.0, registered[0] / count), "Finding the cameras"))
    return sorted(models.values(), key=lambda model: (-model.num_reg_images(), -model.num_points3D()))
