"""Inside Blender: choose the engine, F12, Esc; the same picture as Synthesize View makes."""

from __future__ import annotations

import time

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

from .common import ended, prepare, result_image, settings


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
    yield from session.until(lambda: not bpy.app.is_job_running("RENDER"), 20)
    session.facts["seconds_to_cancel"] = time.monotonic() - begun
    yield from session.picture("render_cancelled")


def rendered(session: Session, name: str) -> Steps:
    """Press F12, wait for the picture, write it into a file."""
    begun = time.monotonic()
    yield from hands.key_over_view(session, "F12")
    yield from session.until(lambda: bpy.app.is_job_running("RENDER") or hands.area_of("IMAGE_EDITOR") is not None, 10)
    yield from session.until(lambda: not bpy.app.is_job_running("RENDER"), 120)
    session.facts[f"seconds_to_render_{name}"] = time.monotonic() - begun
    yield from session.pause()
    picture = session.out / f"rendered_{name}.png"
    settings_of_file = bpy.context.scene.render.image_settings
    settings_of_file.file_format, settings_of_file.color_mode = "PNG", "RGBA"
    bpy.data.images["Render Result"].save_render(str(picture))
    session.facts[f"rendered_{name}"] = str(picture)
