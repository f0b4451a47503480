"""Inside Blender: Synthesize Animation, stopped and gone on with; its frames behind the view and in the sequencer."""

from __future__ import annotations

from pathlib import Path

import bpy

from tests.gui import hands
from tests.gui.driver import Session, Steps

from .common import ended, move_target, prepare, settings, state

FRAMES = 8


def run(session: Session) -> Steps:
    yield from prepare(session, "plane-sweep")
    scene = bpy.context.scene
    move_target(FRAMES)
    settings().frames_strip = True
    settings().output_folder = str(session.out / "animation_files")
    yield from hands.key_over_view(session, "NUMPAD_0")

    yield from hands.click_button(session, "sightline.synthesize_animation")
    yield from session.until(lambda: state().running and len(frame_files(session)) >= 2, 300)
    yield from session.picture("animation_progress")
    yield from hands.key_over_view(session, "ESC")
    yield from ended(session)
    kept = session.facts["kept"] = len(frame_files(session))
    assert 2 <= kept < FRAMES
    yield from session.picture("animation_stopped")

    before = {path: path.stat().st_mtime_ns for path in frame_files(session)}
    yield from hands.click_button(session, "sightline.synthesize_animation")
    yield from ended(session)
    assert state().error == "", state().error
    files = frame_files(session)
    assert len(files) == FRAMES
    assert all(path.stat().st_mtime_ns == changed for path, changed in before.items())
    yield from session.picture("animation_done")
    yield from session.picture("panel_animation", hands.sidebar())

    image = settings().target.data.background_images[0].image
    assert image.source == "SEQUENCE"
    editor = scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    assert [len(strip.elements) for strip in strips] == [FRAMES]
    session.facts["frame"] = hands.camera_frame()
    session.facts["files"] = [str(path) for path in files]
    for frame in (1, FRAMES):
        scene.frame_set(frame)
        yield from session.picture(f"animation_{frame}")


def frame_files(session: Session) -> list[Path]:
    """Return the finished frames."""
    return sorted(path for path in (session.out / "animation_files").rglob("*.png") if path.stat().st_size > 0)
