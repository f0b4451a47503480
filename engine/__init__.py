"""Sightline as a render engine: final pictures, animations and the rendered viewport."""

from . import render_engine

CLASSES: tuple[type, ...] = render_engine.CLASSES
