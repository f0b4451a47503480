"""Which sources the panel shows as used, and why: worked out again only when something of it has changed."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path

import bpy

from ..inference.camera import Array, Camera
from ..inference.errors import CameraError, SightlineError
from ..inference.selection import FULL, SEES_NOTHING, Choice, select_sources
from ..inference.stereo.pairs import LOOKS_AWAY, Pair, choose_pair, neighbouring_pairs, subject_centre
from ..inference.view import View
from . import depth_range
from .cameras import target_camera
from .methods import SPLATTING, most_sources, uses_pairs
from .picture_size import is_opaque
from .pictures import background_of
from .properties import SceneSettings, of_camera, of_scene
from .sources import DISABLED, IS_TARGET, Source, cameras_in, examine, kind_of_mask
from .targets import target_of


@dataclass(frozen=True)
class Shown:
    """A source in the list: its place, whether it is used, the reason, and that in a word."""

    place: int
    used: bool
    reason: str
    word: str


@dataclass(frozen=True)
class Choices:
    """What is known of all sources of a scene's capture, by the camera object's name.

    ``asked``: how many were asked for, 0 where the method does not go by that. ``unmasked`` names the used ones that
    lack the mask their method needs. ``undecided``: which are used comes out only in the worker.
    """

    sources: dict[str, Shown] = field(default_factory=dict)
    usable: int = 0
    asked: int = 0
    largest: tuple[int, int] = (0, 0)
    target_problem: str = ""
    unmasked: tuple[str, ...] = ()
    undecided: bool = False

    @property
    def used(self) -> int:
        """How many sources a synthesis would use."""
        return sum(shown.used for shown in self.sources.values())

    @property
    def note(self) -> str:
        """Why more are used than were asked for, as a sentence; empty where that is not so."""
        if not 0 < self.asked < self.used:
            return ""
        return f"{self.asked} asked for; ties share the last place."


# What a narrow list has room for.
USED, PARTLY, SPARE, UNSEEN = "used", "used in part", "farther", "sees nothing"
OFF, UNUSABLE, IDLE, TARGET = "off", "unusable", "", "target"


class _Cache:
    """The last answer. It holds no scene's state: it can be lost at any time."""

    key: Hashable = None
    choices = Choices()
    # The neighbouring pairs of a rig, whose search takes much longer than the choice for a target.
    rig: Hashable = None
    pairs: tuple[Array, list[Pair]] | None = None


def choices_of(context: bpy.types.Context) -> Choices:
    """Return the choices for the scene's capture and target as they stand now; cheap where nothing has changed."""
    settings = of_scene(context.scene)
    if settings.capture is None:
        return Choices()
    cameras = cameras_in(settings.capture)
    target = target_of(context.scene)
    key = _key(context, cameras, target)
    if key != _Cache.key:
        _Cache.key, _Cache.choices = key, _choose(context, cameras, target)
    return _Cache.choices


def forget() -> None:
    """Drop the last answer."""
    _Cache.key, _Cache.choices = None, Choices()
    _Cache.rig = _Cache.pairs = None


def _choose(context: bpy.types.Context, cameras: list[bpy.types.Object], target: bpy.types.Object | None) -> Choices:
    """Examine every camera and rank the usable ones as the worker will."""
    depsgraph = context.evaluated_depsgraph_get()
    sources = [examine(obj, depsgraph, context.scene.frame_current, target) for obj in cameras]
    usable = [source for source in sources if not source.reason]
    settings = of_scene(context.scene)
    ranked: list[tuple[Source, bool, str, str]] = []
    pairs = uses_pairs(settings.method)
    problem, undecided, asked = "", False, 0
    if settings.method == SPLATTING:
        problem = "the method shows Gaussians and uses no photographs"
    elif target is not None and usable and settings.capture is not None:
        try:
            camera = target_camera(context.scene, target, depsgraph)
            asked = 0 if pairs else min(settings.source_count, most_sources(settings.method))
            found = _pair(camera, usable) if pairs else _nearest(settings, camera, sources, asked)
            undecided = found is None
            for choice in found or ():
                unseen = choice.reason.startswith((SEES_NOTHING, LOOKS_AWAY))
                part = USED if choice.presence >= FULL else PARTLY
                word = part if choice.used else UNSEEN if unseen else SPARE
                ranked.append((usable[choice.index], choice.used, choice.reason, word))
        except SightlineError as error:
            problem = str(error)
    if not ranked:
        reason = problem or ("its mask will tell whether it is used" if undecided else "there is no target yet")
        ranked = [(source, False, reason, IDLE) for source in usable]
    unmasked = tuple(source.name for source, used, *_ in ranked if pairs and used and _lacks_mask(source))
    words = {DISABLED: OFF, IS_TARGET: TARGET}
    ranked += [
        (source, False, source.reason, words.get(source.reason, UNUSABLE)) for source in sources if source.reason
    ]
    largest = max((source.camera for source in usable if source.camera), key=lambda c: c.width * c.height, default=None)
    return Choices(
        sources={
            source.name: Shown(place, used, reason, word) for place, (source, used, reason, word) in enumerate(ranked)
        },
        usable=len(usable),
        asked=asked,
        largest=(largest.width, largest.height) if largest is not None else (0, 0),
        target_problem=problem,
        unmasked=unmasked,
        undecided=undecided,
    )


def _nearest(settings: SceneSettings, target: Camera, sources: list[Source], count: int) -> list[Choice]:
    """Return the choices of a method that takes the ``count`` nearest sources."""
    near, far = settings.depth_near, settings.depth_far
    if settings.depth_mode == "AUTO":
        # Before the range is known, what lies anywhere from close by to far away counts as seen.
        near, far = depth_range.known(settings.capture, sources) or _wide_range(sources)
    candidates = [source.camera for source in sources if source.camera is not None]
    return select_sources(target, candidates, count, near, max(far, near * 1.001))


def _pair(target: Camera, usable: list[Source]) -> tuple[Choice, ...] | None:
    """Return the choices of a method that takes two neighbours; ``None`` where only the masks tell what they look at.

    The subject is taken to be where the cameras point; the worker looks at the masks.
    """
    views = [View(source.name, source.camera, Path()) for source in usable if source.camera is not None]
    rig = tuple((view.name, _numbers(view.camera)) for view in views)
    if _Cache.pairs is None or rig != _Cache.rig:
        try:
            centre = subject_centre([view.camera for view in views])
        except CameraError:
            return None
        _Cache.rig, _Cache.pairs = rig, (centre, neighbouring_pairs(views, centre))
    centre, pairs = _Cache.pairs
    return choose_pair(views, target, centre, pairs).choices


def _numbers(camera: Camera) -> Hashable:
    """Return all that a camera without distortion is."""
    return camera.width, camera.height, camera.intrinsics.tobytes(), camera.world_to_camera.tobytes()


def _lacks_mask(source: Source) -> bool:
    """Whether nothing tells the subject of a usable source from its background, as far as can be seen from here."""
    photograph = source.photograph
    if source.mask is not None or photograph is None or photograph.path is None:
        return False
    return photograph.movie_frame is not None or is_opaque(photograph.path)


def _wide_range(sources: list[Source]) -> tuple[float, float]:
    """Return a (near, far) that takes in whatever cameras so far apart can have been put up for."""
    extent = max(
        (abs(a - b) for s in sources for a, b in zip(s.position, sources[0].position, strict=True)), default=0.0
    )
    extent = extent or 1.0
    return 0.5 * extent, 50.0 * extent


def _key(context: bpy.types.Context, cameras: list[bpy.types.Object], target: bpy.types.Object | None) -> Hashable:
    """Return everything the choices rest on."""
    scene, settings = context.scene, of_scene(context.scene)
    render = scene.render
    frame: tuple[Hashable, ...] = (
        scene.session_uid,
        scene.frame_current,
        *(render.resolution_x, render.resolution_y, render.resolution_percentage),
        *(render.pixel_aspect_x, render.pixel_aspect_y),
        *(settings.method, settings.source_count, settings.depth_mode, settings.depth_near, settings.depth_far),
        None if settings.capture is None else settings.capture.session_uid,
    )
    return frame, None if target is None else _camera_key(target), tuple(_camera_key(obj) for obj in cameras)


def _camera_key(obj: bpy.types.Object) -> Hashable:
    data = obj.data
    assert isinstance(data, bpy.types.Camera)
    background = background_of(data)
    picture: Hashable = None
    if background is not None:
        image, clip = background.image, background.clip
        if background.source == "IMAGE":
            picture = image.session_uid, image.filepath, image.is_dirty
        else:
            picture = clip.session_uid, clip.filepath, clip.frame_start, clip.frame_offset
    settings = of_camera(data)
    images = (settings.mask, settings.clean_plate)
    mask = kind_of_mask(data), tuple(None if image is None else image.session_uid for image in images)
    lens = (data.type, data.lens, data.sensor_width, data.sensor_height, data.sensor_fit, data.shift_x, data.shift_y)
    return obj.name, obj.matrix_world.copy().freeze(), lens, settings.enabled, picture, mask
