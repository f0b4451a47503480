"""Inside Blender: choose the engine, F12, Esc; the same picture as Synthesize View makes."""

from __future__ import annotations

import time

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

from .common import ended, prepare, rendered, result_image, settings


def run(session: Session) -> Steps:
    yield from prepare(session, "plane-sweep")
    yield from hands.click_button(session, "sightline.use_engine")
    assert bpy.context.scene.render.engine == "SIGHTLINE"
    settings().quality = "full"
    yield from hands.click_button(session, "sightline.synthesize_view")
    yield from ended(session)
    session.facts["synthesized"] = bpy.path.abspath(result_image().filepath)
    properties = hands.area_of("PROPERTIES")
    properties.spaces.active.context = "RENDER"
    yield from hands.key_over_view(session, "NUMPAD_0")
    yield from session.picture("engine_chosen")
    yield from session.picture("render_properties", properties)

    yield from rendered(session, "full")
    yield from session.picture("rendered")
    yield from hands.key_over_middle(session, "ESC")
    assert hands.area_of("VIEW_3D") is not None
    settings().quality = "preview"
    yield from rendered(session, "preview")
    yield from hands.key_over_middle(session, "ESC")

    settings().method, settings().quality = "convglr", "full"
    yield from hands.key_over_view(session, "F12")
    yield from session.pause(3)
    assert bpy.app.is_job_running("RENDER")
    yield from session.picture("render_running")
    begun = time.monotonic()
    yield from hands.stop_render(session)
    yield from session.until(lambda: not bpy.app.is_job_running("RENDER"), 60)
    session.facts["seconds_to_cancel"] = time.monotonic() - begun
    yield from session.picture("render_cancelled")
