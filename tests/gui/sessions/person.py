"""Inside Blender: a person's Gaussians from a rig, splatted by F12 and in the viewport."""

from __future__ import annotations

import importlib
import time

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

from .common import PACKAGE, ended, prepare, rendered, settings, state


def run(session: Session) -> Steps:
    yield from prepare(session, "gps-gaussian")
    settings().gaussians_coverage = "TARGET"
    yield from hands.open_last_panel(session)
    yield from hands.click_button(session, "sightline.create_gaussians")
    begun = time.monotonic()
    yield from session.until(lambda: state().running, 10)
    yield from session.pause(2)
    yield from session.picture("gaussians_progress")
    yield from ended(session)
    session.facts["seconds_to_create"] = time.monotonic() - begun
    assert state().error == "", state().error
    person = bpy.context.active_object
    session.facts["count"] = len(person.data.attributes["position"].data)
    yield from session.picture("gaussians")
    yield from hands.key_over_view(session, "NUMPAD_0")
    yield from session.picture("gaussians_through_the_target")
    yield from session.picture("panel_gaussians", hands.sidebar())

    settings().method = "splatting"
    bpy.ops.sightline.use_engine()
    bpy.context.scene.render.film_transparent = True
    yield from rendered(session, "splatted")
    yield from session.picture("person_rendered")
    yield from hands.key_over_middle(session, "ESC")
    bpy.context.scene.render.film_transparent = False
    yield from hands.key_over_view(session, "A", alt=True)  # outlines of what is selected would cover it
    yield from hands.show_rendered(session)
    yield from session.pause(8)
    yield from session.picture("person_viewport")
    session.facts["frame"] = hands.camera_frame()
    yield from hands.drag_view(session, 60)
    yield from session.pause(8)
    yield from session.picture("person_free")

    yield from moved(session, person)


def moved(session: Session, person: bpy.types.Object) -> Steps:
    """Move the Gaussians; note how long the view takes to show them elsewhere."""
    views = list(importlib.import_module(f"{PACKAGE}.engine.viewport").Viewport.alive)
    before = [view._shown.key for view in views]
    begun = time.monotonic()
    person.location.x += 0.4
    yield from session.until(lambda: all(view._shown.key not in before for view in views), 30)
    session.facts["seconds_to_follow"] = time.monotonic() - begun
    yield from session.pause(8)
    yield from session.picture("person_moved")
