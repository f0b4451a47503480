"""Inside Blender: the rendered viewport, through the camera and free."""

from __future__ import annotations

import importlib
import time

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

from .common import PACKAGE, ended, prepare, result_image, settings

# Pictures of the first seconds: how many, and how far apart.
SNAPSHOTS, APART = 16, 0.2


def run(session: Session) -> Steps:
    yield from prepare(session, "plane-sweep")
    settings().quality = "full"
    bpy.ops.sightline.use_engine()
    yield from hands.click_button(session, "sightline.synthesize_view")
    yield from ended(session)
    session.facts["synthesized"] = bpy.path.abspath(result_image().filepath)
    settings().target.data.show_background_images = False
    yield from hands.key_over_view(session, "NUMPAD_0")
    session.facts["frame"] = hands.camera_frame()
    yield from session.picture("viewport_solid")

    yield from hands.show_rendered(session)
    yield from snapshots(session, "viewport_camera")
    yield from session.pause(10)
    yield from session.picture("viewport_camera_sharp")

    yield from hands.drag_view(session, 20)
    assert hands.view_area().spaces.active.region_3d.view_perspective == "PERSP"
    yield from snapshots(session, "viewport_free")
    yield from session.pause(10)
    yield from session.picture("viewport_free_sharp")
    yield from hands.key_over_view(session, "A")
    yield from session.picture("viewport_selected")


def snapshots(session: Session, name: str) -> Steps:
    """Take pictures of what comes, and note when: each picture, and the first one that the view has to show."""
    begun = time.monotonic()
    views = list(importlib.import_module(f"{PACKAGE}.engine.viewport").Viewport.alive)
    session.facts[name] = []
    for index in range(SNAPSHOTS):
        if f"{name}_first" not in session.facts and all(view._shown.rung >= 0 for view in views):
            session.facts[f"{name}_first"] = time.monotonic() - begun
        yield from session.snapshot(f"{name}_{index:02d}")
        session.facts[name].append(time.monotonic() - begun)
        yield from session.pause(APART)
