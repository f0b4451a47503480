"""Inside Blender: sessions, each a user's way through a part of the extension, with what must be true on the way."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import bpy

from . import hands
from .driver import Session, Steps

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
    yield from hands.click_button(session, "file.execute", browser, "EXECUTE")
    yield from session.until(lambda: hands.area_of("FILE_BROWSER") is None, 10)
    yield from ended(session)
    assert state().error == "", state().error
    assert settings().capture is not None


def result_image() -> Any:
    """Return the picture behind the target's view, or ``None``."""
    backgrounds = settings().target.data.background_images
    return next((one.image for one in backgrounds if one.image and "sightline_result" in one.image), None)


def view(session: Session) -> Steps:
    """Import, add a target, synthesize, cancel, undo."""
    assert PACKAGE in bpy.context.preferences.addons
    yield from hands.key_over_view(session, "A")
    yield from hands.key_over_view(session, "DEL")
    yield from hands.open_sidebar(session)
    yield from session.picture("start")
    yield from import_capture(session, Path(session.arguments[0]))
    yield from hands.key_over_view(session, "HOME")
    yield from session.picture("imported")
    yield from hands.click_button(session, "sightline.add_target")
    assert settings().target is not None
    yield from session.picture("target")
    yield from hands.click_button(session, "sightline.match_render_size")
    assert (bpy.context.scene.render.resolution_x, bpy.context.scene.render.resolution_y) == (640, 480)
    yield from hands.click_button(session, "sightline.set_standard_view")
    assert bpy.context.scene.view_settings.view_transform == "Standard"
    yield from hands.key_over_view(session, "NUMPAD_0")
    yield from session.picture("through_the_target")

    settings().quality = "preview"
    yield from hands.click_button(session, "sightline.synthesize_view")
    yield from session.until(lambda: state().running and state().fraction > 0.1, 60)
    yield from session.picture("progress")
    assert state().running
    yield from hands.key_over_view(session, "ESC")
    begun = time.monotonic()
    yield from ended(session)
    session.facts["seconds_to_cancel"] = time.monotonic() - begun
    assert result_image() is None
    yield from session.picture("cancelled")

    begun = time.monotonic()
    yield from hands.click_button(session, "sightline.synthesize_view")
    yield from session.until(lambda: state().running, 10)
    yield from ended(session)
    session.facts["seconds_to_synthesize"] = time.monotonic() - begun
    assert state().error == "", state().error
    assert result_image() is not None
    yield from session.picture("result")
    yield from session.picture("panel", hands.sidebar())
    session.facts["result"] = bpy.path.abspath(result_image().filepath)
    session.facts["frame"] = hands.camera_frame()

    yield from hands.key_over_view(session, "Z", ctrl=True)
    yield from session.pause()
    assert result_image() is None
    yield from session.picture("undone")
    yield from hands.key_over_view(session, "Z", ctrl=True, shift=True)
    yield from session.pause()
    assert result_image() is not None
    yield from session.picture("redone")
