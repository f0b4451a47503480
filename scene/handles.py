"""References to Blender's data that outlive undo and deletion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import bpy

Kind = TypeVar("Kind", bound=bpy.types.ID)


@dataclass(frozen=True)
class Handle(Generic[Kind]):
    """Names a data-block by its session uid: undo frees and remakes data-blocks, but keeps their uid."""

    collection: str
    name: str
    uid: int

    @classmethod
    def to(cls, block: Kind, collection: str) -> Handle[Kind]:
        """Return the handle of ``block``, which lies in ``bpy.data.<collection>``."""
        return cls(collection, block.name, block.session_uid)

    def resolve(self) -> Kind | None:
        """Return the data-block, or ``None`` if it was deleted."""
        blocks = getattr(bpy.data, self.collection)
        likely: Kind | None = blocks.get(self.name)
        if likely is not None and likely.session_uid == self.uid:
            return likely
        found: Kind | None = next((block for block in blocks if block.session_uid == self.uid), None)
        return found
