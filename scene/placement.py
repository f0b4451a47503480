"""Where a camera's picture belongs in a 3D view."""

from __future__ import annotations

from ..inference.camera import Camera

# Left, bottom, right, top in -1..1 of the view.
Place = tuple[float, float, float, float]
WHOLE: Place = (-1.0, -1.0, 1.0, 1.0)


def camera_frame(camera: Camera, window: Camera) -> Place:
    """Return where in a view that looks through a camera that camera's picture lies.

    Args:
        camera: Of the picture.
        window: Of the view; both have one pose.
    """
    left = window.cx - camera.cx * window.fx / camera.fx
    top = window.cy - camera.cy * window.fy / camera.fy
    right = left + camera.width * window.fx / camera.fx
    low = top + camera.height * window.fy / camera.fy
    across, down = 2 / window.width, 2 / window.height
    return left * across - 1, 1 - low * down, right * across - 1, 1 - top * down
