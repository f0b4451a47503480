from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inference.camera import Array, Camera, Distortion
from inference.capture import read_capture
from inference.capture.depth_range import DepthRange, find_depth_range, range_of_points, target_depth_range
from inference.capture.photographs import Photographs, load_photograph
from inference.capture.triangulation import epipolar_distance, neighbouring_pairs, triangulate
from inference.errors import Cancelled, DepthRangeError
from inference.view import Capture, View
from tests.shared_data import CAPTURES

NEAR, FAR = 3.0, 5.0
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="needs the shared captures")


def camera(x: float, size: int = 240) -> Camera:
    """A camera at (x, 0, 0) that looks along z."""
    pose = np.eye(4)
    pose[0, 3] = -x
    return Camera(size, size, size * 1.2, size * 1.2, size / 2, size / 2, pose)


def texture(seed: int) -> np.ndarray:  # type: ignore[type-arg]
    """Spots of all sizes, which no other place looks like."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.normal(size=(n, n)), (600, 600), interpolation=cv2.INTER_CUBIC) for n in (30, 75, 150)]
    total = np.sum(layers, axis=0)
    return np.asarray((total - total.min()) / (total.max() - total.min()))


def picture_of(target: Camera) -> np.ndarray:  # type: ignore[type-arg]
    """The picture of a wall at FAR whose right half is hidden by another at NEAR."""
    x, y = np.meshgrid(np.arange(target.width) + 0.5, np.arange(target.height) + 0.5)
    result = np.zeros((target.height, target.width))
    for seed, depth in ((1, FAR), (2, NEAR)):
        points = target.unproject(np.stack([x, y], axis=-1), np.full(x.shape, depth))
        u, v = ((points[..., axis] / depth * 200 + 300).astype(np.float32) for axis in (0, 1))
        wall = cv2.remap(texture(seed), u, v, cv2.INTER_LINEAR)
        result = np.where((depth == FAR) | (points[..., 0] > 0.05), wall, result)
    return np.repeat(result[..., None], 3, axis=2).astype(np.float32)


@pytest.fixture(scope="module")
def walls() -> Capture:
    cameras = [camera(x) for x in (0.0, 0.25, 0.5)]
    return Capture(tuple(View(str(index), one, picture_of(one)) for index, one in enumerate(cameras)))


def points_at(depths: list[float], count: int = 100) -> Array:
    rng = np.random.default_rng(0)
    return np.column_stack([rng.uniform(-0.3, 0.3, size=(count, 2)), np.resize(depths, count)])


def test_a_given_range_is_taken_as_it_is() -> None:
    capture = Capture((View("a", camera(0.0), np.zeros((240, 240, 3), np.float32)),), points_at([1.0]), 2.0, 7.0)
    assert find_depth_range(capture, Photographs()) == DepthRange(2.0, 7.0, "given")


def test_sparse_points_without_their_outliers() -> None:
    depths = points_at(list(np.linspace(4.0, 6.0, 300)), 300)
    depths[0, 2], depths[1, 2] = 0.01, 900.0
    behind = np.column_stack([np.zeros((50, 2)), np.full(50, -3.0)])
    aside = np.column_stack([np.full((50, 1), 99.0), np.zeros((50, 1)), np.full((50, 1), 2.0)])
    views = (View("a", camera(0.0), np.zeros((240, 240, 3), np.float32)),)
    found = find_depth_range(Capture(views, np.concatenate([depths, behind, aside])), Photographs())
    assert found.origin == "sparse points"
    assert found.near == pytest.approx(0.9 * 4.0, rel=0.01)
    assert found.far == pytest.approx(1.1 * 6.0, rel=0.01)


def test_few_points_are_not_enough() -> None:
    assert range_of_points([camera(0.0)], points_at([4.0, 5.0], 19), (1.0, 99.0)) is None
    assert range_of_points([camera(0.0)], points_at([4.0, 5.0], 20), (1.0, 99.0)) is not None
    # The same few seen often are still few.
    assert range_of_points([camera(0.0)] * 5, points_at([4.0, 5.0], 19), (1.0, 99.0)) is None


def test_points_are_triangulated_where_there_are_none(walls: Capture) -> None:
    photographs = Photographs()
    points = triangulate(walls, photographs)
    assert len(points) > 100
    # Every point lies on one of the walls.
    off = np.minimum(np.abs(points[:, 2] / FAR - 1), np.abs(points[:, 2] / NEAR - 1))
    assert np.percentile(off, 95) < 0.02
    stages: list[str] = []
    found = find_depth_range(walls, photographs, lambda fraction, stage: stages.append(stage))
    assert found.origin == "triangulated"
    assert found.near == pytest.approx(0.9 * NEAR, rel=0.03)
    assert found.far == pytest.approx(1.1 * FAR, rel=0.03)
    assert set(stages) == {"Finding features", "Matching features"}


def test_lens_distortion_is_taken_out_before_matching(walls: Capture) -> None:
    lens = Distortion("opencv", (-0.15,))
    views = []
    for view in walls:
        stored = replace(view.camera, distortion=lens)
        # The stored picture of this lens: where every stored pixel's ray meets the ideal picture.
        x, y = np.meshgrid(np.arange(240.0), np.arange(240.0))
        K = stored.intrinsics - np.array([[0, 0, 0.5], [0, 0, 0.5], [0, 0, 0]])
        ideal = cv2.undistortPoints(np.stack([x, y], -1).reshape(-1, 1, 2), K, np.array([-0.15, 0, 0, 0]), P=K)
        u, v = (ideal.reshape(240, 240, 2)[..., axis].astype(np.float32) for axis in (0, 1))
        image = cv2.remap(np.asarray(view.image), u, v, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        views.append(View(view.name, stored, np.clip(image, 0, 1).astype(np.float32)))
    points = triangulate(Capture(tuple(views)), Photographs())
    off = np.minimum(np.abs(points[:, 2] / FAR - 1), np.abs(points[:, 2] / NEAR - 1))
    assert len(points) > 60 and np.median(off) < 0.01


def test_masked_features_do_not_count(walls: Capture) -> None:
    nothing = np.zeros((240, 240), np.float32)
    masked = Capture(tuple(View(view.name, view.camera, view.image, nothing) for view in walls))
    with pytest.raises(DepthRangeError, match="give the near and the far depth"):
        find_depth_range(masked, Photographs())


@pytest.mark.parametrize("places", [(0.0,), (0.0, 0.0)])
def test_a_capture_without_parallax_asks_for_its_range(places: tuple[float, ...]) -> None:
    capture = Capture(tuple(View(str(i), camera(x), picture_of(camera(x))) for i, x in enumerate(places)))
    with pytest.raises(DepthRangeError, match="give the near and the far depth"):
        find_depth_range(capture, Photographs())


def test_matching_can_be_cancelled(walls: Capture) -> None:
    def stop(fraction: float, stage: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        triangulate(walls, Photographs(), stop)


def test_a_targets_range_is_of_what_it_sees() -> None:
    scene = DepthRange(1.0, 50.0, "sparse points")
    left, right = points_at([4.0, 5.0]), points_at([20.0, 30.0]) + np.array([20.0, 0.0, 0.0])
    points = np.concatenate([left, right])
    around = [camera(-1.0), camera(1.0)]
    found = target_depth_range(camera(0.0), around, points, scene)
    assert (found.near, found.far) == pytest.approx((3.6, 5.5))
    assert target_depth_range(camera(-50.0), around, points, scene) == scene
    assert target_depth_range(camera(0.0), around, None, scene) == scene
    given = DepthRange(1.0, 50.0, "given")
    assert target_depth_range(camera(0.0), around, points, given) == given


@pytest.mark.parametrize(
    ("ahead", "near", "far"), [(0.0, 2.0, 9.0), (0.5, 1.5, 9.0), (-0.5, 2.0, 9.5), (5.0, 0.4, 9.0)]
)
def test_a_target_in_front_of_all_sources_looks_closer(ahead: float, near: float, far: float) -> None:
    pose = np.eye(4)
    pose[2, 3] = -ahead  # the cameras look along z
    target = replace(camera(0.0), world_to_camera=pose)
    found = target_depth_range(target, [camera(-1.0), camera(1.0)], None, DepthRange(2.0, 9.0, "given"))
    assert (found.near, found.far) == pytest.approx((near, far))


def test_a_source_that_fades_out_is_neither_the_first_nor_the_last() -> None:
    poses = [np.eye(4) for _ in range(3)]
    poses[0][2, 3], poses[2][2, 3] = 0.5, -0.5  # the first stands behind the target, the last before it
    sources = [replace(camera(0.0), world_to_camera=pose) for pose in poses]
    scene = DepthRange(2.0, 9.0, "given")
    gone, going, there = (
        target_depth_range(camera(0.0), sources[:2], None, scene, (1.0, presence)) for presence in (1e-6, 0.4, 1.0)
    )
    assert (there.near, gone.near) == pytest.approx((2.0, 1.5), abs=1e-5)
    assert gone.near < going.near < there.near
    assert target_depth_range(camera(0.0), sources, None, scene, (1.0, 1.0, 1.0)) == scene


def test_pairs_are_neighbours_that_look_the_same_way_from_other_places() -> None:
    cameras = [camera(x) for x in (0.0, 0.0, 0.1, 0.2, 3.0, 3.1)]
    away = camera(0.05)
    turned = away.world_to_camera.copy()
    turned[:3, :3] = np.diag([-1.0, 1.0, -1.0])
    cameras.append(replace(away, world_to_camera=turned))
    pairs = neighbouring_pairs(cameras, 10)
    assert (4, 5) in pairs and (2, 3) in pairs
    assert (0, 1) not in pairs and all(6 not in pair for pair in pairs)
    few = neighbouring_pairs([camera(float(x)) for x in range(30)], 4)
    assert len(few) == 4 and few[-1][0] - few[0][0] > 20


@needs_captures
@pytest.mark.parametrize(("name", "median"), [("skull", 0.27), ("livingroom", 0.50)])
def test_epipolar_error_of_real_captures_stays_what_it_is(name: str, median: float) -> None:
    # The medians were measured by matching the stored pictures and undistorting the matches alone.
    capture = read_capture(CAPTURES / name)
    distances = []
    pairs_of = {
        "skull": neighbouring_pairs([view.camera for view in capture], 4),
        "livingroom": [(0, 1), (4, 5), (8, 9)],
    }
    for first, second in pairs_of[name]:
        found = []
        for index in (first, second):
            photograph = load_photograph(capture.views[index])
            grey = cv2.cvtColor((photograph.rgb * 255).astype(np.uint8), cv2.COLOR_RGB2GRAY)
            keypoints, descriptors = cv2.SIFT.create(1500).detectAndCompute(grey, np.ones_like(grey))
            found.append((photograph.camera, np.array([k.pt for k in keypoints]) + 0.5, descriptors))
        pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(found[0][2], found[1][2], k=2)
        matches = [(best.queryIdx, best.trainIdx) for best, other in pairs if best.distance < 0.75 * other.distance]
        a, b = np.array(matches).T
        distances.append(epipolar_distance(found[0][0], found[1][0], found[0][1][a], found[1][1][b]))
    assert np.median(np.concatenate(distances)) < median


@needs_captures
@pytest.mark.parametrize("name", ["printer"])
def test_triangulated_ranges_of_real_captures(name: str) -> None:
    capture = read_capture(CAPTURES / name)
    assert capture.depth_near is not None and capture.depth_far is not None
    bare = replace(capture, points=None, depth_near=None, depth_far=None)
    found = find_depth_range(bare, Photographs())
    # The stated ranges leave the same room around other points.
    assert found.near == pytest.approx(capture.depth_near, rel=0.2)
    assert found.far == pytest.approx(capture.depth_far, rel=0.2)
