"""The colour of what rays hit: textures, lights, shadows, highlights, surroundings. Linear light throughout."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .atlas import Atlas, Library
from .trace import Tracer
from .world import CYLINDER, ELLIPSOID, Light, Packed

# Exponent on 1/cos of the footprint: 1 is the longer axis (blurs), 0.5 equal area (aliases).
SLANT = 0.75
# Trilinear filtering is wider than a pixel; a third of a level sharper it has the detail of a supersampled picture.
SHARPEN = 0.35
# Rays shaded at a time: the temporaries of a pass stay in the cache.
SHADE_CHUNK = {"cpu": 24576}


def to_linear(colour: Tensor) -> Tensor:
    """Display-referred to linear, by the power 2.2."""
    return colour.clamp(min=0.0) ** 2.2


def shade(
    packed: Packed,
    library: Library,
    origin: Tensor,
    direction: Tensor,
    t: Tensor,
    number: Tensor,
    pixel: Tensor,
) -> tuple[Tensor, Tensor]:
    """Return the linear colour (3, N) that rays see, and a bit mask (N,) of the shadowing lights, for edge detection.

    ``origin`` and ``direction`` (3, N) are in the scene, ``t`` and ``number`` (N,) from the ray caster, ``pixel`` (N,)
    is the size of a pixel at t = 1 in scene units.
    """
    colour = torch.empty_like(direction)
    shadow = torch.zeros_like(number)
    misses = torch.nonzero(number < 0)[:, 0]
    if len(misses):
        colour[:, misses] = environment(packed, library.environments, direction[:, misses], pixel[misses])
    if len(misses) == len(number):
        return colour, shadow
    hits = torch.nonzero(number >= 0)[:, 0]
    if len(misses):
        origin, direction = origin[:, hits], direction[:, hits]
        t, number, pixel = t[hits], number[hits], pixel[hits]
    chunk = SHADE_CHUNK.get(packed.device.type, len(number))
    arrays = (torch.split(array, chunk, dim=-1) for array in (origin, direction, t, number, pixel))
    parts = [_surface(packed, library, *part) for part in zip(*arrays, strict=True)]
    surface, bits = torch.cat([part[0] for part in parts], dim=1), torch.cat([part[1] for part in parts])
    if len(misses) == 0:
        return surface, bits
    colour[:, hits] = surface
    shadow[hits] = bits
    return colour, shadow


def dot(a: Tensor, b: Tensor) -> Tensor:
    """Return the products (N,) of vectors (3, N); faster than a reduction over three rows."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def environment(packed: Packed, atlas: Atlas, direction: Tensor, spread: Tensor) -> Tensor:
    """Return the linear colour (3, N) of the surroundings in ``direction`` (3, N), blurred by radians (N,)."""
    gain = torch.tensor(packed.world.environment_gain, dtype=torch.float32, device=packed.device)[:, None]
    if packed.world.environment is None:
        return gain.expand(3, direction.shape[1]).clone()
    u = torch.atan2(direction[1], direction[0]) / (2 * math.pi) + packed.world.environment_turn
    flat = torch.sqrt(direction[0] ** 2 + direction[1] ** 2)
    v = torch.atan2(flat, direction[2]) / math.pi
    level = torch.log2((spread * (atlas.height / math.pi)).clamp(min=1.0))
    picture = torch.full_like(u, packed.world.environment, dtype=torch.int64)
    return to_linear(atlas.sample(picture, u, v.clamp(0.001, 0.999), level)) * gain


def face_of(own: Tensor, kind: Tensor) -> tuple[Tensor, Tensor]:
    """Return the axis (N,) 0..2 and sign (N,) of the face that the point ``own`` (3, N) of a shape's surface lies on.

    Of a cylinder: axis 2 on the caps, axis 0 on the side. Of an ellipsoid: the largest component, as on a cube map.
    """
    x, y, z = own.abs()
    second = y > x
    largest = torch.where(z > torch.maximum(x, y), 2, second.long())
    cap = (z * z > x * x + y * y).long() * 2
    axis = torch.where(kind == CYLINDER, cap, largest).masked_fill_(kind > CYLINDER, 2)
    component = torch.where(axis == 0, own[0], torch.where(axis == 1, own[1], own[2]))
    return axis, torch.where(component < 0, -1.0, 1.0)


def _normal(linear: Tensor, own: Tensor, kind: Tensor, axis: Tensor, sign: Tensor, direction: Tensor) -> Tensor:
    """Return the unit normal (3, N) in the scene, on the side that the ray comes from."""
    cylinder = kind == CYLINDER
    curved = (kind == ELLIPSOID) | (cylinder & (axis == 0))
    gradient = [torch.where(curved, own[i], sign * (axis == i)) for i in range(3)]
    gradient[2] = gradient[2].masked_fill(cylinder & (axis == 0), 0.0)
    normal = linear[0] * gradient[0] + linear[1] * gradient[1] + linear[2] * gradient[2]
    normal = normal * dot(normal, normal).clamp(min=1e-24).rsqrt()
    return normal * torch.where(dot(normal, direction) > 0, -1.0, 1.0)


def _surface(
    packed: Packed, library: Library, origin: Tensor, direction: Tensor, t: Tensor, number: Tensor, pixel: Tensor
) -> tuple[Tensor, Tensor]:
    rows = packed.rows.index_select(1, number)
    point = origin + direction * t
    linear = rows[:9].view(3, 3, -1)
    own = torch.stack([dot(linear[i], point) for i in range(3)]) + rows[9:12]
    kind = rows[15]
    axis, sign = face_of(own, kind)
    normal = _normal(linear, own, kind, axis, sign, direction)
    reach = dot(direction, direction).sqrt()
    view = -direction / reach
    facing = dot(normal, view).clamp(min=0.02)

    face = axis * 2 + (sign > 0)
    m = packed.materials.index_select(1, (rows[16] + torch.minimum(rows[17], face.float())).long())
    albedo = _albedo(library.surfaces, m, own, rows[12:15], kind, axis, face, point, t * pixel * facing**-SLANT)

    up = normal[2] * 0.5 + 0.5
    ambient = torch.tensor(packed.world.ambient, dtype=torch.float32, device=packed.device)
    light = ambient[1][:, None] + (ambient[0] - ambient[1])[:, None] * up
    light = light + m[26]
    highlight = torch.zeros_like(light)
    bits = axis + 4 * face
    for index, lamp in enumerate(packed.world.lights):
        received, spark, dark = _lit(packed, lamp, origin, point, normal, view, number, m[23], m[24])
        light = light + received
        highlight = highlight + spark
        bits = bits + (dark.long() << (8 + index))
    colour = albedo * light + highlight
    mirrors = torch.nonzero(m[25] > 0)[:, 0]
    if len(mirrors):
        n, v, f = normal[:, mirrors], view[:, mirrors], facing[mirrors]
        reflected = n * (2.0 * f) - v
        spread = 2.0 / torch.sqrt(m[24, mirrors] + 2.0)
        fresnel = m[25, mirrors] + (1.0 - m[25, mirrors]) * (1.0 - f) ** 5 * 0.6
        seen = environment(packed, library.environments, reflected, spread)
        colour[:, mirrors] += fresnel * seen * ambient[0].mean().clamp(0.1, 1.0)
    return colour, bits


def _albedo(
    atlas: Atlas, m: Tensor, own: Tensor, scale: Tensor, kind: Tensor, axis: Tensor, face: Tensor, point: Tensor,
    footprint: Tensor,
) -> Tensor:  # fmt: skip
    """Return the linear albedo (3, N), filtered over ``footprint`` (N,) in scene units."""
    q = own * scale
    a = torch.where(axis == 0, q[1], torch.where(axis == 1, q[2], q[0]))
    b = torch.where(axis == 0, q[2], torch.where(axis == 1, q[0], q[1]))
    side = (kind == CYLINDER) & (axis == 0)
    a = torch.where(side, torch.atan2(own[1], own[0]) * torch.maximum(scale[0], scale[1]), a)
    b = torch.where(side, q[2], b)
    u = m[13] * a + m[14] * b + m[17] + face * 0.371
    v = m[15] * a + m[16] * b + m[18]
    density = torch.sqrt((m[13] * m[16] - m[14] * m[15]).abs())
    level = torch.log2((footprint * density * atlas.height).clamp(min=1e-3)) - SHARPEN
    picture = m[0].long()
    deviation = atlas.sample(picture, u, v, level) - atlas.means.index_select(1, picture)
    colour = m[1:4] + torch.stack([dot(m[4 + 3 * i : 7 + 3 * i], deviation) for i in range(3)])
    wave = 1.0 + m[22] * torch.sin(dot(m[19:22], point))
    return to_linear((colour * wave).clamp(0.01, 0.98))


def _lit(
    packed: Packed, lamp: Light, origin: Tensor, point: Tensor, normal: Tensor, view: Tensor, number: Tensor,
    gloss: Tensor, shininess: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """Return what a light gives to matte (3, N) and glossy (3, N) surfaces and where it is blocked (N,)."""
    if lamp.position is None:
        position = origin
    else:
        position = torch.tensor(lamp.position, dtype=torch.float32, device=packed.device)[:, None]
    towards = position - point
    square = dot(towards, towards)
    towards = towards * square.rsqrt()
    cosine = dot(normal, towards).clamp(min=0.0)
    strength = cosine * (lamp.reach**2 / square.clamp(min=(0.1 * lamp.reach) ** 2)) if lamp.falls else cosine
    dark = torch.zeros_like(number, dtype=torch.bool)
    if lamp.shadows and lamp.position is not None:
        asked = torch.nonzero(cosine > 0)[:, 0]
        tracer = Tracer(packed, np.asarray(lamp.position), packed.casters)
        dark[asked] = tracer.blocked((point - position)[:, asked], number[asked])
        strength = strength * ~dark
    colour = torch.tensor(lamp.colour, dtype=torch.float32, device=packed.device)[:, None]
    half = towards + view
    half = half * dot(half, half).clamp(min=1e-12).rsqrt()
    angle = dot(normal, half).clamp(min=1e-4)
    spark = gloss * torch.exp(torch.log(angle) * shininess) * (shininess + 8.0) / 25.0 * strength
    return colour * strength, colour * spark, dark
