"""The ray caster of the synthetic scenes against solids sampled in float64, and against a camera's own geometry."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from inference.camera import Camera
from training.scenes.objects import random_rotation
from training.scenes.render import directions, visible
from training.scenes.rigs import look
from training.scenes.trace import Tracer
from training.scenes.world import BOX, CYLINDER, ELLIPSOID, QUAD, Material, Packed, Primitive, World, pack

CPU = torch.device("cpu")
PLAIN = Material(0, np.full(3, 0.5), np.eye(3), np.eye(2), np.zeros(2))


def world_of(*primitives: Primitive) -> Packed:
    return pack(World(primitives, (), np.ones((2, 3)), None, np.zeros(3), 0.0), CPU)


def inside(primitive: Primitive, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether points (..., 3) lie in the solid; a quad is given a little thickness."""
    own = (points - primitive.centre) @ primitive.rotation / primitive.scale
    if primitive.kind == BOX:
        return np.abs(own).max(axis=-1) <= 1
    if primitive.kind == ELLIPSOID:
        return np.linalg.norm(own, axis=-1) <= 1
    if primitive.kind == CYLINDER:
        return (np.linalg.norm(own[..., :2], axis=-1) <= 1) & (np.abs(own[..., 2]) <= 1)
    return (np.abs(own[..., :2]).max(axis=-1) <= 1) & (np.abs(own[..., 2]) <= 0.002)


def first_inside(primitive: Primitive, origin: NDArray[np.float64], rays: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where each ray (N, 3) first enters the solid, found by walking along it: no formula of intersection."""
    t = np.linspace(0.0, 2.0, 4001)
    hit = inside(primitive, origin + rays[:, None] * t[None, :, None])
    first = hit.argmax(axis=1)
    low, high = t[np.maximum(first - 1, 0)], t[first]
    for _ in range(30):
        middle = 0.5 * (low + high)
        solid = inside(primitive, origin + rays * middle[:, None])
        low, high = np.where(solid, low, middle), np.where(solid, middle, high)
    return np.where(hit.any(axis=1), high, np.inf)


@pytest.mark.parametrize("kind", [BOX, ELLIPSOID, CYLINDER, QUAD])
def test_hits_are_where_the_solid_begins(kind: int) -> None:
    random, hits = np.random.default_rng(kind), 0
    for _ in range(5):
        scale = random.uniform(0.2, 0.8, 3) if kind != QUAD else np.array([*random.uniform(0.3, 0.8, 2), 1.0])
        primitive = Primitive(kind, random.normal(0, 0.3, 3), scale, random_rotation(random), (PLAIN,))
        origin = random.standard_normal(3)
        origin *= 3.0 / np.linalg.norm(origin)
        rays = (primitive.centre + random.normal(0, 0.4, (200, 3)) - origin).astype(np.float64)
        expected = first_inside(primitive, origin, rays)
        found, number = Tracer(world_of(primitive), origin, np.array([0])).closest(
            torch.from_numpy(rays.T.astype(np.float32))
        )
        t = found.double().numpy()
        # A ray that only grazes may be missed by the walk's steps or by rounding; hits must else agree.
        same = np.isfinite(t) == np.isfinite(expected)
        assert same.mean() > 0.985
        both = np.isfinite(t) & np.isfinite(expected)
        hits += int(both.sum())
        # The walk meets a quad at the face of its small thickness.
        early = 0.002 / np.abs(rays @ primitive.rotation[:, 2]) if kind == QUAD else np.zeros(len(rays))
        assert np.quantile(np.abs(t[both] - expected[both] - early[both]), 0.97) < 2e-4
        assert ((number.numpy() == 0) == np.isfinite(t)).all()
    assert hits > 150


def test_a_room_is_hit_from_inside() -> None:
    room = Primitive(BOX, np.zeros(3), np.array([2.0, 3.0, 4.0]), np.eye(3), (PLAIN,), shell=True)
    rays = torch.tensor([[1.0, 0, 0], [0, 1.0, 0], [0, 0, -1.0], [1.0, 1.0, 1.0]]).T
    t, _ = Tracer(world_of(room), np.array([0.5, 0.0, 0.0]), np.array([0])).closest(rays)
    assert torch.allclose(t, torch.tensor([1.5, 3.0, 4.0, 1.5]), atol=1e-6)


def test_the_nearest_of_all_kinds_wins() -> None:
    random = np.random.default_rng(5)
    things = [
        Primitive(kind, random.normal(0, 0.8, 3), random.uniform(0.1, 0.5, 3), random_rotation(random), (PLAIN,))
        for kind in (BOX, ELLIPSOID, CYLINDER, QUAD) * 4
    ]
    packed, origin = world_of(*things), np.array([-4.0, 0.3, 0.2])
    rays = torch.tensor(random.normal([4, 0, 0], [0, 0.8, 0.8], (500, 3)).T, dtype=torch.float32)
    t, number = Tracer(packed, origin, np.arange(len(things))).closest(rays)
    alone = torch.stack([Tracer(packed, origin, np.array([i])).closest(rays)[0] for i in range(len(things))])
    best = alone.min(dim=0)
    # The last bit of a float depends on how many rays a processor takes at once.
    torch.testing.assert_close(t, best.values, rtol=1e-5, atol=1e-5)
    assert torch.equal(number[torch.isfinite(t)], best.indices[torch.isfinite(t)])
    assert 0.2 < torch.isfinite(t).float().mean() < 1.0


def test_shadow_rays_see_what_stands_between_but_not_their_own_surface() -> None:
    floor = Primitive(QUAD, np.zeros(3), np.array([5.0, 5.0, 1.0]), np.eye(3), (PLAIN,))
    ball = Primitive(ELLIPSOID, np.array([0, 0, 1.0]), np.full(3, 0.5), np.eye(3), (PLAIN,))
    light = np.array([0.0, 0.0, 4.0])
    points = torch.tensor([[0.0, 0, 0], [0.6, 0, 0], [0.7, 0, 0], [2.0, 0, 0], [0, 0, 1.5]]).T
    own = torch.tensor([0, 0, 0, 0, 1])
    blocked = Tracer(world_of(floor, ball), light, np.array([0, 1])).blocked(
        points - torch.tensor(light, dtype=torch.float32)[:, None], own
    )
    # Tangents from the light touch the floor at 4 * tan(asin(0.5 / 3)) = 0.676.
    assert blocked.tolist() == [True, True, False, False, False]


def test_depth_is_measured_along_the_axis_through_pixel_centres() -> None:
    camera = Camera(
        40, 30, 50.0, 52.0, 17.3, 14.1, look(np.array([-3.0, 0.4, 1.0]), np.array([1.0, 0, -0.1]), np.zeros(3))
    )
    wall = Primitive(
        QUAD, np.array([1.0, 0, 0]), np.array([9.0, 9.0, 1.0]), random_rotation(np.random.default_rng(3)), (PLAIN,)
    )
    packed = world_of(wall)
    y, x = torch.meshgrid(torch.arange(30) + 0.5, torch.arange(40) + 0.5, indexing="ij")
    rays = directions(camera, x.reshape(-1), y.reshape(-1))
    depth, _ = Tracer(packed, camera.centre, np.array([0])).closest(rays)
    seen = torch.isfinite(depth).numpy()
    assert seen.mean() > 0.5
    pixels = np.stack([x.reshape(-1).numpy(), y.reshape(-1).numpy()], axis=1)
    points = camera.unproject(pixels[seen], depth.numpy()[seen].astype(np.float64))
    # The unprojected points lie on the wall's plane.
    distance = (points - wall.centre) @ wall.rotation[:, 2]
    assert np.abs(distance).max() < 1e-4


def test_culling_keeps_everything_that_is_seen() -> None:
    random = np.random.default_rng(11)
    things = [
        Primitive(
            int(random.integers(4)),
            random.normal(0, 2, 3),
            random.uniform(0.05, 0.6, 3),
            random_rotation(random),
            (PLAIN,),
        )
        for _ in range(60)
    ]
    packed = world_of(*things)
    kept = []
    for _ in range(10):
        position = random.normal(0, 3, 3)
        camera = Camera(24, 18, 20.0, 20.0, 30.0, -5.0, look(position, -position, random.normal(0, 0.3, 3)))
        y, x = torch.meshgrid(torch.arange(18) + 0.5, torch.arange(24) + 0.5, indexing="ij")
        rays = directions(camera, x.reshape(-1), y.reshape(-1))
        chosen = visible(packed, camera)
        whole = Tracer(packed, camera.centre, np.arange(60)).closest(rays)
        culled = Tracer(packed, camera.centre, chosen).closest(rays)
        torch.testing.assert_close(whole[0], culled[0], rtol=1e-5, atol=1e-5)
        kept.append(len(chosen))
    assert np.mean(kept) < 40
