"""The rasteriser of people against rays in float64: what covers a pixel, how deep it is, and which texel it shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from inference.camera import Camera
from inference.colour import from_linear, to_linear
from training.people.rasterize import Lights, Mesh, Textures, rasterize, surface_tangents
from training.scenes.rigs import look

Vector = NDArray[np.float64]

DAYLIGHT = Lights(np.zeros((0, 3)), np.zeros((0, 3)), np.ones((2, 3)))
FLAT = np.full((2, 2, 3), (128, 128, 255), np.uint8)


def make_mesh(positions: Vector, texcoords: Vector, triangles: NDArray[np.int32], colour: Vector) -> Mesh:
    """A mesh without highlights whose normals all look up, and so get the light of the sky alone."""
    count = len(positions)
    return Mesh(
        positions=positions,
        normals=np.tile([0.0, 0.0, 1.0], (count, 1)),
        texcoords=texcoords,
        tangents=np.zeros((count, 6)),
        openness=np.ones(count),
        triangles=triangles,
        materials=np.zeros(len(triangles), np.int32),
        colours=Textures.of([colour.astype(np.float32)]),
        bumps=Textures.of([FLAT]),
        gloss=np.array([[0.0, 1.0]]),
    )


def ramp(side: int) -> Vector:
    """A texture whose red is u and whose green is v, from 0.1 to 0.7."""
    place = 0.1 + 0.6 * (np.arange(side) + 0.5) / side
    return np.stack([np.tile(place, (side, 1)), np.tile(place[:, None], (1, side)), np.full((side, side), 0.3)], axis=2)


def soup(seed: int) -> tuple[Mesh, Camera]:
    random = np.random.default_rng(seed)
    corners = random.uniform(-0.8, 0.8, (40, 1, 3)) + random.normal(0, 0.25, (40, 3, 3))
    texcoords = random.uniform(0.1, 0.9, (120, 2))
    triangles = np.arange(120, dtype=np.int32).reshape(40, 3)
    position = np.array([0.5, -3.0, 0.8])
    camera = Camera(52, 44, 60.0, 57.0, 24.3, 23.9, look(position, -position, np.array([0.0, 0.1, 0.3])))
    return make_mesh(corners.reshape(-1, 3), texcoords, triangles, ramp(64)), camera


def cast(mesh: Mesh, camera: Camera, pixels: Vector) -> tuple[Vector, NDArray[np.int64], Vector]:
    """Depth, triangle (-1: none) and texture coordinates seen through pixels (N, 2), by meeting planes."""
    origin, ends = camera.centre, camera.unproject(pixels, np.ones(len(pixels)))
    a, b, c = (mesh.positions[mesh.triangles[:, k]] for k in range(3))
    nearest, owner, seen = np.full(len(pixels), np.inf), np.full(len(pixels), -1), np.zeros((len(pixels), 2))
    for n, end in enumerate(ends):
        ray = end - origin
        # origin + t ray = a + u (b - a) + v (c - a)
        system = np.stack([np.broadcast_to(-ray, a.shape), b - a, c - a], axis=2)
        t, u, v = np.linalg.solve(system, (origin - a)[..., None])[..., 0].T
        t = np.where((u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0), t, np.inf)
        k = int(np.argmin(t))
        if np.isfinite(t[k]):
            nearest[n], owner[n] = t[k], k
            ta, tb, tc = mesh.texcoords[mesh.triangles[k]]
            seen[n] = (1 - u[k] - v[k]) * ta + u[k] * tb + v[k] * tc
    return nearest, owner, seen


def test_masks_depths_and_textures_are_those_of_rays() -> None:
    mesh, camera = soup(3)
    picture = rasterize(mesh, camera, DAYLIGHT)
    y, x = np.mgrid[0:44, 0:52]
    offsets = (np.arange(3) + 0.5) / 3
    pixels = np.stack(
        [np.add.outer(x, np.tile(offsets, 3)).ravel(), np.add.outer(y, np.repeat(offsets, 3)).ravel()], axis=1
    )
    depth, owner, seen = (values.reshape(44, 52, 9, -1) for values in cast(mesh, camera, pixels))
    covered = np.isfinite(depth[..., 0])
    assert 0.2 < covered.mean() < 0.9
    np.testing.assert_allclose(picture.mask, covered.mean(axis=2), atol=1e-6)
    centre = np.where(covered[:, :, 4], depth[:, :, 4, 0], 0.0)
    np.testing.assert_allclose(picture.depth, centre, atol=1e-4)
    # Where one triangle fills a pixel, the colour is the texture in its middle.
    whole = (owner[..., 0] == owner[:, :, :1, 0]).all(axis=2) & covered.all(axis=2)
    assert whole.sum() > 200
    found = to_linear(picture.rgb)[whole][:, :2]
    np.testing.assert_allclose(found, 0.1 + 0.6 * seen[:, :, 4][whole], atol=6e-3)
    assert np.abs(found - (0.1 + 0.6 * seen[:, :, 4][whole])).mean() < 5e-4


def test_edges_of_pixels_are_at_whole_numbers() -> None:
    camera = Camera(
        40, 36, 50.0, 45.0, 19.0, 17.5, look(np.array([1.0, 2.0, 3.0]), np.array([1.0, 1.0, -0.5]), np.zeros(3))
    )
    corners = np.array([[7.0, 9.0], [21.0, 9.0], [21.0, 30.0], [7.0, 30.0]])
    positions = camera.unproject(corners, np.full(4, 3.0))
    mesh = make_mesh(positions, np.zeros((4, 2)), np.array([[0, 1, 2], [0, 2, 3]], np.int32), np.full((4, 4, 3), 0.5))
    picture = rasterize(mesh, camera, DAYLIGHT)
    expected = np.zeros((36, 40))
    expected[9:30, 7:21] = 1.0
    np.testing.assert_allclose(picture.mask, expected)
    np.testing.assert_allclose(picture.depth, 3.0 * expected, atol=1e-5)
    np.testing.assert_allclose(picture.rgb[9:30, 7:21], from_linear(np.float32([0.5]))[0], atol=1e-3)
    # The colour goes on for two pixels, so that a resampled edge stays clean.
    np.testing.assert_allclose(picture.rgb[7, 7:21], picture.rgb[9, 7:21], atol=1e-6)
    assert not picture.rgb[5].any()


def test_a_bent_sheet_has_no_cracks() -> None:
    random = np.random.default_rng(1)
    camera = Camera(64, 64, 70.0, 70.0, 32.0, 32.0, np.eye(4))
    y, x = np.mgrid[-20:85:7.0, -20:85:7.0]
    pixels = np.stack([x.ravel(), y.ravel()], axis=1) + random.uniform(-2, 2, (x.size, 2))
    positions = camera.unproject(pixels, random.uniform(2.0, 2.5, x.size))
    index = np.arange(x.size).reshape(x.shape)
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, 1:].ravel(), index[1:, :-1].ravel()
    triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([a, c, d], axis=1)]).astype(np.int32)
    picture = rasterize(make_mesh(positions, np.zeros((x.size, 2)), triangles, np.ones((1, 1, 3))), camera, DAYLIGHT)
    assert (picture.mask == 1.0).all()


def facing_square(texcoords: float, colour: Vector, distance: float) -> Mesh:
    corners = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    positions = np.concatenate([corners, np.full((4, 1), distance)], axis=1)
    triangles = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
    return make_mesh(positions, texcoords * (corners + 1) / 2, triangles, colour)


def test_fine_patterns_become_grey_and_coarse_ones_stay() -> None:
    checks = np.indices((256, 256)).sum(axis=0) % 2 * np.ones((3, 1, 1)) * 0.6 + 0.1
    camera = Camera(32, 32, 32.0, 32.0, 16.0, 16.0, np.eye(4))
    far = to_linear(rasterize(facing_square(1.0, checks.transpose(1, 2, 0), 2.0), camera, DAYLIGHT).rgb)
    assert np.abs(far[2:-2, 2:-2] - 0.4).max() < 0.03
    near = to_linear(rasterize(facing_square(8 / 256, checks.transpose(1, 2, 0), 2.0), camera, DAYLIGHT).rgb)
    assert near[2:-2, 2:-2].std() > 0.09  # 0.3 / 3 for bilinear checks


def test_normal_maps_tilt_the_surface() -> None:
    mesh = facing_square(1.0, np.full((8, 8, 3), 0.5), 2.0)
    normals = np.tile([0.0, 0.0, -1.0], (4, 1))
    tilted = np.full((8, 8, 3), (204, 128, 230), np.uint8)  # to the right, by about 37 degrees
    camera = Camera(16, 16, 16.0, 16.0, 8.0, 8.0, np.eye(4))
    mesh = replace(
        mesh,
        normals=normals,
        tangents=surface_tangents(mesh.positions, mesh.texcoords, normals, mesh.triangles),
        bumps=Textures.of([tilted]),
    )
    direction = np.array([0.6, 0.0, -0.8])
    lights = Lights(direction[None], np.ones((1, 3)), np.zeros((2, 3)))
    bump = np.array([204, 128, 230]) / 127.5 - 1.0
    normal = np.array([bump[0], -bump[1], -bump[2]]) / np.linalg.norm(bump)  # u runs along +x; up is -y
    light = to_linear(rasterize(mesh, camera, lights).rgb)[8, 8, 0]
    np.testing.assert_allclose(light, 0.5 * normal @ direction, atol=2e-3)
