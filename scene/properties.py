"""One property group per ID type, all under the name ``sightline``."""

from typing import TYPE_CHECKING

import bpy
from bpy.props import (
    BoolProperty,
    EnumProperty,
    FloatProperty,
    FloatVectorProperty,
    IntProperty,
    PointerProperty,
    StringProperty,
)

from .enumerations import (
    COVERAGES,
    DEPTH_MODES,
    DEVICES,
    FARM_KINDS,
    FRAME_FORMATS,
    MASK_KINDS,
    METHODS,
    QUALITIES,
    SPANS,
)
from .names import PROPERTY

# Without it, newer Blenders mark paths that start with // as wrong.
RELATIVE_PATH = {"PATH_SUPPORTS_BLEND_RELATIVE"} if bpy.app.version >= (4, 5, 0) else set()


def _is_camera(_self: object, candidate: bpy.types.Object) -> bool:
    return candidate.type == "CAMERA"


def _pictures_change(settings: bpy.types.PropertyGroup, _context: bpy.types.Context) -> None:
    """Let rendered viewports know: Blender tells them of its own settings, but not of ours."""
    settings.id_data.update_tag()


class SceneSettings(bpy.types.PropertyGroup):
    """What to make in this scene, and from what."""

    if TYPE_CHECKING:
        capture: bpy.types.Collection | None
        target: bpy.types.Object | None
        method: str
        quality: str
        source_count: int
        depth_mode: str
        depth_near: float
        depth_far: float
        output_folder: str
        gaussians_coverage: str
        gaussians_span: str
        gaussians_missing: bool
        frame_format: str
        frames_strip: bool
        farm_kind: str
        farm_chunk: int
        farm_device: str
        farm_movie: bool
        live_side: int
        prefetch: int
        active_source: int
    else:
        capture: PointerProperty(
            name="Capture",
            description="The collection of calibrated cameras whose background images are the photographs",
            type=bpy.types.Collection,
            update=_pictures_change,
        )
        target: PointerProperty(
            name="Target",
            description="The camera whose picture is made; the scene's active camera where none is chosen",
            type=bpy.types.Object,
            poll=_is_camera,
        )
        method: EnumProperty(
            name="Method", description="How the picture is made", items=METHODS, update=_pictures_change
        )
        quality: EnumProperty(
            name="Quality", description="How much time a picture may take", items=QUALITIES, default="full"
        )
        source_count: IntProperty(
            name="Sources",
            description="How many photographs a picture is made from: those nearest to the target. Where more are "
            "nearly as near, they share the last places. More take longer and help where parts are hidden",
            min=2,
            max=16,
            default=4,
            update=_pictures_change,
        )
        depth_mode: EnumProperty(
            name="Depth Range",
            description="Where the distances that are searched come from",
            items=DEPTH_MODES,
            update=_pictures_change,
        )
        depth_near: FloatProperty(
            name="Nearest",
            description="Distance of the nearest thing in the target's picture",
            subtype="DISTANCE",
            min=1e-6,
            default=1.0,
            update=_pictures_change,
        )
        depth_far: FloatProperty(
            name="Farthest",
            description="Distance of the farthest thing in the target's picture",
            subtype="DISTANCE",
            min=2e-6,
            default=10.0,
            update=_pictures_change,
        )
        output_folder: StringProperty(
            name="Output",
            description="Folder for results and undistorted photographs; empty uses the one in the preferences",
            subtype="DIR_PATH",
            options=RELATIVE_PATH,
        )
        gaussians_coverage: EnumProperty(
            name="Of", description="Which sources the Gaussians are made from", items=COVERAGES
        )
        gaussians_span: EnumProperty(name="Frames", description="Which frames Gaussians are made of", items=SPANS)
        gaussians_missing: BoolProperty(
            name="Only Missing Frames",
            description="Go on with the last files of this capture: make the frames that have none yet, and leave the "
            "others as they are",
        )
        frame_format: EnumProperty(name="Format", description="Files of an animation's frames", items=FRAME_FORMATS)
        frames_strip: BoolProperty(
            name="Add Strip",
            description="Put the frames into the scene's sequencer as well, as an image strip",
        )
        farm_kind: EnumProperty(name="Make", description="What a farm makes of each frame", items=FARM_KINDS)
        farm_chunk: IntProperty(
            name="Frames per Task",
            description="Larger tasks start Blender and load the network less often; smaller ones spread over more "
            "machines. 0 takes so many that starting up is a tenth of a task at most",
            min=0,
            max=150,
        )
        farm_device: EnumProperty(name="Device", description="What a farm computes on", items=DEVICES)
        farm_movie: BoolProperty(
            name="Movie", description="Have the farm make a movie of the frames once all of them are checked"
        )
        live_side: IntProperty(
            name="Viewport Size",
            description="Longer side of the pictures in the rendered viewport, in pixels. Larger ones are sharper and "
            "take longer",
            subtype="PIXEL",
            min=64,
            max=8192,
            soft_min=256,
            soft_max=4096,
            default=960,
            update=_pictures_change,
        )
        prefetch: IntProperty(
            name="Frames Ahead",
            description="So many frames after the current one are made while a rendered viewport looks through the "
            "camera, so that they are there when you scrub or play; 0 makes none",
            min=0,
            max=10000,
            soft_max=250,
            default=24,
            update=_pictures_change,
        )
        active_source: IntProperty(options={"HIDDEN"})


def _mask_chosen(settings: "CameraSettings", context: bpy.types.Context) -> None:
    if settings.mask is not None:
        settings.mask_kind = "IMAGE"
    _pictures_change(settings, context)


class CameraSettings(bpy.types.PropertyGroup):
    """A camera as a source."""

    if TYPE_CHECKING:
        enabled: bool
        mask_kind: str
        mask: bpy.types.Image | None
        clean_plate: bpy.types.Image | None
        plate_threshold: float
        key_colour: tuple[float, float, float]
        key_tolerance: float
        gain: tuple[float, float, float]
        offset: tuple[float, float, float]
        frame_speed: float
        frame_shift: float
    else:
        enabled: BoolProperty(
            name="Use",
            description="Whether this photograph may be used as a source",
            default=True,
            update=_pictures_change,
        )
        mask_kind: EnumProperty(
            name="Mask",
            description="What tells the subject of the photograph from the background",
            items=MASK_KINDS,
            update=_pictures_change,
        )
        mask: PointerProperty(
            name="Image",
            description="White where the photograph shows the scene, black where it shows what must not appear",
            type=bpy.types.Image,
            update=_mask_chosen,
        )
        clean_plate: PointerProperty(
            name="Plate",
            description="The picture of the same camera without the subject, in the same light",
            type=bpy.types.Image,
            update=_pictures_change,
        )
        plate_threshold: FloatProperty(
            name="Threshold",
            description="How much the photograph must differ from the clean plate; raise it where shadows and noise "
            "count as subject, lower it where parts of the subject are missing",
            min=0.1,
            max=10.0,
            soft_min=0.3,
            soft_max=4.0,
            default=1.0,
            update=_pictures_change,
        )
        key_colour: FloatVectorProperty(
            name="Colour",
            description="The colour of the screen behind the subject, as the photograph shows it",
            subtype="COLOR_GAMMA",
            size=3,
            min=0.0,
            max=1.0,
            default=(0.0, 0.69, 0.25),
            update=_pictures_change,
        )
        key_tolerance: FloatProperty(
            name="Tolerance",
            description="How far from the key colour the screen may be; raise it where parts of the screen are left, "
            "lower it where the subject has holes",
            subtype="FACTOR",
            min=0.05,
            max=0.9,
            default=0.4,
            update=_pictures_change,
        )
        gain: FloatVectorProperty(
            name="Gain",
            description="Red, green and blue of the photograph are multiplied by this in linear light where a picture "
            "is made from it; 1 changes nothing. The photograph itself stays as it is",
            size=3,
            min=1e-3,
            soft_min=0.25,
            soft_max=4.0,
            default=(1.0, 1.0, 1.0),
            precision=3,
            update=_pictures_change,
        )
        offset: FloatVectorProperty(
            name="Offset",
            description="This is added after the gain, in linear light with 1 as white; 0 changes nothing",
            size=3,
            soft_min=-0.05,
            soft_max=0.05,
            default=(0.0, 0.0, 0.0),
            precision=4,
            step=0.1,
            update=_pictures_change,
        )
        frame_speed: FloatProperty(
            name="Speed",
            description="Frames of this camera's recording for each frame of the scene: 0.5 where it has 25 a second "
            "and the scene 50",
            min=0.001,
            max=1000.0,
            soft_min=0.1,
            soft_max=10.0,
            default=1.0,
            precision=4,
            update=_pictures_change,
        )
        frame_shift: FloatProperty(
            name="Shift",
            description="So many frames of its recording later is this camera read, to bring it into step with the "
            "others; the recorded frame that is nearest in time counts",
            soft_min=-100.0,
            soft_max=100.0,
            default=0.0,
            precision=2,
            update=_pictures_change,
        )


class CollectionSettings(bpy.types.PropertyGroup):
    """A collection as a capture: where it came from and what is known of it."""

    if TYPE_CHECKING:
        format: str
        path: str
        units: str
        report: str
        left_out: str
        check: str
        show_matches: bool
        points: bpy.types.Object | None
        depth_near: float
        depth_far: float
        depth_origin: str
        depth_cameras: int
        depth_extent: float
    else:
        format: StringProperty(name="Format", description="Kind of calibration the capture was imported from")
        path: StringProperty(name="File", description="Where the capture was imported from", subtype="FILE_PATH")
        units: StringProperty(name="Unit", description="What the calibration's lengths are in, where it says so")
        report: StringProperty(options={"HIDDEN"})  # a line each
        left_out: StringProperty(options={"HIDDEN"})  # a camera and the reason each
        check: StringProperty(options={"HIDDEN"})  # what Check Calibration found, as JSON
        show_matches: BoolProperty(
            name="Show Matches",
            description="Draw matched points over the photograph of a source that you look through: green where the "
            "cameras fit them to a pixel, red where they do not",
            update=_pictures_change,
        )
        points: PointerProperty(
            name="Points", description="The calibration's points, to place a target camera by", type=bpy.types.Object
        )
        depth_near: FloatProperty(name="Nearest", subtype="DISTANCE")
        depth_far: FloatProperty(name="Farthest", subtype="DISTANCE")
        depth_origin: StringProperty(name="Origin", description="Where the depth range was found")
        depth_cameras: IntProperty(options={"HIDDEN"})
        depth_extent: FloatProperty(options={"HIDDEN"})


class ObjectSettings(bpy.types.PropertyGroup):
    """An object of Gaussians that follow the frame."""

    if TYPE_CHECKING:
        sequence: str
        sequence_note: str
    else:
        sequence: StringProperty(
            name="Sequence",
            description="PLY files, one for each frame: the number of the frame stands where the # are, as in "
            "walk.####.ply. The object's Gaussians follow the frame; empty lets them stay as they are",
            subtype="FILE_PATH",
            options=RELATIVE_PATH,
        )
        sequence_note: StringProperty(options={"HIDDEN"})


class JobState(bpy.types.PropertyGroup):
    """The running job and what became of the last one; never saved."""

    if TYPE_CHECKING:
        running: bool
        title: str
        fraction: float
        message: str
        error: str
        error_code: str
        warnings: str
        facts: str
    else:
        running: BoolProperty()
        title: StringProperty()
        fraction: FloatProperty()
        message: StringProperty()
        error: StringProperty()
        error_code: StringProperty()
        warnings: StringProperty()
        facts: StringProperty()


GROUPS: tuple[tuple[type[bpy.types.ID], type[bpy.types.PropertyGroup]], ...] = (
    (bpy.types.Scene, SceneSettings),
    (bpy.types.Camera, CameraSettings),
    (bpy.types.Collection, CollectionSettings),
    (bpy.types.Object, ObjectSettings),
    (bpy.types.WindowManager, JobState),
)


def register() -> None:
    """Give every ID type its group; the classes are registered already."""
    for owner, group in GROUPS:
        setattr(owner, PROPERTY, PointerProperty(type=group))  # type: ignore[func-returns-value]


def unregister() -> None:
    """Take the groups away."""
    for owner, _ in reversed(GROUPS):
        delattr(owner, PROPERTY)


def of_scene(scene: bpy.types.Scene) -> SceneSettings:
    """Return the scene's settings."""
    return scene.sightline  # type: ignore[attr-defined, no-any-return]


def of_camera(camera: bpy.types.Camera) -> CameraSettings:
    """Return the settings of a camera's data."""
    return camera.sightline  # type: ignore[attr-defined, no-any-return]


def of_collection(collection: bpy.types.Collection) -> CollectionSettings:
    """Return what is known of a capture."""
    return collection.sightline  # type: ignore[attr-defined, no-any-return]


def of_object(obj: bpy.types.Object) -> ObjectSettings:
    """Return the settings of an object of Gaussians."""
    return obj.sightline  # type: ignore[attr-defined, no-any-return]


def job_state() -> JobState:
    """Return the state of the job, which belongs to the running Blender."""
    return bpy.data.window_managers[0].sightline  # type: ignore[attr-defined, no-any-return]
