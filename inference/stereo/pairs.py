"""Which two views serve a target camera, and why. numpy only: Blender's panels show the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..camera import Array, Camera
from ..errors import CameraError, TargetError
from ..selection import Choice, overlap
from ..view import Picture, View

# Wider apart, two views of a person have too little surface in common to be matched (the method is published for 22.5
# to 60 degrees between neighbours).
MAXIMUM_ANGLE = 70.0
# Nearer together, an error of a pixel moves the depth by more than a person is thick.
MINIMUM_ANGLE = 0.5
# Between the baseline and the way to the subject. Below it, rectification turns the pictures so far from where they
# look that little of them is left.
MINIMUM_SLANT = 30.0
# Of what one of two cameras sees at the subject's distance, the other must see at least this.
MINIMUM_OVERLAP = 0.25
# A target this near to the next pair takes part in both, as a share of the smallest angle between neighbours.
BLEND_SHARE = 0.25

# The reason of a view that no pair can use.
LOOKS_AWAY = "does not look at the subject"

# A view that sees two others this many degrees apart lies between them; 90 would be the Gabriel graph.
_BETWEEN_ANGLE = 80.0
_GRID = 16
# Angles (radians) and shares that differ by less are the same, so that symmetric rigs are decided by the order.
_TIE = 1e-9


@dataclass(frozen=True)
class Pair:
    """Two views that can be rectified, as indices into the views they were chosen from.

    Args:
        left, right: In the order of the rectified pictures: ``right`` lies towards the pictures' right.
        ratio: Where the target stands on the way from left (0) to right (1); 0.5 where there is no target.
        angle: Between the two as seen from the subject's centre, in degrees.
        baseline: Distance of the camera centres in scene units.
        reason: Why this pair, in words.
        choices: For every view whether it is used, and the reason in words; empty where there is no target.
        beside: Degrees between the target and the arc from one view to the other; 0 where there is no target.
    """

    left: int
    right: int
    ratio: float
    angle: float
    baseline: float
    reason: str
    choices: tuple[Choice, ...] = ()
    beside: float = 0.0


def subject_centre(cameras: Sequence[Camera], masks: Sequence[Picture | None] | None = None) -> Array:
    """Return the point (3,) nearest to the rays through the centroids of the masks (least squares).

    Where fewer than two masks show anything, it is the point nearest to the optical axes.

    Args:
        cameras: At least two, without lens distortion.
        masks: (H, W) in [0, 1] or ``None`` for each camera; of any resolution, the whole picture.

    Raises:
        CameraError: If the rays are parallel, or meet behind the cameras.
    """
    if len(cameras) < 2:
        raise CameraError("One camera alone cannot tell where the subject is; a rig needs at least two.")
    shown = [] if masks is None else [i for i, mask in enumerate(masks) if mask is not None and mask.max() > 0]
    if masks is not None and len(shown) >= 2:
        what = "rays to the masked subject"
        chosen = [cameras[index] for index in shown]
        pixels = [_centroid(masks[index], cameras[index]) for index in shown]
    else:
        what, chosen = "optical axes", list(cameras)
        pixels = [np.array([camera.cx, camera.cy]) for camera in chosen]
    normal, right_side = np.zeros((3, 3)), np.zeros(3)
    for camera, pixel in zip(chosen, pixels, strict=True):
        ray = camera.unproject(pixel, 1.0) - camera.centre
        ray /= np.linalg.norm(ray)
        across = np.eye(3) - np.outer(ray, ray)
        normal += across
        right_side += across @ camera.centre
    # The smallest eigenvalue is about half the squared spread of the directions (radians) times their number.
    if np.linalg.eigvalsh(normal)[0] < 1e-7 * len(chosen):
        raise CameraError(
            f"The {what} of the cameras are parallel, so it cannot be told where the subject is; use cameras that look "
            "at it from different sides."
        )
    centre: Array = np.linalg.solve(normal, right_side)
    if np.median([camera.project(centre)[1] for camera in chosen]) <= 0:
        raise CameraError(f"The {what} of the cameras meet behind them; a rig's cameras must look at one subject.")
    return centre


def pair_fault(a: Camera, b: Camera, centre: ArrayLike) -> str | None:
    """Return why two cameras cannot be rectified for the subject at ``centre`` (3,), or ``None`` where they can.

    The answer continues a sentence that begins with the two cameras: "are 90° apart ...".
    """
    centre = np.asarray(centre, dtype=np.float64)
    baseline = b.centre - a.centre
    length = float(np.linalg.norm(baseline))
    nearer = min(float(np.linalg.norm(camera.centre - centre)) for camera in (a, b))
    if length <= 1e-6 * max(nearer, 1e-300):
        return "stand at the same place; stereo needs a distance between them"
    if nearer <= 1e-6 * length:
        return "cannot be used: one stands in the subject's centre"
    angle = _angle(a.centre - centre, b.centre - centre)
    if angle > MAXIMUM_ANGLE:
        return f"are {angle:.0f}° apart as seen from the subject, more than {MAXIMUM_ANGLE:.0f}°"
    ways = [_angle(baseline, centre - camera.centre) for camera in (a, b)]
    slant = min(min(way, 180.0 - way) for way in ways)
    if slant < MINIMUM_SLANT:
        return (
            f"stand one behind the other: their baseline is {slant:.0f}° from the way to the subject, less than "
            f"{MINIMUM_SLANT:.0f}°"
        )
    if angle < MINIMUM_ANGLE:
        return f"are {angle:.2g}° apart as seen from the subject, less than {MINIMUM_ANGLE:g}°"
    if min(float(camera.project(centre)[1]) for camera in (a, b)) <= 0:
        return "do not both look at the subject"
    shared = common_view(a, b, centre)
    if shared < MINIMUM_OVERLAP:
        return f"have {shared:.0%} of their pictures in common at the subject, less than {MINIMUM_OVERLAP:.0%}"
    return None


def common_view(a: Camera, b: Camera, centre: ArrayLike) -> float:
    """Return how much (0..1) of what one camera sees at the subject's depth the other sees; the larger of both ways.

    The larger, because a close-up lies inside a long shot.
    """
    return max(_share_seen(a, b, centre), _share_seen(b, a, centre))


def neighbouring_pairs(views: Sequence[View], centre: ArrayLike) -> list[Pair]:
    """Return every pair of neighbours around the subject that can be rectified, in the order of the views.

    Two views are neighbours where no third lies between them (the Gabriel graph of the directions from the subject, its
    right angle relaxed so that grids have no diagonals). In a ring these are the consecutive ones; in several rings,
    those above one another as well.
    """
    centre = np.asarray(centre, dtype=np.float64)
    pairs = []
    for i, j in _neighbours(views, centre):
        a, b = views[i].camera, views[j].camera
        if pair_fault(a, b, centre) is None:
            left, right = (i, j) if is_left(a, b) else (j, i)
            angle = _angle(a.centre - centre, b.centre - centre)
            baseline = float(np.linalg.norm(b.centre - a.centre))
            facts = f"{angle:.1f}° apart, baseline {baseline:.3g}, {common_view(a, b, centre):.0%} in common"
            pairs.append(Pair(left, right, 0.5, angle, baseline, facts))
    return pairs


def choose_pair(views: Sequence[View], target: Camera, centre: ArrayLike, pairs: Sequence[Pair] | None = None) -> Pair:
    """Choose the neighbouring pair whose arc around the subject passes nearest to the target's direction.

    For a target in a ring these are the two neighbours on its sides.

    Args:
        views: The candidates; their cameras without lens distortion.
        target: The camera to synthesize.
        centre: (3,) the subject's centre.
        pairs: What :func:`neighbouring_pairs` returns for these views, where that is known already.

    Raises:
        TargetError: If no pair can be rectified, or the target does not see the subject.
    """
    centre = np.asarray(centre, dtype=np.float64)
    if len(views) < 2:
        raise TargetError("A pair needs two views; add a camera beside the one there is.")
    if pairs is None:
        pairs = neighbouring_pairs(views, centre)
    if not pairs:
        raise TargetError(f"No two cameras can be rectified: {_nearest_fault(views, target, centre)}.")
    direction = _target_direction(target, centre)
    places = [_place_on_arc(direction, *_directions(pair, views, centre)) for pair in pairs]
    distances = np.array([distance for distance, _ in places])
    best = int(np.flatnonzero(distances <= distances.min() + _TIE)[0])
    pair, ratio = pairs[best], places[best][1]
    seen = max(common_view(target, views[index].camera, centre) for index in (pair.left, pair.right))
    if seen <= 0:
        raise TargetError("The target sees nothing of the subject; turn it towards what the cameras look at.")
    way = f"at {ratio:.0%} of the way from '{views[pair.left].name}' to '{views[pair.right].name}'"
    beside = float(np.degrees(distances[best]))
    where = f"the target is {way}" + (f", {beside:.0f}° beside it" if beside >= 0.5 else "")
    return Pair(
        pair.left, pair.right, ratio, pair.angle, pair.baseline, f"{where} ({pair.reason})",
        _choices(views, pair, direction, centre), beside,
    )  # fmt: skip


def pair_weights(
    target: Camera, pairs: Sequence[Pair], views: Sequence[View], centre: ArrayLike
) -> NDArray[np.float64]:
    """Return how much (>= 0, sum 1) each pair takes part in a target's picture, continuous in the target's position.

    The pair whose arc is nearest to the target's direction has the largest part; the others' fades out with their
    further distance, over ``BLEND_SHARE`` of the smallest angle of the pairs. At a camera that two pairs share, both
    have one half.

    Args:
        target: The camera to synthesize.
        pairs: At least one, of :func:`neighbouring_pairs`.
        views: What the pairs index.
        centre: (3,) the subject's centre.

    Raises:
        TargetError: If the target stands in the subject's centre.
    """
    centre = np.asarray(centre, dtype=np.float64)
    direction = _target_direction(target, centre)
    distances = np.array([_place_on_arc(direction, *_directions(pair, views, centre))[0] for pair in pairs])
    reach = np.radians(BLEND_SHARE * min(pair.angle for pair in pairs))
    part = np.clip(1.0 - (distances - distances.min()) / reach, 0.0, 1.0)
    part = part * part * (3.0 - 2.0 * part)
    weights: NDArray[np.float64] = part / part.sum()
    return weights


def is_left(a: Camera, b: Camera) -> bool:
    """Whether ``a`` stands on the left of ``b``, by the x axes of both pictures; a tie goes to ``a``."""
    return bool((b.centre - a.centre) @ (a.rotation[0] + b.rotation[0]) >= 0)


def _neighbours(views: Sequence[View], centre: Array) -> list[tuple[int, int]]:
    """Return the neighbours among the views that see the subject's surroundings."""
    used = [index for index, view in enumerate(views) if _sees(view.camera, centre)]
    directions = np.array([_unit(views[index].camera.centre - centre) for index in used]).reshape(-1, 3)
    ways = directions[:, None] - directions  # [j, k]: from k to j
    apart = np.linalg.norm(ways, axis=-1)
    slack = np.cos(np.radians(_BETWEEN_ANGLE))
    found = []
    for i in range(len(used)):
        # A direction k lies between i and j: it sees both under a wide angle and is nearer to each than they are.
        nearer = np.maximum(apart[i], apart) < apart[i][:, None]
        wide = np.einsum("kc,jkc->jk", ways[i], ways) < slack * apart[i] * apart
        alone = ~(nearer & wide).any(axis=1)
        found += [(used[i], used[j]) for j in range(i + 1, len(used)) if alone[j]]
    return found


def _choices(views: Sequence[View], pair: Pair, direction: Array, centre: Array) -> tuple[Choice, ...]:
    """Return the reason of every view: the pair first, then the others by their angle to the target."""
    angles = [_angle(view.camera.centre - centre, direction) for view in views]
    ranked = sorted(range(len(views)), key=lambda index: (round(angles[index], 6), index))
    used, skipped = [], []
    for index in ranked:
        facts = f"{angles[index]:.0f}° from the target as seen from the subject"
        if index in (pair.left, pair.right):
            used.append(Choice(index, True, f"{'left' if index == pair.left else 'right'} of the pair, {facts}"))
        elif not _sees(views[index].camera, centre):
            skipped.append(Choice(index, False, LOOKS_AWAY))
        else:
            skipped.append(Choice(index, False, _why_not(views, pair, index, angles, facts, centre)))
    return tuple(used + skipped)


def _why_not(views: Sequence[View], pair: Pair, index: int, angles: Sequence[float], facts: str, centre: Array) -> str:
    """Return why the view of this index, which sees the subject, is not one of the pair."""
    if angles[index] >= max(angles[pair.left], angles[pair.right]) - 1e-6:
        return f"two views enclose the target more closely ({facts})"
    nearer = pair.left if angles[pair.left] <= angles[pair.right] else pair.right
    fault = pair_fault(views[index].camera, views[nearer].camera, centre)
    if fault is not None:
        return f"it and '{views[nearer].name}' {fault}"
    return f"lies on the same side of the target as '{views[nearer].name}' ({facts})"


def _nearest_fault(views: Sequence[View], target: Camera, centre: Array) -> str:
    """Return what is wrong with the neighbours that are nearest to the target, with the way out."""
    candidates = _neighbours(views, centre)
    if not candidates:
        candidates = [(i, j) for i, j in combinations(range(len(views)), 2)]
    direction = target.centre - centre

    def detour(pair: tuple[int, int]) -> float:
        return sum(_angle(views[index].camera.centre - centre, direction) for index in pair)

    i, j = min(candidates, key=lambda pair: (round(detour(pair), 6), pair))
    fault = pair_fault(views[i].camera, views[j].camera, centre) or "do not look at the subject"
    return f"'{views[i].name}' and '{views[j].name}' {fault}; use a camera that stands between or beside them"


def _place_on_arc(direction: Array, start: Array, end: Array) -> tuple[float, float]:
    """Return a direction's distance (radians) to the arc between two directions and the ratio of its nearest point."""
    across = _unit(end - (end @ start) * start)
    length = float(np.arctan2(end @ across, end @ start))
    along = float(np.arctan2(direction @ across, direction @ start))
    # Beyond an end, the nearer end; the turn of 360 degrees is cut opposite to the arc's middle.
    along = (along - 0.5 * length + np.pi) % (2.0 * np.pi) - np.pi + 0.5 * length
    along = min(max(along, 0.0), length)
    nearest = np.cos(along) * start + np.sin(along) * across
    distance = 2.0 * np.arcsin(min(1.0, 0.5 * float(np.linalg.norm(direction - nearest))))
    return float(distance), along / length


def _directions(pair: Pair, views: Sequence[View], centre: Array) -> tuple[Array, Array]:
    return _unit(views[pair.left].camera.centre - centre), _unit(views[pair.right].camera.centre - centre)


def _target_direction(target: Camera, centre: Array) -> Array:
    away: Array = target.centre - centre
    if np.linalg.norm(away) < 1e-9:
        raise TargetError("The target stands in the subject's centre; move it back.")
    return _unit(away)


def _sees(camera: Camera, centre: Array) -> bool:
    """Whether some of a picture-sized square around the subject's centre lies inside the picture."""
    return _share_around(camera, centre) > 0


def _share_around(camera: Camera, centre: Array) -> float:
    """Return the share of a square around the centre, half as large as the picture, that lies inside the picture."""
    _, depth = camera.project(centre)
    if depth <= 0:
        return 0.0
    half = 0.25 * min(camera.width / camera.fx, camera.height / camera.fy) * float(depth)
    steps = np.linspace(-half, half, _GRID)
    x, y = np.meshgrid(steps, steps)
    points = centre + x.reshape(-1, 1) * camera.rotation[0] + y.reshape(-1, 1) * camera.rotation[1]
    return overlap(camera, points)


def _share_seen(a: Camera, b: Camera, centre: ArrayLike) -> float:
    """Return the share of what ``a`` sees at the centre's depth that ``b`` sees."""
    _, depth = a.project(centre)
    if depth <= 0:
        return 0.0
    x, y = np.meshgrid((np.arange(_GRID) + 0.5) / _GRID * a.width, (np.arange(_GRID) + 0.5) / _GRID * a.height)
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
    return overlap(b, a.unproject(pixels, np.full(len(pixels), float(depth))))


def _centroid(mask: Picture | None, camera: Camera) -> Array:
    """Return the centre of mass of a mask in the camera's pixels."""
    assert mask is not None
    weights = np.asarray(mask, dtype=np.float64)
    x = weights.sum(axis=0) @ (np.arange(mask.shape[1]) + 0.5) / mask.shape[1] * camera.width
    y = weights.sum(axis=1) @ (np.arange(mask.shape[0]) + 0.5) / mask.shape[0] * camera.height
    centroid: Array = np.array([x, y]) / weights.sum()
    return centroid


def _unit(vector: Array) -> Array:
    unit: Array = vector / np.linalg.norm(vector)
    return unit


def _angle(a: Array, b: Array) -> float:
    """Return the angle between two vectors in degrees, exact also where it is small."""
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b)), a @ b)))
