"""Procedural people: simple bodies of any build in clothes of any pattern, beside the few avatars there are."""

from __future__ import annotations

import numpy as np

from ..scenes.textures import palette, spectral_noise
from .avatar import Avatar, Part, Skeleton, Vector
from .fabrics import cloth_picture, fold_map, skin_picture, to_bytes
from .lofts import Loft, build_part, rounded

Random = np.random.Generator

_ACROSS = np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])  # rings of what hangs, drawn from above: x, front
_OPEN = (False, False)  # no caps
_SIDES = {"Left": 1.0, "Right": -1.0}


def _off(place: Vector, x: float, y: float, z: float) -> Vector:
    moved: Vector = place + np.array([x, y, z])
    return moved


def random_body(random: Random) -> Avatar:
    """Return a person in the rest pose, about 1.75 m tall."""
    build = _Build(random)
    parts = [_skin(random, build), _clothes(random, build), _trousers(random, build), _shoes(random, build)]
    if random.random() < 0.85:
        parts.append(_hair(random, build))
    return Avatar(build.skeleton, tuple(parts))


class _Build:
    """Joints and girths."""

    def __init__(self, random: Random) -> None:
        self.girth = float(np.exp(random.normal(0.0, 0.12)))
        wide, arm, leg = (float(np.exp(random.normal(0.0, s))) for s in (0.07, 0.05, 0.04))
        hip, neck = 0.95 * leg, 0.95 * leg + 0.53
        places: list[tuple[str, str, tuple[float, float, float]]] = [
            ("Hips", "", (0, 0, hip)),
            ("Spine", "Hips", (0, 0, hip + 0.1)),
            ("Spine1", "Spine", (0, 0, hip + 0.2)),
            ("Spine2", "Spine1", (0, 0, hip + 0.31)),
            ("Neck", "Spine2", (0, 0, neck)),
            ("Head", "Neck", (0, -0.01, neck + 0.09)),
            ("HeadEnd", "Head", (0, -0.02, neck + 0.28)),
        ]
        for side, sign in _SIDES.items():
            shoulder = 0.175 * wide
            x = shoulder
            places.append((f"{side}Shoulder", "Spine2", (sign * 0.05, 0, neck - 0.06)))
            for name, parent, step in (("Arm", "Shoulder", 0.0), ("ForeArm", "Arm", 0.26), ("Hand", "ForeArm", 0.24)):
                x += step * arm
                places.append((f"{side}{name}", f"{side}{parent}", (sign * x, 0, neck - 0.07)))
            leg_x = sign * 0.092 * wide
            places += [
                (f"{side}UpLeg", "Hips", (leg_x, 0, hip - 0.03)),
                (f"{side}Leg", f"{side}UpLeg", (leg_x, -0.01, 0.5 * leg)),
                (f"{side}Foot", f"{side}Leg", (leg_x, 0.02, 0.085)),
                (f"{side}ToeBase", f"{side}Foot", (leg_x, -0.11, 0.03)),
            ]
        names = tuple(name for name, _, _ in places)
        parents = tuple(names.index(parent) if parent else -1 for _, parent, _ in places)
        self.skeleton = Skeleton(names, parents, np.array([place for _, _, place in places], dtype=np.float64))

    @property
    def hips(self) -> tuple[float, float]:
        """Half width and depth of the hips, which hold the tops of the legs."""
        return float(self.at("LeftUpLeg")[0]) + 0.093 * self.girth, 0.12 * self.girth

    def joint(self, name: str) -> int:
        return self.skeleton.names.index(name)

    def at(self, name: str) -> Vector:
        place: Vector = self.skeleton.positions[self.joint(name)]
        return place

    def loft(
        self, points: list[Vector], radii: list[tuple[float, float]], axes: Vector, bones: tuple[str, ...],
        ends: tuple[bool, bool] = (True, True), window: tuple[float, float, float, float] = (0, 0, 1, 1),
        draped: bool = False,
    ) -> Loft:  # fmt: skip
        """A tube through ``points``, each bone taking over at its joint; ``draped``: over the legs."""
        line, rings = rounded(np.array(points), np.array(radii), ends)
        length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
        nearest = [int(np.linalg.norm(line - self.at(bone), axis=1).argmin()) for bone in bones]
        starts = tuple(float(length[k] / length[-1]) for k in nearest)
        drape = (self.joint("LeftUpLeg"), self.joint("RightUpLeg")) if draped else None
        return Loft(line, rings, axes, tuple(self.joint(bone) for bone in bones), starts, window=window, drape=drape)

    def arm(self, side: str, until: float, extra: float, window: tuple[float, float, float, float]) -> Loft:
        """The arm or a sleeve, from the shoulder as far as ``until`` (1: the wrist), ``extra`` metres off the skin."""
        a, e, h = self.at(f"{side}Arm"), self.at(f"{side}ForeArm"), self.at(f"{side}Hand")
        start, end = _off(a, -_SIDES[side] * 0.05, 0, -0.01), a + until * (h - a)
        thick = [0.062, 0.052, 0.043, 0.04, 0.03]
        share = np.linspace(0.0, 1.0, 5) * until
        girth = [self.girth * float(np.interp(s, np.linspace(0, 1, 5), thick)) + extra for s in share]
        points = [start + s * (end - start) for s in np.linspace(0, 1, 5)]
        axes = np.array([[0.0, -_SIDES[side], 0.0], [0.0, 0.0, 1.0]])
        bones = [f"{side}Shoulder", f"{side}Arm"] + (
            [f"{side}ForeArm"] if np.linalg.norm(end - a) > np.linalg.norm(e - a) else []
        )
        return self.loft(points, [(g, g) for g in girth], axes, tuple(bones), window=window)

    def leg(
        self, side: str, until: float, extra: float, flare: float, window: tuple[float, float, float, float]
    ) -> Loft:
        """The leg or a trouser leg, from the hip as far as ``until`` (1: the ankle)."""
        top, ankle = self.at(f"{side}UpLeg"), self.at(f"{side}Foot")
        start = _off(top, 0, 0, 0.06)
        points = [start + s * (ankle - start) for s in np.linspace(0, until, 6)]
        thick = [0.088, 0.085, 0.068, 0.055, 0.056, 0.038]
        girth = [
            self.girth * float(np.interp(s, np.linspace(0, 1, 6), thick)) + extra + flare * s
            for s in np.linspace(0, until, 6)
        ]
        bones = ("Hips", f"{side}UpLeg", f"{side}Leg")
        return self.loft(points, [(g, 1.08 * g) for g in girth], _ACROSS, bones, (True, False), window)

    def torso(self, low: float, extra: float, flare: float, window: tuple[float, float, float, float]) -> Loft:
        """The trunk, or what is worn on it, from the neck down to ``low`` metres below the hips."""
        hip, neck = self.at("Hips"), self.at("Neck")
        height = [neck[2] + 0.02, neck[2] - 0.03, neck[2] - 0.09, neck[2] - 0.2, hip[2] + 0.12, hip[2], hip[2] - low]
        wide, (x, y) = abs(self.at("LeftArm")[0]), self.hips
        belly = 0.5 + 0.5 * self.girth
        radii = [
            (0.06, 0.06),
            (0.7 * wide, 0.075),
            (0.98 * wide, 0.1 * self.girth),
            (0.9 * belly * wide, 0.115 * self.girth),
            (0.8 * belly * wide, 0.105 * self.girth),
            (x, y),
            (x + flare, y + flare),
        ]
        grown = [(across + extra, deep + extra) for across, deep in radii]
        points = [np.array([0.0, 0.0, z]) for z in height]
        return self.loft(points, grown, _ACROSS, ("Spine2", "Spine1", "Spine", "Hips"), (True, False), window, True)


def _skin(random: Random, build: _Build) -> Part:
    """Head, neck, arms, hands and legs; what clothes hide stays inside them."""
    head, neck, end = build.at("Head"), build.at("Neck"), build.at("HeadEnd")
    middle = _off(0.5 * (head + end), 0, -0.01, 0)
    place = 0.97 * np.linspace(-1, 1, 15)
    round_off = np.sqrt(1 - place**2)
    rings = [(0.079 * r * (1 - 0.12 * s), 0.1 * r) for s, r in zip(place, round_off, strict=True)]
    throat = [_off(head, 0, 0, 0.02), _off(neck, 0, 0, -0.05)]
    nose = [_off(middle, 0, -0.095, 0.025), _off(middle, 0, -0.112, -0.02)]
    lofts = [
        build.loft([_off(middle, 0, 0, -0.128 * s) for s in place], rings, _ACROSS, ("Head",), _OPEN, (0, 0, 0.5, 0.5)),
        build.loft(throat, [(0.055, 0.06), (0.065, 0.065)], _ACROSS, ("Neck", "Spine2"), window=(0.5, 0, 1, 0.1)),
        build.loft(nose, [(0.01, 0.012), (0.016, 0.014)], _ACROSS, ("Head",), window=(0.6, 0.05, 0.7, 0.1)),
    ]
    for n, (side, sign) in enumerate(_SIDES.items()):
        lofts.append(build.arm(side, 1.0, 0.0, (0.5, 0.1 + 0.2 * n, 1.0, 0.3 + 0.2 * n)))
        lofts.append(build.leg(side, 1.0, 0.0, 0.0, (0.5 * n, 0.5, 0.5 + 0.5 * n, 0.8)))
        hand = build.at(f"{side}Hand")
        axes = np.array([[0.0, -sign, 0.0], [0.0, 0.0, 1.0]])
        window = (0.5 * n, 0.8, 0.5 + 0.5 * n, 1.0)
        palm = [_off(hand, sign * x, 0, 0) for x in (-0.01, 0.03, 0.085)]
        lofts.append(
            build.loft(palm, [(0.026, 0.022), (0.037, 0.017), (0.042, 0.012)], axes, (f"{side}Hand",), window=window)
        )
        for finger in range(4):
            y = 0.029 - 0.0195 * finger
            bent = random.uniform(0.005, 0.04)
            line = [
                _off(hand, sign * x, y, z)
                for x, z in ((0.08, 0.0), (0.12, -0.2 * bent), (0.155 - 0.01 * abs(finger - 1.5), -bent))
            ]
            lofts.append(
                build.loft(line, [(0.01, 0.01), (0.009, 0.009), (0.007, 0.007)], axes, (f"{side}Hand",), window=window)
            )
        thumb = [_off(hand, sign * 0.025, -0.02, 0.0), _off(hand, sign * 0.07, -0.06, -0.015)]
        lofts.append(build.loft(thumb, [(0.014, 0.014), (0.01, 0.01)], axes, (f"{side}Hand",), window=window))
    tone = np.array([0.75, 0.55, 0.43]) ** random.uniform(0.4, 2.2) * np.exp(random.normal(0, 0.05, 3))
    return build_part(random, lofts, skin_picture(random, tone), fold_map(random, 0.15), 0.0)


def _clothes(random: Random, build: _Build) -> Part:
    """A shirt, a jumper or a coat."""
    coat = random.random() < 0.5
    # Over the trousers.
    extra = random.uniform(0.03, 0.045) if coat else random.uniform(0.008, 0.025)
    low, flare = (random.uniform(0.12, 0.45), random.uniform(0.0, 0.06)) if coat else (0.05, 0.0)
    until = random.choice([0.3, 0.45, 0.9, 0.97])
    lofts = [build.torso(low, extra, flare, (0, 0, 2, 2))]
    lofts += [build.arm(side, until, extra + random.uniform(0, 0.012), (0, 0, 1, 1 + round(until))) for side in _SIDES]
    return build_part(random, lofts, cloth_picture(random), fold_map(random, random.uniform(0.3, 1.5)), 0.05)


def _trousers(random: Random, build: _Build) -> Part:
    """Trousers, shorts or a skirt."""
    extra = random.uniform(0.004, 0.02)
    hip = build.at("Hips")
    waist = [_off(hip, 0, 0, 0.09), _off(hip, 0, 0, 0.02), _off(hip, 0, 0, -0.08)]
    across, deep = build.hips
    girth = [
        (0.86 * across + extra, 0.9 * deep + extra),
        (across + extra, deep + extra),
        (across + extra, deep + extra),
    ]
    lofts = [build.loft(waist, girth, _ACROSS, ("Spine", "Hips"), window=(0, 0, 2, 0.5))]
    if random.random() < 0.25:
        length, flare = random.uniform(0.35, 0.7), random.uniform(0.03, 0.14)
        line = [_off(hip, 0, 0, 0.06 - s * length) for s in (0.0, 0.3, 0.6, 1.0)]
        rings = [(girth[2][0] + 0.02 + s * flare, girth[2][1] + 0.03 + s * flare) for s in (0.0, 0.3, 0.6, 1.0)]
        lofts.append(build.loft(line, rings, _ACROSS, ("Hips",), (True, False), (0, 0, 3, 2), True))
    else:
        until, flare = random.choice([0.45, 1.0, 1.0]), random.uniform(-0.01, 0.03)
        lofts += [build.leg(side, until, extra, flare, (0, 0, 1, 2)) for side in _SIDES]
    return build_part(random, lofts, cloth_picture(random), fold_map(random, random.uniform(0.3, 1.5)), 0.05)


def _shoes(random: Random, build: _Build) -> Part:
    lofts = []
    shaft = random.choice([0.0, 0.04, 0.15])
    for side in _SIDES:
        ankle, toe = build.at(f"{side}Foot"), build.at(f"{side}ToeBase")
        axes = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
        line = [
            _off(ankle, 0, 0.05, -0.04),
            _off(ankle, 0, 0, -0.035),
            _off(toe, 0, 0.02, 0.015),
            _off(toe, 0, -0.06, 0.0),
        ]
        lofts.append(
            build.loft(line, [(0.035, 0.045), (0.042, 0.05), (0.047, 0.035), (0.036, 0.025)], axes, (f"{side}Foot",))
        )
        if shaft > 0:
            tube = [_off(ankle, 0, 0, shaft), _off(ankle, 0, 0, -0.05)]
            lofts.append(build.loft(tube, [(0.062, 0.066), (0.05, 0.055)], _ACROSS, (f"{side}Foot",), (False, True)))
    return build_part(random, lofts, cloth_picture(random, plain=0.7), fold_map(random, 0.5), 0.0)


def _hair(random: Random, build: _Build) -> Part:
    """A cap of hair, short or down to the shoulders, that leaves the face free."""
    head, end = build.at("Head"), build.at("HeadEnd")
    middle = _off(0.5 * (head + end), 0, 0.012, 0.02)
    down = random.choice([0.3, 0.5, 1.1, 1.6])
    place = np.linspace(-0.98, down, 14)
    grown = random.uniform(1.04, 1.15)
    line, radii = [], []
    for s in place:
        below = max(s, 0.0)
        full = np.sqrt(1 - s * s) if s < 0 else 1.0 - 0.08 * s
        # From the brows on it moves back behind the face.
        line.append(_off(middle, 0, 0.05 * below + 0.09 * min(below, 0.5), -0.128 * s))
        radii.append((0.083 * grown * full, 0.095 * grown * full * (1 - 0.3 * min(below, 1))))
    colour = np.clip(palette(random, 1)[0] * random.uniform(0.2, 0.8), 0.02, 0.9)
    strands = spectral_noise(random, 0.7, 10.0).T
    picture = to_bytes(colour * (0.5 + strands[..., None]))
    lofts = [build.loft(line, radii, _ACROSS, ("Head",), _OPEN)]
    return build_part(random, lofts, picture, fold_map(random, 0.8), 0.04)
