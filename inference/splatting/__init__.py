"""Splatting: pictures of 3D Gaussians."""

from .rasterize import Splat, rasterize

__all__ = ["Splat", "rasterize"]
