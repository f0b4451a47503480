"""Natural poses: people who stand, walk, gesture and look around, within the limits of their joints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..scenes.rigs import turn
from .avatar import Skeleton, Vector
from .skinning import Pose, Posed, pose_skeleton

Random = np.random.Generator

_MIRROR = np.diag([-1.0, 1.0, 1.0])
_TRIES = 30

# Limbs as capsules: from joint, to joint, radius in metres with clothes on.
_TORSO = (("Hips", "Neck", 0.17), ("Neck", "HeadEnd", 0.12))
_LEGS = (("UpLeg", "Leg", 0.095), ("Leg", "Foot", 0.065))
_ARM = (("ForeArm", "Hand", 0.04), ("Hand", "FingerEnd", 0.05))


def rotation(left: float, up: float, front: float) -> Vector:
    """Return the rotation (3, 3) about the body's axes by a rotation vector in degrees, right-handed.

    Positive ``left`` nods, positive ``up`` turns to the body's left, positive ``front`` lifts its left side.
    """
    return turn(np.radians([left, -front, up]))


def random_pose(random: Random, skeleton: Skeleton) -> Pose:
    """Return a pose in which no arm runs through the body and no leg through the other."""
    for _ in range(_TRIES):
        pose = _draw(random)
        if is_clear(skeleton, pose_skeleton(skeleton, pose)):
            return pose
    return _standing()


def _standing() -> dict[str, Vector]:
    pose = {"LeftArm": rotation(0, 0, -62), "LeftForeArm": rotation(0, -12, 0)}
    return pose | {f"Right{name[4:]}": _MIRROR @ turned @ _MIRROR for name, turned in pose.items()}


def _draw(random: Random) -> dict[str, Vector]:
    pose = _trunk(random)
    legs = _LEG_KINDS[int(random.choice(len(_LEG_KINDS), p=[0.5, 0.35, 0.15]))](random)
    sides = random.permutation(2)
    for side, leg in zip(sides, legs, strict=True):
        # Most people hold their arms alike.
        if side == sides[0] or random.random() < 0.5:
            kind = _ARM_KINDS[int(random.choice(len(_ARM_KINDS), p=[0.45, 0.25, 0.15, 0.15]))]
        for name, turned in (leg | kind(random) | _fingers(random)).items():
            pose[("Left" if side == 0 else "Right") + name] = turned if side == 0 else _MIRROR @ turned @ _MIRROR
    return pose


def _trunk(random: Random) -> dict[str, Vector]:
    lean, twist, tilt = random.normal(2, 6), np.clip(random.normal(0, 14), -35, 35), random.normal(0, 4)
    pose = {name: rotation(lean / 3, twist / 3, tilt / 3) for name in ("Spine", "Spine1", "Spine2")}
    nod, yaw, roll = np.clip(random.normal(2, 10), -25, 25), np.clip(random.normal(0, 25), -60, 60), random.normal(0, 5)
    pose |= {name: rotation(nod / 2, yaw / 2, roll / 2) for name in ("Neck", "Head")}
    eyes = rotation(np.clip(random.normal(0, 4), -8, 8), np.clip(random.normal(0, 8), -20, 20), 0)
    return pose | {"LeftEye": eyes, "RightEye": eyes}


# Each returns the joints of a left limb, named without the side.


def _arm(swing: float, down: float, twist: float, elbow: float, turned: float) -> dict[str, Vector]:
    """An arm lowered from the T-pose, swung forward, twisted about itself, with bent elbow and turned forearm."""
    share = 0.15 * down  # the collar bone takes its part
    return {
        "Shoulder": rotation(0, 0, -share),
        "Arm": rotation(-swing, 0, 0) @ rotation(0, 0, share - down) @ rotation(twist, 0, 0),
        "ForeArm": rotation(0, -elbow, 0) @ rotation(turned, 0, 0),
    }


def _arm_hanging(random: Random) -> dict[str, Vector]:
    return _arm(
        random.normal(3, 12), random.uniform(60, 82), random.normal(0, 8), random.uniform(4, 35), random.normal(0, 15)
    )


def _arm_gesturing(random: Random) -> dict[str, Vector]:
    return _arm(
        random.uniform(0, 45), random.uniform(45, 78), random.normal(0, 15), random.uniform(50, 115),
        random.uniform(-50, 20),
    )  # fmt: skip


def _arm_raised(random: Random) -> dict[str, Vector]:
    return _arm(
        random.uniform(-5, 30), random.uniform(-45, 20), random.normal(0, 15), random.uniform(5, 100),
        random.normal(0, 15),
    )  # fmt: skip


def _arm_spread(random: Random) -> dict[str, Vector]:
    return _arm(
        random.normal(5, 15), random.uniform(15, 60), random.normal(0, 10), random.uniform(2, 50), random.normal(0, 15)
    )


def _fingers(random: Random) -> dict[str, Vector]:
    curl = float(random.choice([random.uniform(2, 12), random.uniform(10, 30), random.uniform(35, 65)]))
    pose = {"Hand": rotation(0, random.normal(0, 8), np.clip(random.normal(-4, 12), -35, 30))}
    for finger in ("Index", "Middle", "Ring", "Pinky"):
        own = curl * random.uniform(0.8, 1.2)
        pose |= {f"Hand{finger}{link}": rotation(0, 0, -own) for link in (1, 2, 3)}
    return pose | {f"HandThumb{link}": rotation(0, 0.3 * curl, -0.15 * curl) for link in (2, 3)}


def _leg(swing: float, spread: float, turned: float, knee: float) -> dict[str, Vector]:
    """A leg swung forward, spread and turned outwards, with the foot parallel to the ground unless the knee says no."""
    heel = float(np.clip(swing - knee, -35, 25))
    return {
        "UpLeg": rotation(0, turned, 0) @ rotation(0, 0, spread) @ rotation(-swing, 0, 0),
        "Leg": rotation(knee, 0, 0),
        "Foot": rotation(0.9 * heel, 0, -0.7 * spread),
    }


def _legs_standing(random: Random) -> tuple[dict[str, Vector], dict[str, Vector]]:
    spread = random.uniform(0, 9)
    free = random.uniform(0, 14)  # the leg that carries less
    return (
        _leg(random.normal(0, 2), spread, random.uniform(0, 15), random.uniform(0, 4)),
        _leg(free, spread, random.uniform(0, 22), free * random.uniform(1.0, 1.6)),
    )


def _legs_walking(random: Random) -> tuple[dict[str, Vector], dict[str, Vector]]:
    stride, spread = random.uniform(8, 28), random.uniform(0, 3)
    return (
        _leg(stride, spread, random.uniform(0, 8), random.uniform(2, 14)),
        _leg(-0.7 * stride, spread, random.uniform(0, 10), random.uniform(5, 40)),
    )


def _legs_wide(random: Random) -> tuple[dict[str, Vector], dict[str, Vector]]:
    spread, squat = random.uniform(8, 22), random.uniform(0, 35)
    return (
        _leg(squat + random.normal(0, 4), spread, random.uniform(5, 25), 1.7 * squat),
        _leg(squat + random.normal(0, 4), spread, random.uniform(5, 25), 1.7 * squat),
    )


_Limb = Callable[[Random], dict[str, Vector]]
_ARM_KINDS: tuple[_Limb, ...] = (_arm_hanging, _arm_gesturing, _arm_raised, _arm_spread)
_LEG_KINDS = (_legs_standing, _legs_walking, _legs_wide)


def is_clear(skeleton: Skeleton, posed: Posed) -> bool:
    """Whether the arms keep clear of trunk, head, legs and each other, and the legs of each other."""
    place = dict(zip(skeleton.names, posed.positions, strict=True))
    for side in ("Left", "Right"):
        hand, elbow = place[f"{side}Hand"], place[f"{side}ForeArm"]
        place[f"{side}FingerEnd"] = hand + 0.16 * (hand - elbow) / np.linalg.norm(hand - elbow)
    torso = [_capsule(place, "", *limb) for limb in _TORSO]
    arms, legs = (
        [[_capsule(place, side, *limb) for limb in limbs] for side in ("Left", "Right")] for limbs in (_ARM, _LEGS)
    )
    around = torso + legs[0] + legs[1]
    apart = [(arm, other) for arm in arms[0] + arms[1] for other in around]
    apart += [(a, b) for limbs in (arms, legs) for a in limbs[0][-1:] for b in limbs[1]]
    apart += [(a, b) for limbs in (arms, legs) for a in limbs[0][:-1] for b in limbs[1][-1:]]
    return all(_distance(a[0], b[0]) > a[1] + b[1] for a, b in apart)


def _capsule(place: dict[str, Vector], side: str, start: str, end: str, radius: float) -> tuple[Vector, float]:
    """Return points (8, 3) along a limb, and its radius."""
    return np.linspace(place[side + start], place[side + end], 8), radius


def _distance(a: Vector, b: Vector) -> float:
    return float(np.linalg.norm(a[:, None] - b[None], axis=2).min())
