"""What the methods can take, as far as the panels must know it."""

from __future__ import annotations

import functools

from ..inference.weights import DEFAULTS, list_weights

MOST_SOURCES = 16

# The method that makes Gaussians of a person.
PEOPLE = "gps-gaussian"

# The method that makes pictures of the Gaussians in the scene, without photographs.
SPLATTING = "splatting"


@functools.cache
def most_sources(method: str) -> int:
    """Return how many sources a method uses at most: a network's number of views is part of its weights."""
    for weights in list_weights():
        if weights.name == DEFAULTS.get(method):
            return int(weights.configuration["views"])
    return MOST_SOURCES


def uses_pairs(method: str) -> bool:
    """Whether a method takes two neighbouring views of a masked subject, whatever their depth range."""
    return method == PEOPLE


@functools.cache
def weights_hash(method: str) -> str:
    """Return the hash of the weights that a method uses; empty where it uses none."""
    return next((weights.hash for weights in list_weights() if weights.name == DEFAULTS.get(method)), "")
