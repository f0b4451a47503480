"""Who is trained on, and who is kept for the test."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from inference.errors import CaptureError

from .avatar import Avatar
from .glb import read_avatar
from .recolour import Wardrobe, find_wardrobes

# Persons, not outfits or poses: nothing of them is ever seen in training.
HELD_OUT = ("AIAN_M_1", "Asian_F_2", "Black_M_1", "Hispanic_F_1", "MENA_F_2", "White_M_2")


def person_of(path: Path) -> str:
    """Return the person part of a file's name: Asian_F_2_Casual.glb shows Asian_F_2."""
    return path.stem.rpartition("_")[0]


def training_avatars(folder: Path) -> list[Path]:
    """Return the files in a folder of avatars that may be trained on, by name.

    Raises:
        CaptureError: If there is none.
    """
    files = sorted(path for path in folder.glob("*.glb") if person_of(path) not in HELD_OUT)
    if not files:
        raise CaptureError(f"{folder} holds no avatars to train on; name a folder of .glb files.")
    return files


@lru_cache(maxsize=12)
def cached_avatar(path: Path) -> Avatar:
    """Read an avatar, or return the one read before (about 15 MB each)."""
    return read_avatar(path)


@lru_cache(maxsize=64)
def cached_wardrobes(path: Path) -> tuple[Wardrobe, ...]:
    """Return what the avatar of a file wears where, found once (2 MB each)."""
    return find_wardrobes(cached_avatar(path))
