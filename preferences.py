"""The extension's page in Blender's preferences."""

from typing import TYPE_CHECKING

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, StringProperty

from .panels.preferences_page import draw_page
from .scene import backend, weight_files
from .scene.locks import AUTOMATIC, CPU, CUDA
from .scene.properties import RELATIVE_PATH

ACCELERATORS = (
    (
        AUTOMATIC,
        "Automatic",
        "CUDA where a driver of NVIDIA's is installed, else the CPU; on a Mac its own GPU as well",
    ),
    (CPU, "CPU", "The smallest download; every method works, slowly"),
    (CUDA, "CUDA", "For NVIDIA's GPUs: several gigabytes"),
)


def _changed(_self: object, _context: bpy.types.Context) -> None:
    backend.forget()


def _weights_changed(_self: object, _context: bpy.types.Context) -> None:
    weight_files.forget()
    backend.end_worker()  # it was told the folders when it started


class WeightsFolder(bpy.types.PropertyGroup):
    """A folder with weights."""

    if TYPE_CHECKING:
        folder: str
    else:
        folder: StringProperty(
            name="Folder",
            description="A folder with weights of yours, safetensors files",
            subtype="DIR_PATH",
            update=_weights_changed,
        )


class SightlinePreferences(bpy.types.AddonPreferences):
    """Where the backend is and where results go."""

    bl_idname = __package__

    if TYPE_CHECKING:
        accelerator: str
        backend_python: str
        backend_folder: str
        wheel_folder: str
        package_index: str
        keep_downloads: bool
        weights_folders: bpy.types.bpy_prop_collection[WeightsFolder]
        use_all_gpus: bool
        output_folder: str
        cache_gigabytes: float
        show_backend: bool
        show_weights: bool
    else:
        accelerator: EnumProperty(
            name="Accelerator",
            description="What the backend that Sightline installs computes on",
            items=ACCELERATORS,
            default=AUTOMATIC,
            update=_changed,
        )
        backend_python: StringProperty(
            name="Backend Python",
            description="A Python that has the backend's packages (torch and others). Leave it empty to use the one "
            "that Sightline installs",
            subtype="FILE_PATH",
            update=_changed,
        )
        backend_folder: StringProperty(
            name="Backend Folder",
            description="Where Sightline installs the backend: another disk, or a short path on Windows; a folder "
            "named sightline is made there. Leave it empty to use Blender's user files",
            subtype="DIR_PATH",
            update=_changed,
        )
        wheel_folder: StringProperty(
            name="Wheel Folder",
            description="A folder with all the packages as wheels, to install from without a network. Leave it empty "
            "to download them",
            subtype="DIR_PATH",
        )
        package_index: StringProperty(
            name="Further Index",
            description="Address of a package index to ask beside pip's own: a studio's mirror, or one with packages "
            "for CUDA. Only files whose hashes are known are taken",
        )
        keep_downloads: BoolProperty(
            name="Keep Downloads",
            description="Keep what was downloaded, so that a repair or an update fetches only what is new. It takes "
            "about as much disk space as the download",
        )
        weights_folders: CollectionProperty(type=WeightsFolder)
        use_all_gpus: BoolProperty(
            name="Use All GPUs",
            description="Make the frames of an animation on all GPUs of this machine at once, one frame on each, if it "
            "has several. Each takes the memory of one",
        )
        output_folder: StringProperty(
            name="Output",
            description="Folder for results and undistorted photographs where a scene names none; // is the folder of "
            "the blend file. Results of a file that was never saved go to Sightline's user folder",
            subtype="DIR_PATH",
            options=RELATIVE_PATH,
            default="//sightline/",
        )
        cache_gigabytes: FloatProperty(
            name="Frame Cache (GB)",
            description="How much disk space finished frames may take, in gigabytes; the ones not seen for the longest "
            "time go first",
            min=0.1,
            soft_max=100.0,
            max=10000.0,
            default=10.0,
        )
        show_backend: BoolProperty(name="Where From", description="Show where the backend is installed from and to")
        show_weights: BoolProperty(name="Weights", description="Show the weights that are there")

    def draw(self, context: bpy.types.Context) -> None:
        """Show the state of the backend, what it has found, the weights and the folders."""
        draw_page(self.layout, context, self)
