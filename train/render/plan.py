"""Floor plans: what a place measures, and where things already stand."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from train.render.scene import Scene

Rectangle = tuple[float, float, float, float]  # x0, y0, x1, y1 on the floor, metres


@dataclass
class Room:
    """Floor plan of a room.

    Attributes:
        width, depth, height: metres along x, y, z; one corner is the world's origin.
        blocked: where furniture stands.
        style: see `build_room`.
        shelves: (3,) points in the world in front of which shelves stand, and (3,) the directions
            they face, one after the other.
        desks: (3,) points on desks, and (3,) directions to who sits there, in turn.
        people: (3,) places of heads, and (3,) directions that they face, in turn.
        table_height, table_middle: metres, of the table that styles "tabletop", "closeup" and
            "still_life" are about.
    """

    width: float
    depth: float
    height: float
    blocked: list[Rectangle]
    style: str
    shelves: list[np.ndarray] = field(default_factory=list)
    desks: list[np.ndarray] = field(default_factory=list)
    people: list[np.ndarray] = field(default_factory=list)
    table_height: float = 0.0
    table_middle: tuple[float, float] = (0.0, 0.0)


def rectangle(s: Scene, x: float, y: float, w: float, d: float) -> Rectangle:
    """Bounds in the room's frame of a piece of the current frame."""
    corners = np.array([s.world(x + a, y + b, 0)[:2] for a in (-w / 2, w / 2) for b in (0, d)])
    return (*corners.min(0), *corners.max(0))


def clear(room: Room, r: Rectangle) -> bool:
    """Does nothing stand there yet?"""
    return all(r[2] <= a[0] or a[2] <= r[0] or r[3] <= a[1] or a[3] <= r[1] for a in room.blocked)
