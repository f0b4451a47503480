"""A picture in a 3D view, by Blender's gpu module: used where there is a window, and nowhere else."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_VERTEX = """
void main() { uv = corner; gl_Position = vec4(mix(place.xy, place.zw, corner), 0.0, 1.0); }
"""

# The view is scene-linear and multiplied by alpha, and Blender's view transform comes after it: the pixels are decoded
# before they are mixed.
_FRAGMENT = """
vec4 at(ivec2 pixel, ivec2 size) {
  vec4 c = texelFetch(picture, clamp(pixel, ivec2(0), size - 1), 0);
  vec3 linear = mix(pow((c.rgb + 0.055) / 1.055, vec3(2.4)), c.rgb / 12.92, lessThanEqual(c.rgb, vec3(0.04045)));
  return vec4(linear * c.a, c.a);
}
void main() {
  ivec2 size = textureSize(picture, 0);
  vec2 p = uv * vec2(size) - 0.5;
  ivec2 q = ivec2(floor(p));
  vec2 w = p - vec2(q);
  vec4 seen = mix(mix(at(q, size), at(q + ivec2(1, 0), size), w.x),
                  mix(at(q + ivec2(0, 1), size), at(q + ivec2(1, 1), size), w.x), w.y);
  colour = seen + (1.0 - seen.a) * behind;
}
"""


def texture_of(rgba: NDArray[np.float32]) -> Any:
    """Return a texture of H x W x 4 sRGB and straight alpha in [0, 1], rows bottom-up."""
    gpu: Any = importlib.import_module("gpu")
    height, width = rgba.shape[:2]
    pixels = gpu.types.Buffer("FLOAT", rgba.size, np.ascontiguousarray(rgba).ravel())
    return gpu.types.GPUTexture((width, height), format="RGBA16F", data=pixels)


def draw(texture: Any, place: tuple[float, float, float, float], behind: NDArray[np.float32] | None) -> None:
    """Draw a texture into the bound view.

    Args:
        texture: As :func:`texture_of` made it.
        place: Left, bottom, right, top in -1..1 of the view.
        behind: (3,) scene-linear colour behind the picture; ``None`` leaves it transparent.
    """
    gpu: Any = importlib.import_module("gpu")
    shader, batch = _program()
    gpu.state.blend_set("ALPHA_PREMULT")
    shader.bind()
    shader.uniform_float("place", place)
    shader.uniform_float("behind", (0, 0, 0, 0) if behind is None else (*map(float, behind), 1.0))
    shader.uniform_sampler("picture", texture)
    batch.draw(shader)
    gpu.state.blend_set("NONE")


@cache
def _program() -> tuple[Any, Any]:
    """Return the shader and the rectangle it draws."""
    gpu: Any = importlib.import_module("gpu")
    batch_for_shader = importlib.import_module("gpu_extras.batch").batch_for_shader
    interface: Any = gpu.types.GPUStageInterfaceInfo("sightline_interface")
    interface.smooth("VEC2", "uv")
    info: Any = gpu.types.GPUShaderCreateInfo()
    info.sampler(0, "FLOAT_2D", "picture")
    info.push_constant("VEC4", "place")
    info.push_constant("VEC4", "behind")
    info.vertex_in(0, "VEC2", "corner")
    info.vertex_out(interface)
    info.fragment_out(0, "VEC4", "colour")
    info.vertex_source(_VERTEX)
    info.fragment_source(_FRAGMENT)
    shader = gpu.shader.create_from_info(info)
    return shader, batch_for_shader(shader, "TRI_STRIP", {"corner": [(0, 0), (1, 0), (0, 1), (1, 1)]})
