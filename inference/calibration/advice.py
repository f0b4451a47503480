"""What to photograph better, in plain sentences, from what structure from motion met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .mapping import Mapped

# A picture with less than this share of the others' sharpness (variance of the Laplacian) is blurred.
BLURRED = 0.2
# Pictures with fewer features show little texture.
FEW_FEATURES = 400
# A camera that is tied to fewer others hangs by a thread.
FEW_LINKS = 2
# In degrees, between the rays of a point that are farthest apart, half of the points having less.
LITTLE_PARALLAX = 3.0
# Mean reprojection error in thousandths of the picture's longer side; structure from motion of a still scene has less.
LARGE_RESIDUAL = 1.5

Names = Mapping[str, str]


def why_nothing(mapped: Mapped, names: Names) -> str:
    """Return why no cameras were found at all.

    Args:
        mapped: Without models.
        names: Of the views, by COLMAP's picture.
    """
    start = f"No cameras can be found from these {len(names)} photographs"
    poor = [name for name, count in mapped.features.items() if count < FEW_FEATURES]
    if 2 * len(poor) > len(names):
        return (
            f"{start}: most show hardly any texture; light the scene well, "
            "put patterned things such as newspapers around the subject, and photograph again."
        )
    if not mapped.links:
        return (
            f"{start}: no two of them show the same things; photograph in steps of 10 to 15 degrees around the scene."
        )
    if not any(parallax for _, parallax in mapped.links.values()):
        return (
            f"{start}: they were all taken from one place or show only a flat thing; "
            "walk sideways between photographs instead of turning the camera."
        )
    return f"{start}: too little of them overlaps; let every part of the scene be in three photographs or more."


def why_left_out(mapped: Mapped, names: Names, sharp: Mapping[str, float], registered: Sequence[str]) -> dict[str, str]:
    """Return why views have no camera.

    Args:
        mapped: With models.
        names: Of the views, by COLMAP's picture.
        sharp: Sharpness by view.
        registered: Names of views that have a camera.
    """
    have = set(registered)
    typical = _typical(sharp)
    elsewhere = {names[image.name] for model in mapped.models[1:] for image in model.images.values() if image.has_pose}
    reasons = {}
    for picture, name in names.items():
        if name in have:
            continue
        links = [
            count for pair, (count, _) in mapped.links.items() if picture in pair and have & {names[p] for p in pair}
        ]
        if sharp[name] < BLURRED * typical:
            reasons[name] = "it is blurred; hold the camera still, or use more light and a shorter exposure"
        elif mapped.features.get(picture, 0) < FEW_FEATURES:
            reasons[name] = "it shows hardly any texture; move back or put patterned things into the picture"
        elif name in elsewhere:
            reasons[name] = (
                "it belongs to a group of photographs that nothing joins to the others; take some in between"
            )
        elif not links:
            reasons[name] = "it shows nothing that the others show; take photographs in between"
        else:
            reasons[name] = (
                f"only {max(links)} of its features are found in another photograph, or they fit no single position; "
                "take photographs from near its place"
            )
    return reasons


def advise(mapped: Mapped, names: Names, sharp: Mapping[str, float], registered: Sequence[str]) -> list[str]:
    """Return what would make the calibration better; nothing where it is good. Arguments as :func:`why_left_out`."""
    advice = []
    typical = _typical(sharp)
    blurred = [name for name, value in sharp.items() if value < BLURRED * typical]
    if blurred:
        advice.append(f"{_some(blurred)} blurred: photograph again with more light or a shorter exposure.")
    poor = [name for picture, name in names.items() if mapped.features.get(picture, 0) < FEW_FEATURES]
    if poor:
        advice.append(f"{_some(poor)} almost without texture: put patterned things such as newspapers into the scene.")
    partners = dict.fromkeys(names, 0)
    for pair in mapped.links:
        for picture in pair:
            partners[picture] += 1
    lonely = [name for picture, name in names.items() if partners[picture] < FEW_LINKS and name in set(registered)]
    if lonely:
        advice.append(
            f"{_some(lonely)} tied to the others by too little overlap: take photographs in between, "
            "in steps of 10 to 15 degrees."
        )
    model = mapped.models[0]
    angle = median_parallax(model)
    if angle < LITTLE_PARALLAX:
        advice.append(
            f"The cameras see most points from directions that differ by only {angle:.1f} degrees, so that depth is "
            "uncertain: move sideways more between photographs."
        )
    size = float(np.median([max(camera.width, camera.height) for camera in model.cameras.values()]))
    error = float(model.compute_mean_reprojection_error())
    if error > LARGE_RESIDUAL * size / 1000:
        advice.append(
            f"The points are off by {error:.1f} pixels on average: something moved, or the zoom or focus changed; "
            "photograph a still scene with a fixed zoom."
        )
    return advice


def median_parallax(model: Any) -> float:
    """Return the largest angle between the rays to a point in degrees, of half of the points at most."""
    centres = {image.image_id: image.projection_center() for image in model.images.values() if image.has_pose}
    angles = []
    for point in model.points3D.values():
        rays = np.array([centres[element.image_id] - point.xyz for element in point.track.elements])
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        angles.append(np.arccos(np.clip((rays @ rays.T).min(), -1.0, 1.0)))
    return float(np.degrees(np.median(angles))) if angles else 0.0


def _typical(sharp: Mapping[str, float]) -> float:
    return float(np.median(list(sharp.values()))) if sharp else 0.0


def _some(names: Sequence[str]) -> str:
    """Return the names of photographs as the subject of a sentence, with its verb."""
    if len(names) == 1:
        return f"The photograph '{names[0]}' is"
    listed = ", ".join(f"'{name}'" for name in names[:3])
    return f"{len(names)} photographs ({listed}{', ...' if len(names) > 3 else ''}) are"
