"""What can be chosen from: identifier, name and description of each choice, as Blender's properties have them."""

from __future__ import annotations

METHODS = (
    ("convglr", "ConvGLR", "Neural rendering from a global latent volume: the best picture"),
    (
        "gps-gaussian",
        "GPS-Gaussian (people)",
        "A person in a ring of cameras, cut out by masks: 3D Gaussians from the two sources on the target's sides",
    ),
    ("plane-sweep", "Plane Sweep (draft)", "Classical stereo without a network: a quick look that needs no weights"),
    ("splatting", "Gaussian Objects", "The Gaussians that are in the scene, splatted; needs no photographs"),
)
QUALITIES = (
    ("preview", "Preview", "A smaller picture in a fraction of the time, to find the right camera"),
    ("full", "Full", "The picture at the render size"),
)
FRAME_FORMATS = (
    ("PNG", "PNG", "16 bits a channel, with alpha"),
    ("JPEG", "JPEG", "8 bits a channel, without alpha: small files"),
    ("OPEN_EXR", "OpenEXR", "Half float, scene-linear, with alpha and depth: for compositing"),
)
FARM_KINDS = (
    ("frames", "Frames", "The target camera's picture at each frame, by the scene's method"),
    ("gaussians", "Gaussians", "A person's Gaussians at each frame, as PLY files"),
)
DEVICES = (
    ("auto", "Automatic", "A GPU where there is one, else the processor"),
    ("cpu", "CPU", "The processor"),
    ("cuda", "CUDA", "A GPU of NVIDIA's"),
    ("mps", "Metal", "The GPU of a Mac"),
)
COVERAGES = (
    (
        "WHOLE",
        "Whole Subject",
        "From all neighbouring sources, fused into one cloud that can be looked at from everywhere",
    ),
    (
        "TARGET",
        "For Target",
        "From the sources on the target's sides alone: sooner made, good for views near the target",
    ),
)
SPANS = (
    ("FRAME", "Current Frame", "One object that stays as it is"),
    (
        "RANGE",
        "Frame Range",
        "A file for every frame of the scene's frame range, and one object that follows the frame",
    ),
)
MASK_KINDS = (
    ("ALPHA", "Alpha or None", "The alpha channel of the photograph, where it has one"),
    ("IMAGE", "Mask Image", "An image, sequence or movie that is white where the photograph shows the subject"),
    ("CLEAN_PLATE", "Clean Plate", "What differs from a picture of the same camera without the subject"),
    ("CHROMA_KEY", "Chroma Key", "What stands before a green or blue screen"),
)
DEPTH_MODES = (
    ("AUTO", "Automatic", "From the calibration's points, or from matches between the photographs"),
    ("MANUAL", "Typed In", "Nearest and farthest thing in the pictures, measured from the target camera"),
)
