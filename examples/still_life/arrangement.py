"""What is on the table: the parts of the still life in the order in which they are made."""

from __future__ import annotations

import numpy as np

from . import belongings, fruit, furniture, plants, vessels


def build(seed: int = 3) -> None:
    """Model the whole scene into the current (empty) Blender scene."""
    rng = np.random.default_rng(seed)
    furniture.room()
    furniture.runner(rng)
    vessels.pottery()
    fruit.bowl_of_fruit(rng)
    belongings.books()
    plants.branches(rng)
    vessels.candle()
    fruit.grapes(rng)
    belongings.cutlery()
    belongings.spectacles()
    fruit.loose_fruit(rng)
    furniture.picture()
