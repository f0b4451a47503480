"""The colour of what rays hit: textures, lights, shadows, highlights, surroundings. Linear light throughout."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from .atlas import Atlas, Library
from .trace import Tracer
from .world import BOX, CYLINDER, Light, Packed

# Exponent on 1/cos of the footprint: 1 is the longer axis (blurs), 0.5 equal area (aliases).
SLANT = 0.75


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

    Args:
        packed: The world.
        library: Its textures.
        origin, direction: (3, N) in the scene.
        t, number: (N,) from the ray caster.
        pixel: (N,) size of a pixel at t = 1 in scene units.
    """
    colour = environment(packed, library.environments, direction, pixel)
    shadow = torch.zeros_like(number)
    hits = torch.nonzero(number >= 0)[:, 0]
    if len(hits) == 0:
        return colour, shadow
    whole = len(hits) == len(number)
    if not whole:
        origin, direction = origin[:, hits], direction[:, hits]
        t, number, pixel = t[hits], number[hits], pixel[hits]
    surface, bits = _surface(packed, library, origin, direction, t, number, pixel)
    if whole:
        return surface, bits
    colour[:, hits] = surface
    shadow[hits] = bits
    return colour, shadow


def environment(packed: Packed, atlas: Atlas, direction: Tensor, spread: Tensor) -> Tensor:
    """Return the linear colour (3, N) of the surroundings in ``direction`` (3, N), blurred by ``spread`` radians (N,)."""
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
    magnitude = own.abs()
    axis = magnitude.argmax(dim=0)
    cylinder = kind == CYLINDER
    cap = magnitude[2] > torch.sqrt(own[0] ** 2 + own[1] ** 2)
    axis = torch.where(cylinder, cap.long() * 2, axis)
    axis = torch.where(kind > CYLINDER, torch.full_like(axis, 2), axis)
    return axis, torch.where(own.gather(0, axis[None])[0] < 0, -1.0, 1.0)


def _normal(linear: Tensor, own: Tensor, kind: Tensor, axis: Tensor, sign: Tensor, direction: Tensor) -> Tensor:
    """Return the unit normal (3, N) in the scene, on the side that the ray comes from."""
    flat = torch.zeros_like(own).scatter_(0, axis[None], sign[None])
    round_side = (kind != BOX) & (kind <= CYLINDER) & ~((kind == CYLINDER) & (axis == 2))
    curved = own.clone()
    curved[2] = torch.where(kind == CYLINDER, 0.0, curved[2])
    gradient = torch.where(round_side, curved, flat)
    normal = (linear * gradient[:, None]).sum(dim=0)
    normal = normal / normal.square().sum(dim=0).sqrt().clamp(min=1e-12)
    return normal * torch.where((normal * direction).sum(dim=0) > 0, -1.0, 1.0)


def _surface(
    packed: Packed, library: Library, origin: Tensor, direction: Tensor, t: Tensor, number: Tensor, pixel: Tensor
) -> tuple[Tensor, Tensor]:
    rows = packed.rows[number].T.contiguous()
    point = origin + direction * t
    linear = rows[:9].view(3, 3, -1)
    own = (linear * point[None]).sum(dim=1) + rows[9:12]
    kind = rows[15]
    axis, sign = face_of(own, kind)
    normal = _normal(linear, own, kind, axis, sign, direction)
    reach = direction.square().sum(dim=0).sqrt()
    view = -direction / reach
    facing = (normal * view).sum(dim=0).clamp(min=0.02)

    face = axis * 2 + (sign > 0)
    m = packed.materials[(rows[16] + torch.minimum(rows[17], face.float())).long()].T.contiguous()
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
    level = torch.log2((footprint * density * atlas.height).clamp(min=1e-3))
    picture = m[0].long()
    means = torch.from_numpy(atlas.means).to(point.device)
    deviation = atlas.sample(picture, u, v, level) - means[picture].T
    colour = m[1:4] + (m[4:13].view(3, 3, -1) * deviation[None]).sum(dim=1)
    wave = 1.0 + m[22] * torch.sin((m[19:22] * point).sum(dim=0))
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
    square = towards.square().sum(dim=0)
    towards = towards * square.rsqrt()
    cosine = (normal * towards).sum(dim=0).clamp(min=0.0)
    strength = cosine * (lamp.reach**2 / square.clamp(min=(0.1 * lamp.reach) ** 2)) if lamp.falls else cosine
    dark = torch.zeros_like(number, dtype=torch.bool)
    if lamp.shadows and lamp.position is not None:
        asked = torch.nonzero(cosine > 0)[:, 0]
        tracer = Tracer(packed, np.asarray(lamp.position), packed.casters)
        dark[asked] = tracer.blocked((point - position)[:, asked], number[asked])
        strength = strength * ~dark
    colour = torch.tensor(lamp.colour, dtype=torch.float32, device=packed.device)[:, None]
    half = towards + view
    half = half * half.square().sum(dim=0).clamp(min=1e-12).rsqrt()
    angle = (normal * half).sum(dim=0).clamp(min=1e-4)
    spark = gloss * torch.exp(torch.log(angle) * shininess) * (shininess + 8.0) / 25.0 * strength
    return colour * strength, colour * spark, dark
