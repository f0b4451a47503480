"""Inside Blender: what several sessions do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

PACKAGE = "bl_ext.user_default.sightline"


def state() -> Any:
    """Return the extension's running job."""
    return bpy.context.window_manager.sightline


def settings() -> Any:
    return bpy.context.scene.sightline


def ended(session: Session, seconds: float = 300.0) -> Steps:
    """Wait for the running job."""
    yield from session.until(lambda: not state().running, seconds)
    yield from session.pause()


def import_capture(session: Session, calibration: Path) -> Steps:
    """Import a capture by the button and the file browser."""
    yield from hands.click_button(session, "sightline.import_capture")
    yield from session.until(lambda: hands.area_of("FILE_BROWSER") is not None, 10)
    browser = hands.area_of("FILE_BROWSER")
    browser.spaces.active.params.directory = str(calibration.parent).encode()
    browser.spaces.active.params.filename = calibration.name
    yield from session.picture("import_file")
    yield from hands.click_button(session, "file.execute", browser, "EXECUTE", 0.93)
    yield from session.until(lambda: hands.area_of("FILE_BROWSER") is None, 10)
    yield from ended(session)
    assert state().error == "", state().error
    assert settings().capture is not None


def result_image() -> Any:
    """Return the picture behind the target's view, or ``None``."""
    backgrounds = settings().target.data.background_images
    return next((one.image for one in backgrounds if one.image and "sightline_result" in one.image), None)


def empty_scene(session: Session) -> Steps:
    """Delete what the start-up scene holds, and show the sidebar."""
    assert PACKAGE in bpy.context.preferences.addons
    hands.view_area().spaces.active.overlay.show_relationship_lines = False  # they cross the pictures
    yield from hands.key_over_view(session, "A")
    yield from hands.key_over_view(session, "DEL")
    yield from hands.open_sidebar(session)


def prepare(session: Session, method: str, percentage: int = 100) -> Steps:
    """Import the capture, add a target and set the scene up, by operators: another session clicks through that."""
    yield from empty_scene(session)
    bpy.ops.sightline.import_capture(filepath=session.arguments[0])
    bpy.ops.sightline.add_target()
    bpy.ops.sightline.match_render_size()
    bpy.ops.sightline.set_standard_view()
    bpy.context.scene.render.resolution_percentage = percentage
    settings().method, settings().quality = method, "preview"
    yield from session.pause()


def move_target(frames: int) -> None:
    """Let the target move sideways from the first frame to the last, a tenth of a metre."""
    target = settings().target
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, frames
    start, aside = target.location.copy(), target.matrix_world.to_3x3().col[0]
    for frame, share in ((1, -0.05), (frames, 0.05)):
        target.location = start + share * aside
        target.keyframe_insert("location", frame=frame)
    scene.frame_set(1)


def rendered(session: Session, name: str) -> Steps:
    """Press F12, wait for the picture, write it into a file."""
    begun = time.monotonic()
    yield from hands.key_over_view(session, "F12")
    yield from session.until(lambda: bpy.app.is_job_running("RENDER") or hands.area_of("IMAGE_EDITOR") is not None, 10)
    yield from session.until(lambda: not bpy.app.is_job_running("RENDER"), 120)
    session.facts[f"seconds_to_render_{name}"] = time.monotonic() - begun
    yield from session.pause()
    picture = session.out / f"rendered_{name}.png"
    file = bpy.context.scene.render.image_settings
    file.file_format, file.color_mode = "PNG", "RGBA"
    bpy.data.images["Render Result"].save_render(str(picture))
    session.facts[f"rendered_{name}"] = str(picture)
