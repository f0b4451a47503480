"""Inside Blender: scrub and play a camera path in the rendered viewport, from an empty cache to a full one."""

from __future__ import annotations

import time

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

from .common import move_target, prepare

FRAMES = 24
SECONDS = 4.0


def run(session: Session) -> Steps:
    yield from prepare(session, "plane-sweep")
    scene = bpy.context.scene
    scene.render.resolution_percentage = 50
    move_target(FRAMES)
    bpy.ops.sightline.use_engine()
    yield from hands.key_over_view(session, "NUMPAD_0")
    session.facts["frame"] = hands.camera_frame()
    yield from played(session, "solid")
    scene.frame_set(1)
    yield from hands.show_rendered(session)
    yield from scrubbed(session, "cold")
    scene.frame_set(1)
    begun = time.monotonic()
    yield from session.until(lambda: cached() >= FRAMES, 300)
    session.facts["seconds_to_fill"] = time.monotonic() - begun
    yield from session.picture("timeline_cached")
    yield from scrubbed(session, "cached")
    yield from played(session, "cached")
    for frame in (1, FRAMES):
        scene.frame_set(frame)
        yield from session.pause(1)
        yield from session.picture(f"timeline_{frame}")


def cached() -> int:
    """Return how many frames are in the cache."""
    from bl_ext.user_default.sightline.scene import requests

    return int(requests.cache().size()[0])


def scrubbed(session: Session, name: str) -> Steps:
    """Go through all frames as fast as Blender draws them; note frames a second and the longest gap."""
    gaps = []
    begun = last = time.monotonic()
    for frame in range(1, FRAMES + 1):
        bpy.context.scene.frame_set(frame)
        yield
        now = time.monotonic()
        gaps.append(now - last)
        last = now
    session.facts[f"scrubbed_{name}"] = {"frames_per_second": FRAMES / (last - begun), "longest_gap": max(gaps)}


def played(session: Session, name: str) -> Steps:
    """Play by the space bar; note how many frames a second show and the longest gap."""
    frames = set()
    gaps = []
    yield from hands.key_over_view(session, "SPACE")
    assert bpy.context.window_manager.windows[0].screen.is_animation_playing
    begun = last = time.monotonic()
    shown = 0
    before = -1
    while time.monotonic() - begun < SECONDS:
        yield
        now = time.monotonic()
        gaps.append(now - last)
        last = now
        frame = bpy.context.scene.frame_current
        shown += frame != before
        before = frame
        frames.add(frame)
    yield from hands.key_over_view(session, "SPACE")
    record = {"frames_per_second": shown / SECONDS, "longest_gap": max(gaps), "different": len(frames)}
    session.facts[f"played_{name}"] = record
