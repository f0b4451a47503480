"""Inside Blender: scrub and play a camera path in the rendered viewport, its frames in the cache."""

from __future__ import annotations

import importlib
import itertools
import time

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

from .common import PACKAGE, ended, move_target, prepare, settings, state

FRAMES = 24
SECONDS = 4.0


def run(session: Session) -> Steps:
    yield from prepare(session, "plane-sweep", percentage=50)
    scene = bpy.context.scene
    move_target(FRAMES)
    settings().quality = "full"
    settings().output_folder = str(session.out / "timeline_files")
    bpy.ops.sightline.use_engine()
    yield from hands.click_button(session, "sightline.synthesize_animation")
    yield from ended(session)
    assert state().error == "", state().error
    session.facts["files"] = bpy.path.abspath(settings().target.data.background_images[0].image.filepath)
    settings().target.data.show_background_images = False
    scene.frame_set(1)
    yield from hands.key_over_view(session, "NUMPAD_0")
    session.facts["frame"] = hands.camera_frame()
    yield from played(session, "solid")

    yield from hands.show_rendered(session)
    scene.frame_set(1)
    yield from session.pause(2)
    yield from scrubbed(session)
    yield from played(session, "rendered")
    for frame in (1, FRAMES):
        scene.frame_set(frame)
        yield from session.pause(1)
        yield from session.picture(f"timeline_{frame}")


def shown() -> bool:
    """Whether the viewport shows the finest picture of the frame."""
    viewport = importlib.import_module(f"{PACKAGE}.engine.viewport")
    views = list(viewport.Viewport.alive)
    return all(view._next == len(viewport.SIDES) and view._picture is None and not view._stale for view in views)


def scrubbed(session: Session) -> Steps:
    """Go to each frame and wait for its picture; note how many a second there are, and the longest gap of the loop."""
    gaps, waits = [], []
    last = time.monotonic()
    for frame in range(1, FRAMES + 1):
        begun = time.monotonic()
        bpy.context.scene.frame_set(frame)
        turns = 0
        while turns < 2 or not shown():
            yield
            now = time.monotonic()
            gaps.append(now - last)
            last = now
            turns += 1
            assert now - begun < 20, f"frame {frame} does not come"
        waits.append(time.monotonic() - begun)
    session.facts["scrubbed"] = {"frames_per_second": FRAMES / sum(waits), "longest_gap": max(gaps)}


def played(session: Session, name: str) -> Steps:
    """Play by the space bar; note how many frames a second show and the longest gap of the loop."""
    yield from hands.key_over_view(session, "SPACE")
    assert hands.main_window().screen.is_animation_playing
    gaps, frames = [], []
    begun = last = time.monotonic()
    while last - begun < SECONDS:
        yield
        now = time.monotonic()
        gaps.append(now - last)
        last = now
        frames.append(bpy.context.scene.frame_current)
    yield from hands.key_over_view(session, "SPACE")
    changes = sum(one != other for one, other in itertools.pairwise(frames))
    session.facts[f"played_{name}"] = {"frames_per_second": changes / SECONDS, "longest_gap": max(gaps)}
