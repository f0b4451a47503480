"""One training sample: a person, two neighbouring cameras, and what stands between them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.camera import Camera

from .bodies import random_body
from .lighting import random_lights
from .model import middle, posed_mesh
from .persons import cached_avatar, cached_wardrobes, training_avatars
from .poses import random_pose
from .rasterize import Floats, Lights, Mesh, rasterize
from .recolour import random_clothes
from .rigs import random_rig, random_ring

_PROCEDURAL = 0.25  # of the samples: bodies of our own
_DRESSED = 0.85  # of the avatars: in other colours than their own


@dataclass(frozen=True, eq=False)
class PersonPicture:
    """One rendered view.

    Args:
        camera: Without distortion.
        rgb: (H, W, 3) sRGB in [0, 1], not premultiplied; the person's colours go on for two pixels around the mask.
        mask: (H, W) coverage in [0, 1].
        depth: (H, W) z at the pixels' centres in scene units, 0 where nothing is.
    """

    camera: Camera
    rgb: Floats
    mask: Floats
    depth: Floats


@dataclass(frozen=True, eq=False)
class PersonSample:
    """What a pair of cameras sees of a person.

    Args:
        sources: Two neighbours, left and right in random order.
        targets: Views between them, some a little off the arc.
        centre: (3,) the person's middle.
        others: What the other cameras of the rig see, in pictures half as large.
    """

    sources: tuple[PersonPicture, PersonPicture]
    targets: tuple[PersonPicture, ...]
    centre: NDArray[np.float64]
    others: tuple[PersonPicture, ...]


def draw_sample(seed: int, size: int, people: Path | None, targets: int = 1) -> PersonSample:
    """Return a sample; the same for the same arguments.

    Args:
        seed: Not negative.
        size: Side of the square pictures in pixels.
        people: Folder of avatars, three quarters of the samples; ``None``: procedural bodies only.
        targets: How many views between the sources.

    Raises:
        CaptureError: If the folder holds no avatars to train on, or one cannot be read.
    """
    random = np.random.default_rng([seed, 0xB0D1E5])
    mesh = _random_person(random, people)
    lights = random_lights(random)
    sources, between, others = random_rig(random, random_ring(random, mesh.positions, size), targets)
    first, second, *seen = (picture(mesh, camera, lights) for camera in (*sources, *between))
    small = (picture(mesh, camera.resized(size // 2, size // 2), lights) for camera in others)
    return PersonSample((first, second), tuple(seen), middle(mesh), tuple(small))


def picture(mesh: Mesh, camera: Camera, lights: Lights) -> PersonPicture:
    """Render a view."""
    rendered = rasterize(mesh, camera, lights)
    return PersonPicture(camera, rendered.rgb, rendered.mask, rendered.depth)


def _random_person(random: np.random.Generator, people: Path | None) -> Mesh:
    if people is None or random.random() < _PROCEDURAL:
        avatar, clothes = random_body(random), None
    else:
        files = training_avatars(people)
        file = files[int(random.integers(len(files)))]
        avatar = cached_avatar(file)
        clothes = random_clothes(random, avatar, cached_wardrobes(file)) if random.random() < _DRESSED else None
    gloss = [(random.uniform(0.0, 0.12), random.uniform(5.0, 40.0)) for _ in avatar.parts]
    return posed_mesh(avatar, random_pose(random, avatar.skeleton), random.uniform(1.45, 2.0), clothes, gloss)
