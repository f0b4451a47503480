"""What the display shows: instances where the Gaussians are, and a rendered picture that agrees with the projection."""

from pathlib import Path

import bpy
import numpy as np
import pytest

from tests.blender.gaussian_clouds import covariances, module, random_cloud

# Share of a Gaussian's variance that is left when it ends at three standard deviations.
TRUNCATED = 1 - 4.5 * np.exp(-4.5) / (1 - np.exp(-4.5))


@pytest.fixture
def gaussians(blank: None, extension: str):
    return module(extension, "scene.gaussians")


def instances() -> list[np.ndarray]:
    return [
        np.array(one.matrix_world) for one in bpy.context.evaluated_depsgraph_get().object_instances if one.is_instance
    ]


def test_hulls_are_the_gaussians(gaussians, extension: str) -> None:
    made = random_cloud(extension)
    obj = gaussians.create_object(bpy.context, made, "a")
    obj.location, obj.rotation_euler, obj.scale = (1, 2, 3), (0.5, 0.2, 0.1), (2, 2, 2)
    moved = gaussians.gaussians_of(obj, bpy.context.evaluated_depsgraph_get())
    shown = np.array(instances())
    assert np.allclose(shown[:, :3, 3], moved.means, atol=1e-5)
    assert np.allclose(shown[:, :3, :3] @ shown[:, :3, :3].transpose(0, 2, 1), covariances(moved), atol=1e-5)


def test_share_and_size(gaussians, extension: str) -> None:
    display = module(extension, "scene.gaussian_display")
    obj = gaussians.create_object(bpy.context, random_cloud(extension, 2000, 1), "a")
    modifier = display.display_of(obj)
    whole = np.array(instances())
    assert len(whole) == 2000
    display.set_control(modifier, display.SHARE, 25.0)
    assert 400 < len(instances()) < 600
    owner, path = display.control(modifier, display.SHARE)
    assert owner.path_resolve(path) == 25.0
    display.set_control(modifier, display.SHARE, 0.0)
    assert not instances()
    display.set_control(modifier, display.SHARE, 100.0)
    display.set_control(modifier, display.SIZE, 0.5)
    assert np.allclose(np.array(instances())[:, :3, :3], whole[:, :3, :3] / 2, atol=1e-6)


def test_flat_gaussians_have_hulls_that_can_be_inverted(gaussians, extension: str) -> None:
    made = random_cloud(extension, 3, 1)
    flat = type(made)(
        made.means, made.quaternions, [[0, 1, 1], [0, 0, 1], [1e-9, 1e-9, 1]], made.opacities, made.harmonics
    )
    gaussians.create_object(bpy.context, flat, "a")
    for matrix in instances():
        assert np.linalg.cond(matrix[:3, :3]) < 2000


def test_many_show_a_part_at_first(gaussians, extension: str) -> None:
    gaussians.create_object(bpy.context, random_cloud(extension, 400_000, 1), "a")
    assert 195_000 < len(instances()) < 205_000


def render(path: Path, width: int, height: int, samples: int) -> np.ndarray:
    """Render the scene with Cycles; return linear premultiplied RGBA, top row first."""
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.device, scene.cycles.samples, scene.cycles.use_denoising = "CPU", samples, False
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.pixel_filter_type = "BOX"
    scene.cycles.transparent_max_bounces = 64
    scene.render.resolution_x, scene.render.resolution_y, scene.render.resolution_percentage = width, height, 100
    scene.render.film_transparent = True
    scene.render.image_settings.file_format, scene.render.image_settings.color_depth = "OPEN_EXR", "32"
    scene.render.image_settings.color_mode = "RGBA"
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    image = bpy.data.images.load(str(path))
    pixels = np.empty(width * height * 4, np.float32)
    image.pixels.foreach_get(pixels)
    return pixels.reshape(height, width, 4)[::-1].astype(np.float64)


def projected_covariance(camera, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Of the picture of a small Gaussian, by finite differences of the projection."""
    step = 1e-4
    jacobian = np.stack(
        [
            (camera.project(mean + step * axis)[0] - camera.project(mean - step * axis)[0]) / (2 * step)
            for axis in np.eye(3)
        ],
        axis=-1,
    )
    return jacobian @ covariance @ jacobian.T


def test_rendered_gaussians_lie_where_projected(gaussians, cameras, extension: str, tmp_path: Path) -> None:
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    obj = bpy.context.scene.camera
    obj.location, obj.rotation_euler = (0.3, -0.2, 0.1), (0.2, -0.1, 0.3)
    obj.data.lens, obj.data.shift_x = 40, 0.05
    camera = cameras.camera_of(obj, bpy.context.evaluated_depsgraph_get(), 160, 120)
    random = np.random.default_rng(3)
    pixels = np.array([[35.0, 30.0], [118.0, 33.0], [60.0, 85.0], [130.0, 90.0]])
    made = module(extension, "inference.gaussians").Gaussians.coloured(
        camera.unproject(pixels, np.array([8.0, 12, 9, 20])),
        random.normal(size=(4, 4)),
        random.uniform(0.06, 0.25, (4, 3)) * np.array([[0.8], [1.2], [0.9], [2.0]]),
        [1.0, 0.9, 0.5, 0.7],
        [[1, 1, 1], [0.2, 0.9, 0.4], [0.9, 0.5, 0.1], [0.5, 0.5, 0.5]],
    )
    # Half of the way by the file, half by the object.
    half = np.diag([0.5, 0.5, 0.5, 1.0])
    cloud = gaussians.create_object(
        bpy.context, module(extension, "inference.gaussian_transform").transformed(made, half), "a"
    )
    cloud.scale = (2, 2, 2)
    picture = render(tmp_path / "a.exr", 160, 120, 64)
    alpha = picture[..., 3]
    rows, columns = np.mgrid[:120, :160] + 0.5
    true = covariances(made)
    for index, (x, y) in enumerate(pixels):
        near = alpha * (np.hypot(columns - x, rows - y) < 29)
        total = near.sum()
        offset = np.stack([columns - (columns * near).sum() / total, rows - (rows * near).sum() / total])
        assert (columns * near).sum() / total == pytest.approx(x, abs=0.15)
        assert (rows * near).sum() / total == pytest.approx(y, abs=0.15)
        measured = np.einsum("ihw,jhw,hw->ij", offset, offset, near) / total - np.eye(2) / 12  # of a pixel's square
        expected = TRUNCATED * projected_covariance(camera, made.means[index].astype(float), true[index])
        assert np.allclose(measured, expected, atol=0.06 * np.abs(expected).max())
        peak = alpha[int(y) - 1 : int(y) + 1, int(x) - 1 : int(x) + 1].mean()
        # The mean over two by two pixels, whose positions have a variance of 1/3.
        fall = np.exp(-0.5 * np.trace(np.linalg.inv(expected / TRUNCATED)) / 3)
        assert peak == pytest.approx(made.opacities[index] * fall, abs=0.01)
        colour = picture[int(y), int(x), :3] / picture[int(y), int(x), 3]
        srgb = np.where(colour <= 0.0031308, colour * 12.92, 1.055 * np.maximum(colour, 1e-9) ** (1 / 2.4) - 0.055)
        assert np.allclose(srgb, made.colours[index], atol=0.005)


def test_the_nearer_covers_the_farther(gaussians, extension: str, tmp_path: Path) -> None:
    bpy.data.objects.remove(bpy.data.objects["Cube"])
    obj = bpy.context.scene.camera
    obj.location, obj.rotation_euler = (0, 0, 10), (0, 0, 0)
    made = module(extension, "inference.gaussians").Gaussians.coloured(
        [[0, 0, -2], [0, 0, 2], [0, 0, 0]], [[1, 0, 0, 0]] * 3, np.full((3, 3), 0.5), [0.8, 0.5, 0.6], np.eye(3)
    )
    gaussians.create_object(bpy.context, made, "a")
    centre = render(tmp_path / "a.exr", 33, 33, 64)[16, 16]
    # Front to back: green 0.5, blue 0.6 of the half left, red 0.8 of the fifth left; linear colours are 0 or 1.
    assert centre == pytest.approx([0.2 * 0.8, 0.5, 0.3, 0.96], abs=0.02)
