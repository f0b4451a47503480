"""Inside Blender: frames ahead are made in the rendered viewport; then the path is scrubbed and played."""

from __future__ import annotations

import importlib
import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

from .common import PACKAGE, ended, move_target, prepare, settings, state

FRAMES = 12
SECONDS = 4.0


def run(session: Session) -> Steps:
    yield from prepare(session, "plane-sweep")
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 960, 540
    move_target(FRAMES)
    settings().quality, settings().prefetch = "full", FRAMES
    settings().output_folder = str(session.out / "timeline_files")
    bpy.ops.sightline.use_engine()
    yield from hands.key_over_view(session, "NUMPAD_0")
    session.facts["frame"] = hands.camera_frame()
    yield from played(session, "solid")

    scene.frame_set(1)
    yield from hands.show_rendered(session)
    yield from gone_ahead(session)
    yield from session.until(lambda: ready() == FRAMES - 1, 400)
    yield from session.picture("timeline_ready")
    yield from scrubbed(session)
    yield from played(session, "rendered")
    for frame in (1, FRAMES):
        scene.frame_set(frame)
        yield from session.pause(1)
        yield from session.picture(f"timeline_{frame}")

    yield from hands.click_button(session, "sightline.synthesize_animation")
    yield from ended(session)
    assert state().error == "", state().error
    session.facts["files"] = bpy.path.abspath(settings().target.data.background_images[0].image.filepath)


def viewports() -> list[Any]:
    return list(importlib.import_module(f"{PACKAGE}.engine.viewport").Viewport.alive)


def ready() -> int:
    """Return how many frames ahead are ready, as the panel says it."""
    said = importlib.import_module(f"{PACKAGE}.scene.timeline").timeline_in_words(bpy.context.scene)
    return int(said.split()[0]) if said else -1


def shown() -> bool:
    """Whether the viewport shows the finest picture of the frame."""
    frame = bpy.context.scene.frame_current
    return all(
        view._shown.frame == frame and view._shown.rung == view._look.last and view._picture is None and not view._stale
        for view in viewports()
    )


def gone_ahead(session: Session) -> Steps:
    """Go to a frame that is not made yet while another one is shown, and have a picture of what stands in."""
    yield from session.until(shown, 60)
    bpy.context.scene.frame_set(FRAMES)
    yield
    yield
    session.facts["stands_in"] = [view._said for view in viewports()]
    yield from session.picture("timeline_stands_in")
    yield from session.until(shown, 60)
    bpy.context.scene.frame_set(1)


@contextmanager
def watched(session: Session, name: str) -> Iterator[None]:
    """Note what our drawing and our timer take of Blender's thread, and which share of what is drawn is right.

    Seconds of processor time: other processes, the worker above all, do not count.
    """
    viewport = importlib.import_module(f"{PACKAGE}.engine.viewport").Viewport
    taken: list[float] = []
    right: list[bool] = []
    draw, bring_on = viewport.draw, viewport._bring_on_all

    def timed(function: Callable[..., None], *arguments: Any) -> None:
        begun = time.thread_time()
        function(*arguments)
        taken.append(time.thread_time() - begun)

    def draw_watched(view: Any, context: bpy.types.Context) -> None:
        timed(draw, view, context)
        right.append(view._shown.frame == context.scene.frame_current)

    viewport.draw, viewport._bring_on_all = draw_watched, lambda view: timed(bring_on, view)
    begun = time.thread_time()
    try:
        yield
    finally:
        viewport.draw, viewport._bring_on_all = draw, bring_on
        session.facts[f"own_{name}"] = {
            "longest": max(taken, default=0.0),
            "share": sum(taken) / (time.thread_time() - begun),
            "each": sum(taken) / max(1, len(right)),
            "right": sum(right) / max(1, len(right)),
        }


def scrubbed(session: Session) -> Steps:
    """Go to each frame and wait for its picture; note how many a second there are, and the longest gap of the loop."""
    gaps, waits = [], []
    last = time.monotonic()
    with watched(session, "scrubbed"):
        for frame in range(1, FRAMES + 1):
            begun = time.monotonic()
            bpy.context.scene.frame_set(frame)
            turns = 0
            while turns < 1 or not shown():
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
    with watched(session, f"played_{name}"):
        while last - begun < SECONDS:
            yield
            now = time.monotonic()
            gaps.append(now - last)
            last = now
            frames.append(bpy.context.scene.frame_current)
    yield from hands.key_over_view(session, "SPACE")
    changes = sum(one != other for one, other in itertools.pairwise(frames))
    session.facts[f"played_{name}"] = {"frames_per_second": changes / SECONDS, "longest_gap": max(gaps)}
