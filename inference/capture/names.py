"""Names of views from their picture files."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path


def unique_names(images: Sequence[Path]) -> list[str]:
    """Return a name for every picture: the file's stem, with its folder where stems collide, numbered where both do."""
    stems = Counter(image.stem for image in images)
    names = [image.stem if stems[image.stem] == 1 else f"{image.parent.name}/{image.stem}" for image in images]
    again = Counter(names)
    taken: set[str] = {name for name in names if again[name] == 1}
    result: list[str] = []
    for name in names:
        chosen, number = name, 1
        while again[name] > 1 and chosen in taken:
            number += 1
            chosen = f"{name} ({number})"
        taken.add(chosen)
        result.append(chosen)
    return result


def file_stem(name: str) -> str:
    """Return a file name without ending for a view's name; different for different names."""
    stem = re.sub(r"[^\w. ()-]", "_", name)
    return stem if stem == name else f"{stem}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
