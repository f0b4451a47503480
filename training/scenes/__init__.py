"""Endless synthetic multi-view scenes by seed, ray-cast in torch, with exact depth."""

from .config import Sample, SceneConfig
from .sample import sample_scene

__all__ = ["Sample", "SceneConfig", "sample_scene"]
