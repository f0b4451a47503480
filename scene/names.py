"""Every name the extension gives to Blender, in one place."""

from __future__ import annotations

# The extension's package, the key of its preferences and its user folder: bl_ext.<repository>.sightline.
PACKAGE = __package__.rpartition(".")[0]

TAB = "Sightline"

# What follows blender --command.
COMMAND = "sightline"

# The render engine's identifier.
ENGINE = "SIGHTLINE"

# The one property of each ID type.
PROPERTY = "sightline"

# Custom property of a result, an image or an object of Gaussians: what it was made from, as JSON. It marks an image and
# its file as ours.
RESULT_KEY = "sightline_result"

# Custom property of a mask's preview: the name of its camera.
PREVIEW_KEY = "sightline_preview"

# What the display of Gaussians is called, and the custom property that marks its node group and material as ours.
GAUSSIANS = "Sightline Gaussians"
DISPLAY_KEY = "sightline_display"

# Custom property of the temporary scene in which cameras are read at other frames: their collection.
PATH_KEY = "sightline_path"

# Custom property of Gaussians that follow the frame: the sequence and the frame they hold.
LOADED_KEY = "sightline_loaded"


class Attributes:
    """Attributes of Gaussians: Blender 5.3's own names for splats, and the colour that the display shows."""

    POSITION = "position"
    SCALE = "scale"
    ROTATION = "rotation"
    BASE = "radiance:base"  # the constant harmonic and the opacity
    HARMONICS = "radiance:sh_"
    COLOUR = "colour"  # scene-linear, and the opacity

    @classmethod
    def harmonic(cls, index: int) -> str:
        """Return the attribute of a harmonic other than the constant one, counted from 1."""
        return f"{cls.HARMONICS}{index - 1}"


class Operators:
    """``bl_idname`` of every operator."""

    IMPORT_CAPTURE = "sightline.import_capture"
    CAPTURE_FROM_COLLECTION = "sightline.capture_from_collection"
    CAPTURE_FROM_CLIP = "sightline.capture_from_clip"
    ATTACH_PICTURES = "sightline.attach_pictures"
    EXPORT_TRANSFORMS = "sightline.export_transforms"
    EXPORT_COLMAP = "sightline.export_colmap"
    CAPTURE_DETAILS = "sightline.capture_details"
    ALIGN_CAPTURE = "sightline.align_capture"
    PICK_POINTS = "sightline.pick_points"
    ADD_MARKER = "sightline.add_marker"
    CALIBRATE_PHOTOGRAPHS = "sightline.calibrate_photographs"
    CHECK_CALIBRATION = "sightline.check_calibration"
    DISABLE_BAD_CAMERAS = "sightline.disable_bad_cameras"
    LOOK_THROUGH_SOURCE = "sightline.look_through_source"
    MATCH_FRAME_RATES = "sightline.match_frame_rates"
    TOGGLE_SOURCES = "sightline.toggle_sources"
    SYNTHESIZE_VIEW = "sightline.synthesize_view"
    SYNTHESIZE_ANIMATION = "sightline.synthesize_animation"
    EXPORT_FARM_JOB = "sightline.export_farm_job"
    BAKE_FILE = "sightline.bake_file"
    EMPTY_CACHE = "sightline.empty_cache"
    USE_ENGINE = "sightline.use_engine"
    PREVIEW_MASK = "sightline.preview_mask"
    KEY_FROM_BORDER = "sightline.key_from_border"
    COPY_MASK = "sightline.copy_mask"
    EVEN_OUT = "sightline.even_out"
    RESET_COLOURS = "sightline.reset_colours"
    SHOW_COVERAGE = "sightline.show_coverage"
    CANCEL = "sightline.cancel"
    OPEN_RESULT = "sightline.open_result"
    LOOK_THROUGH = "sightline.look_through"
    ADD_TARGET = "sightline.add_target"
    MATCH_RENDER_SIZE = "sightline.match_render_size"
    ENABLE_CAPTURE = "sightline.enable_capture"
    SET_STANDARD_VIEW = "sightline.set_standard_view"
    FREE_MEMORY = "sightline.free_memory"
    OPEN_PREFERENCES = "sightline.open_preferences"
    INSTALL_BACKEND = "sightline.install_backend"
    FIND_DEVICES = "sightline.find_devices"
    SELF_TEST = "sightline.self_test"
    COPY_DIAGNOSTICS = "sightline.copy_diagnostics"
    OPEN_CARD = "sightline.open_card"
    ADD_WEIGHTS_FOLDER = "sightline.add_weights_folder"
    REMOVE_WEIGHTS_FOLDER = "sightline.remove_weights_folder"
    IMPORT_GAUSSIANS = "sightline.import_gaussians"
    EXPORT_GAUSSIANS = "sightline.export_gaussians"
    CREATE_GAUSSIANS = "sightline.create_gaussians"
    RENDER_GAUSSIANS = "sightline.render_gaussians"
    ALLOW_TRANSPARENCY = "sightline.allow_transparency"
    SHOW_COLOURS = "sightline.show_colours"


class Panels:
    """``bl_idname`` of every panel and list."""

    CAPTURE = "SIGHTLINE_PT_capture"
    CAPTURE_MENU = "SIGHTLINE_MT_capture"
    CAPTURE_DROP = "SIGHTLINE_FH_capture"
    CALIBRATION = "SIGHTLINE_PT_calibration"
    ALIGNMENT = "SIGHTLINE_PT_alignment"
    SOURCES = "SIGHTLINE_PT_sources"
    TARGET = "SIGHTLINE_PT_target"
    METHOD = "SIGHTLINE_PT_method"
    RESULT = "SIGHTLINE_PT_result"
    GAUSSIANS = "SIGHTLINE_PT_gaussians"
    ANIMATION = "SIGHTLINE_PT_animation"
    FARM = "SIGHTLINE_PT_farm"
    RENDER = "SIGHTLINE_PT_render"
    SOURCE_LIST = "SIGHTLINE_UL_sources"
