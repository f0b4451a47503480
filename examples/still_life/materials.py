"""The surfaces of the still life, by name."""

from __future__ import annotations

from typing import Any

from .shaders import Colour, Shader, srgb


def wood(name: str, dark: str, light: str, scale: float = 1.0) -> Any:
    """Oiled boards running along x: rings, fibres, pores; every board cut from another place of the log."""
    shader = Shader(name, roughness=0.42, coat=0.12)
    along = shader.position(scale=(0.8 * scale, 5 * scale, 5 * scale), turn=(0.4 * scale, 0.02, 0.05 * scale))
    rings = shader.node(
        "TexWave", {"Vector": along, "Scale": 0.55, "Distortion": 9.0, "Detail": 5.0, "Detail Scale": 0.8}
    )
    fibres = shader.noise(38, 8, 0.7, vector=shader.position(scale=(0.35 * scale, 9 * scale, 9 * scale)))
    colour = shader.ramp(rings, [(0.0, srgb(dark)), (0.35, srgb(light)), (1.0, srgb(light))])
    colour = shader.mix(0.65, colour, shader.ramp(fibres, [(0.3, (0.25, 0.22, 0.19)), (0.6, (1, 1, 1))]), "MULTIPLY")
    stains = shader.noise(5.5, 7, 0.65)
    colour = shader.mix(0.6, colour, shader.ramp(stains, [(0.3, (0.4, 0.37, 0.35)), (0.62, (1, 1, 1))]), "MULTIPLY")
    specks = shader.noise(130, 5, 0.7)
    colour = shader.mix(0.55, colour, shader.ramp(specks, [(0.36, (0.42, 0.36, 0.3)), (0.5, (1, 1, 1))]), "MULTIPLY")
    scratch = shader.noise(90, 4, 0.6, vector=shader.position(scale=(0.05, 1, 1), turn=(0, 0, 0.3)))
    colour = shader.mix(shader.math("MULTIPLY", shader.step(scratch, 0.66, 0.7), 0.35), colour, srgb("c9a779"))
    shader.set("Base Color", colour)
    shader.bump(fibres, 0.35, 0.001)
    return shader.material


def plaster(name: str, base: str, worn: str, deep: str) -> Any:
    """A lime-washed wall: clouds, brush marks, worn spots, hairline cracks."""
    shader = Shader(name, roughness=0.9)
    clouds = shader.noise(2.2, 9, 0.62, warp=0.6)
    colour = shader.ramp(clouds, [(0.28, srgb(deep)), (0.5, srgb(base)), (0.74, srgb(worn))])
    brush = shader.noise(16, 7, 0.65, vector=shader.position(scale=(1, 1, 0.22)), warp=1.2)
    colour = shader.mix(0.6, colour, shader.ramp(brush, [(0.32, (0.55, 0.57, 0.58)), (0.62, (1, 1, 1))]), "MULTIPLY")
    chips = shader.step(shader.noise(9, 10, 0.68, warp=0.4), 0.635, 0.66)
    colour = shader.mix(chips, colour, srgb("b7a58a"))
    bent = shader.node("MixRGB", {0: 0.12, 1: shader.position(), 2: shader.noise(5, 4)}, blend_type="ADD")
    crack = shader.math("SUBTRACT", 1.0, shader.step(shader.cells(3.2, "DISTANCE_TO_EDGE", bent), 0.0, 0.007))
    crack = shader.math("MULTIPLY", crack, shader.step(shader.noise(2.7, 3), 0.5, 0.6))
    colour = shader.mix(crack, colour, srgb("3d3a33"))
    shader.set("Base Color", colour)
    coarse = shader.bump(brush, 0.5, 0.004)
    shader.bump(chips, -0.35, 0.002, onto=coarse)
    return shader.material


def linen(name: str, ground: str, stripe: str, accent: str) -> Any:
    """Woven cloth in its own UV metres: threads, slubs, blue stripes along the edges."""
    shader = Shader(name, roughness=0.92)
    shader.set("Sheen Weight", 0.25)
    uv = shader.node("UVMap", {})
    across, along = shader.component(uv, 0), shader.component(uv, 1)

    def threads(value: Any, pitch: float) -> Any:
        return shader.math("SINE", shader.math("MULTIPLY", value, 6.2832 / pitch))

    weave = shader.math("MULTIPLY", threads(across, 0.0034), threads(along, 0.0034))
    slub = shader.noise(420, 3, 0.6, vector=shader.node("Mapping", {"Vector": uv, "Scale": (1, 0.12, 1)}))
    dirt = shader.noise(7, 7, 0.6, vector=uv)
    colour = shader.ramp(dirt, [(0.3, tuple(0.8 * value for value in srgb(ground))), (0.6, srgb(ground))])

    def band(value: Any, centre: float, half: float) -> Any:
        ragged = shader.math("MULTIPLY", shader.math("SUBTRACT", slub, 0.5), 0.0035)
        distance = shader.math("ABSOLUTE", shader.math("SUBTRACT", shader.math("ADD", value, ragged), centre))
        return shader.math("SUBTRACT", 1.0, shader.step(distance, half * 0.85, half * 1.15))

    for centre, half, tint in (
        (0.035, 0.009, stripe),
        (0.058, 0.003, stripe),
        (0.072, 0.0018, accent),
        (0.445, 0.009, stripe),
        (0.422, 0.003, stripe),
        (0.408, 0.0018, accent),
    ):
        colour = shader.mix(shader.math("MULTIPLY", band(across, centre, half), 0.85), colour, srgb(tint))
    repeat = shader.math("PINGPONG", along, 0.06)
    colour = shader.mix(shader.math("MULTIPLY", band(repeat, 0.03, 0.0013), 0.5), colour, srgb(stripe))
    threadbare = shader.ramp(
        shader.math("ADD", shader.math("MULTIPLY", weave, 0.5), 0.5), [(0.0, (0.72, 0.7, 0.67)), (0.6, (1, 1, 1))]
    )
    colour = shader.mix(0.7, colour, threadbare, "MULTIPLY")
    shader.set("Base Color", colour)
    coarse = shader.bump(slub, 0.4, 0.0012)
    shader.bump(weave, 0.3, 0.0006, onto=coarse)
    return shader.material


def glaze(name: str, ground: str, pool: str, bare: str, edge: float, gloss: float = 0.25) -> Any:
    """Stoneware dipped in glaze: speckles, runs, and the bare clay below ``edge`` (metres above the foot)."""
    shader = Shader(name, roughness=gloss, coat=0.35)
    colour = shader.ramp(shader.noise(22, 7, 0.6, warp=0.8), [(0.3, srgb(pool)), (0.6, srgb(ground))])
    speck = shader.math("SUBTRACT", 1.0, shader.step(shader.cells(210), 0.10, 0.22))
    speck = shader.math("MULTIPLY", speck, shader.step(shader.noise(60, 2), 0.5, 0.56))
    colour = shader.mix(shader.math("MULTIPLY", speck, 0.85), colour, srgb("4a3424"))
    height = shader.component(shader.position(), 2)
    drip = shader.noise(26, 3, 0.5, vector=shader.position(scale=(1, 1, 0.15)))
    line = shader.math("MULTIPLY", shader.math("SUBTRACT", drip, 0.5), 0.09)
    dipped = shader.step(shader.math("ADD", height, line), edge - 0.002, edge + 0.002)
    clay = shader.ramp(shader.noise(120, 6, 0.7), [(0.3, tuple(0.6 * v for v in srgb(bare))), (0.7, srgb(bare))])
    shader.set("Base Color", shader.mix(dipped, clay, colour))
    shader.set("Roughness", shader.node("MapRange", {"Value": dipped, "To Min": 0.85, "To Max": gloss}))
    shader.bump(shader.noise(90, 4), 0.12, 0.002)
    return shader.material


def painted(
    name: str, ground: str, ink: str, bands: tuple[tuple[float, float], ...], petals: tuple[float, float]
) -> Any:
    """White pottery with brushed bands and a ring of petals; heights in metres above the foot."""
    shader = Shader(name, roughness=0.22, coat=0.4)
    point = shader.position()
    height = shader.component(point, 2)
    wobble = shader.math("MULTIPLY", shader.math("SUBTRACT", shader.noise(24, 3), 0.5), 0.008)
    level = shader.math("ADD", height, wobble)
    angle = shader.math("ARCTAN2", shader.component(point, 1), shader.component(point, 0))
    cream = shader.ramp(shader.noise(14, 7, 0.6), [(0.3, tuple(0.82 * v for v in srgb(ground))), (0.62, srgb(ground))])
    wash = shader.ramp(shader.noise(70, 5, 0.7), [(0.3, tuple(0.55 * v for v in srgb(ink))), (0.7, srgb(ink))])
    colour = cream
    for centre, half in bands:
        distance = shader.math("ABSOLUTE", shader.math("SUBTRACT", level, centre))
        colour = shader.mix(shader.math("SUBTRACT", 1.0, shader.step(distance, half * 0.7, half * 1.2)), colour, wash)
    middle, reach = petals
    turn = shader.math("ABSOLUTE", shader.math("SINE", shader.math("MULTIPLY", angle, 7.0)))
    shape = shader.math("MULTIPLY", shader.math("POWER", turn, 0.7), reach)
    distance = shader.math("ABSOLUTE", shader.math("SUBTRACT", level, middle))
    filled = shader.math("SUBTRACT", 1.0, shader.step(shader.math("SUBTRACT", distance, shape), -0.004, -0.001))
    vein = shader.step(distance, 0.0006, 0.0016)
    colour = shader.mix(shader.math("MULTIPLY", filled, shader.math("MULTIPLY", vein, 0.9)), colour, wash)
    crazing = shader.math("SUBTRACT", 1.0, shader.step(shader.cells(75, "DISTANCE_TO_EDGE"), 0.0, 0.02))
    colour = shader.mix(shader.math("MULTIPLY", crazing, 0.3), colour, srgb("8a7a60"))
    shader.set("Base Color", colour)
    shader.bump(shader.noise(40, 4), 0.1, 0.002)
    return shader.material


def terracotta(name: str) -> Any:
    """Unglazed clay with turning marks and lime bloom."""
    shader = Shader(name, roughness=0.85)
    grain = shader.noise(160, 6, 0.7)
    colour = shader.ramp(
        shader.noise(12, 8, 0.6), [(0.3, srgb("8f4a2c")), (0.55, srgb("b9683f")), (0.75, srgb("d0906a"))]
    )
    colour = shader.mix(0.5, colour, shader.ramp(grain, [(0.35, (0.5, 0.45, 0.42)), (0.6, (1, 1, 1))]), "MULTIPLY")
    marks = shader.noise(1, 4, 0.6, vector=shader.position(scale=(8, 8, 420)))
    shader.set(
        "Base Color", shader.mix(shader.math("MULTIPLY", shader.step(marks, 0.5, 0.75), 0.35), colour, srgb("e2c4a8"))
    )
    shader.bump(marks, 0.5, 0.0012)
    return shader.material


def fruit(name: str, stops: tuple[str, str, str], pores: float, streaks: float = 0.0, gloss: float = 0.35) -> Any:
    """Skin of a fruit: three tones in clouds, optional streaks from pole to pole, pores as bump and tint."""
    shader = Shader(name, roughness=gloss, coat=0.15)
    factor = shader.noise(18, 6, 0.6, warp=0.5)
    if streaks:
        lines = shader.noise(70, 6, 0.7, vector=shader.position(scale=(1, 1, 0.16)))
        factor = shader.math(
            "ADD", shader.math("MULTIPLY", factor, 1 - streaks), shader.math("MULTIPLY", lines, streaks)
        )
    colour = shader.ramp(factor, [(0.34, srgb(stops[0])), (0.5, srgb(stops[1])), (0.66, srgb(stops[2]))])
    dots = shader.math("SUBTRACT", 1.0, shader.step(shader.cells(pores), 0.1, 0.34))
    colour = shader.mix(shader.math("MULTIPLY", dots, 0.3), colour, srgb(stops[2]))
    shader.set("Base Color", colour)
    shader.bump(shader.cells(pores), 0.22, 0.0008)
    return shader.material


def leaf(name: str, dark: str, light: str) -> Any:
    """A waxy leaf: veins in its own UV square, bloom in patches."""
    shader = Shader(name, roughness=0.55)
    uv = shader.node("UVMap", {})
    across = shader.math("ABSOLUTE", shader.math("SUBTRACT", shader.component(uv, 0), 0.5))
    slanted = shader.math(
        "SUBTRACT", shader.math("MULTIPLY", shader.component(uv, 1), 7.0), shader.math("MULTIPLY", across, 8.0)
    )
    vein = shader.math("PINGPONG", slanted, 0.5)
    lines = shader.math("MINIMUM", shader.step(vein, 0.0, 0.09), shader.step(across, 0.008, 0.035))
    colour = shader.ramp(shader.noise(26, 6, 0.6), [(0.32, srgb(dark)), (0.66, srgb(light))])
    shader.set("Base Color", shader.mix(shader.math("SUBTRACT", 1.0, lines), colour, srgb("c3cbb0")))
    shader.bump(lines, 0.3, 0.001)
    return shader.material


def metal(name: str, colour: Colour, roughness: float) -> Any:
    """Used metal: brushed, with tarnish in the hollows."""
    shader = Shader(name, roughness=roughness, metallic=1.0)
    tarnish = shader.noise(45, 7, 0.65)
    dull = tuple(0.35 * value for value in colour)
    shader.set("Base Color", shader.ramp(tarnish, [(0.34, dull), (0.6, colour)]))
    shader.set(
        "Roughness", shader.node("MapRange", {"Value": tarnish, "To Min": roughness + 0.25, "To Max": roughness})
    )
    return shader.material


def bookcloth(name: str, colour: str) -> Any:
    """Cloth binding: weave, rubbed edges."""
    shader = Shader(name, roughness=0.75)
    weave = shader.noise(650, 2, 0.6)
    rubbed = shader.noise(14, 8, 0.65)
    base = srgb(colour)
    tint = shader.ramp(
        rubbed, [(0.3, tuple(0.6 * v for v in base)), (0.6, base), (0.8, tuple(min(1.0, 1.7 * v + 0.03) for v in base))]
    )
    shader.set(
        "Base Color",
        shader.mix(0.4, tint, shader.ramp(weave, [(0.35, (0.55, 0.55, 0.55)), (0.6, (1, 1, 1))]), "MULTIPLY"),
    )
    shader.bump(weave, 0.3, 0.0006)
    return shader.material


def pages(name: str) -> Any:
    """The cut edge of a block of paper: a line for every few leaves."""
    shader = Shader(name, roughness=0.9)
    lines = shader.noise(1, 3, 0.8, vector=shader.position(scale=(6, 6, 900)))
    aged = shader.noise(20, 5)
    colour = shader.ramp(lines, [(0.3, srgb("a08a64")), (0.6, srgb("e6d8b6"))])
    shader.set(
        "Base Color",
        shader.mix(0.4, colour, shader.ramp(aged, [(0.3, (0.7, 0.62, 0.5)), (0.7, (1, 1, 1))]), "MULTIPLY"),
    )
    shader.bump(lines, 0.4, 0.0008)
    return shader.material


def painting(name: str) -> Any:
    """A small landscape in oil: sky, hills, fields with brush strokes (object z from -0.5 to 0.5 is bottom to top)."""
    shader = Shader(name, roughness=0.5, coat=0.1)
    point = shader.position()
    height = shader.component(point, 2)
    stroke = shader.noise(60, 6, 0.7, vector=shader.position(scale=(0.35, 1, 1)), warp=1.5)
    ridge = shader.math(
        "MULTIPLY",
        shader.math("SUBTRACT", shader.noise(9, 5, 0.6, vector=shader.position(scale=(1, 1, 0.2))), 0.5),
        0.16,
    )
    level = shader.math("ADD", height, ridge)
    level = shader.math("ADD", level, shader.math("MULTIPLY", shader.math("SUBTRACT", stroke, 0.5), 0.035))
    colour = shader.ramp(
        shader.node("MapRange", {"Value": level, "From Min": -0.13, "From Max": 0.13}),
        [
            (0.0, srgb("3f4a22")),
            (0.2, srgb("8c8a3a")),
            (0.34, srgb("c2a45a")),
            (0.45, srgb("5e7a55")),
            (0.56, srgb("4f6f86")),
            (0.6, srgb("e0b98a")),
            (0.78, srgb("b9cbd0")),
            (1.0, srgb("6f98b4")),
        ],
    )
    colour = shader.mix(0.55, colour, shader.ramp(stroke, [(0.3, (0.5, 0.48, 0.45)), (0.65, (1, 1, 1))]), "MULTIPLY")
    shader.set("Base Color", colour)
    shader.bump(stroke, 0.5, 0.0015)
    return shader.material
