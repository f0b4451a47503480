"""Cameras that Blender's motion tracking has solved, as a capture: some frames of the clip become photographs."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix

from ..inference.camera import Camera, Distortion
from ..inference.errors import CameraError, CaptureError
from ..inference.view import Capture, MovieFrame, View
from .cameras import BLENDER_TO_OPENCV
from .captures import bring_in
from .gathering import there
from .handles import Handle
from .job import Job, Steps
from .pictures import clip_photograph

FORMAT = "movie clip"

# So many sources are enough for any target, and few enough to be looked through.
MOST_FRAMES = 60


def solved_clips() -> list[bpy.types.MovieClip]:
    """Return the movie clips whose camera motion is solved."""
    return [clip for clip in bpy.data.movieclips if _reconstruction(clip).is_valid]


def chosen_clip(name: str) -> bpy.types.MovieClip:
    """Return the solved clip of that name, or the only one where no name is given.

    Raises:
        CaptureError: If there is none, or which one is meant is not clear.
    """
    solved = solved_clips()
    if name:
        clip: bpy.types.MovieClip | None = bpy.data.movieclips.get(name)
        if clip is None:
            raise CaptureError(f"There is no movie clip '{name}'; choose one that is there.")
        if clip not in solved:
            raise CaptureError(f"The camera motion of '{name}' is not solved; solve it in the Movie Clip Editor first.")
        return clip
    if not solved:
        raise CaptureError("No movie clip has a solved camera motion; track and solve one in the Movie Clip Editor.")
    if len(solved) > 1:
        raise CaptureError(f"{len(solved)} movie clips are solved; choose one.")
    return solved[0]


def usual_step(clip: bpy.types.MovieClip) -> int:
    """Return every which frame to take for at most 60 sources."""
    return max(1, math.ceil(len(_reconstruction(clip).cameras) / MOST_FRAMES))


def import_clip(job: Job, scene: Handle[bpy.types.Scene], handle: Handle[bpy.types.MovieClip], step: int) -> Steps:
    """Build a capture from a solved clip, where Blender's own Camera Solver constraint has its camera.

    Raises:
        CaptureError, CameraError, PictureError: See :func:`clip_capture`.
        SightlineError: If the worker fails. Nothing of the scene has changed then.
    """
    clip: bpy.types.MovieClip = there(handle, "The movie clip")
    capture = clip_capture(clip, step)
    place = clip_place(there(scene, "The scene"), clip)
    params = {"capture": replace(capture, points=None).to_json(), "points": capture.points}
    return (yield from bring_in(job, scene, Path(clip.name).stem, params, place))


def clip_capture(clip: bpy.types.MovieClip, step: int) -> Capture:
    """Return every ``step``-th solved frame of a clip with its camera, in the space of the clip's reconstruction.

    Raises:
        CaptureError: If fewer than two frames are taken.
        CameraError: If the clip's lens model has no equal in OpenCV.
        PictureError: If a frame is missing.
    """
    reconstruction, tracking = _reconstruction(clip), clip.tracking
    lens = lens_of(clip)
    width, height = clip.size
    focal, aspect = tracking.camera.focal_length_pixels, tracking.camera.pixel_aspect
    cx, cy = tracking.camera.principal_point_pixels  # from the lower left corner
    views = []
    for solved in list(reconstruction.cameras)[::step]:
        # Solved frames count from 1 where the clip begins, wherever that is in the scene.
        name = f"{Path(clip.name).stem} {solved.frame:04d}"
        picture = clip_photograph(clip, name, solved.frame + clip.frame_start - 1)
        pose = np.array(solved.matrix, dtype=np.float64) @ BLENDER_TO_OPENCV
        checked = Camera(width, height, focal, focal * aspect, cx, height - cy, pose)
        camera = Camera(width, height, focal, focal * aspect, cx, height - cy, checked.camera_to_world, lens)
        assert picture.path is not None
        moving = picture.movie_frame is not None
        views.append(View(name, camera, MovieFrame(picture.path, picture.movie_frame) if moving else picture.path))
    if len(views) < 2:
        raise CaptureError(f"Only {len(views)} frame of '{clip.name}' would be taken; take more of its solved frames.")
    points = [track.bundle for track in _camera_object(clip).tracks if track.has_bundle]
    return Capture(
        tuple(views),
        np.array(points, dtype=np.float64) if points else None,
        format=FORMAT,
        residual=reconstruction.average_error or None,
    )


def lens_of(clip: bpy.types.MovieClip) -> Distortion | None:
    """Return the lens distortion of a clip in OpenCV's terms.

    Blender's models are those of its tracking library (libmv): *Polynomial* is OpenCV's radial model, and *Brown* is
    OpenCV's with y upwards, so that its tangential coefficients change places and one of them its sign, and with one
    radial coefficient more.

    Raises:
        CameraError: If the model has no equal there.
    """
    camera = clip.tracking.camera
    if camera.distortion_model == "POLYNOMIAL":
        lens = Distortion("opencv", (camera.k1, camera.k2, 0.0, 0.0, camera.k3))
    elif camera.distortion_model == "BROWN":
        if camera.brown_k4:
            raise CameraError(
                f"The lens of '{clip.name}' has a K4, which cannot be expressed; set it to 0, solve again."
            )
        tangential = (-camera.brown_p2, camera.brown_p1)
        lens = Distortion("opencv", (camera.brown_k1, camera.brown_k2, *tangential, camera.brown_k3))
    else:
        values = {"DIVISION": (camera.division_k1, camera.division_k2), "NUKE": (camera.nuke_k1, camera.nuke_k2)}
        if any(values.get(camera.distortion_model, (1.0,))):
            model = camera.distortion_model.capitalize()
            raise CameraError(
                f"The lens model {model} of '{clip.name}' cannot be expressed; choose Polynomial or Brown, and "
                "solve again."
            )
        return None
    return None if lens.is_zero else lens


def clip_place(scene: bpy.types.Scene, clip: bpy.types.MovieClip) -> Matrix:
    """Return where the reconstruction of a clip is in the scene.

    That is where the camera with its Camera Solver constraint would be without it: constraint and reconstruction are
    put on top of that.
    """
    for obj in scene.objects:
        for constraint in obj.constraints:
            if not isinstance(constraint, bpy.types.CameraSolverConstraint) or constraint.mute:
                continue
            if (scene.active_clip if constraint.use_active_clip else constraint.clip) != clip:
                continue
            if obj.parent is None:
                return obj.matrix_basis.copy()
            return obj.parent.matrix_world @ obj.matrix_parent_inverse @ obj.matrix_basis
    return Matrix()


def _reconstruction(clip: bpy.types.MovieClip) -> bpy.types.MovieTrackingReconstruction:
    """Return the reconstruction of the camera, whatever object is active in the editor."""
    return _camera_object(clip).reconstruction


def _camera_object(clip: bpy.types.MovieClip) -> bpy.types.MovieTrackingObject:
    return next(obj for obj in clip.tracking.objects if obj.is_camera)
