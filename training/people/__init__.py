"""Synthetic people from pairs of neighbouring cameras: posed avatars and procedural bodies, with exact depth."""

from .sample import PersonPicture, PersonSample, draw_sample

__all__ = ["PersonPicture", "PersonSample", "draw_sample"]
