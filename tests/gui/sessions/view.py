"""Inside Blender: import, add a target, synthesize, cancel, undo."""

from __future__ import annotations

import time
from pathlib import Path

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

from .common import empty_scene, ended, import_capture, result_image, settings, state


def run(session: Session) -> Steps:
    yield from empty_scene(session)
    yield from session.picture("start")
    yield from import_capture(session, Path(session.arguments[0]))
    yield from hands.key_over_view(session, "NUMPAD_PERIOD")
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
