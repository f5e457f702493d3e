"""What stands in the middle of rooms: tables with chairs, loose things, people."""

from __future__ import annotations

import numpy as np

from train.render import clutter, furniture, looks, objects
from train.render.people import person
from train.render.plan import Room, clear, rectangle
from train.render.scene import Scene


def _chair(s: Scene) -> None:
    """A chair or stool, its back at the frame's y = 0."""
    mesh = objects.pick(s, "seat")
    if mesh is None or s.rng.random() < 0.4:
        (furniture.chair, furniture.chair, furniture.stool)[s.rng.integers(3)](s, 0.43, 0.43)
        return
    with s.at(0, 0.22, 0, np.pi / 2 * int(s.rng.integers(4))):
        s.loaded(mesh.path)


def _table(s: Scene, w: float, d: float) -> None:
    """A table with things on it, its back at the frame's y = 0."""
    mesh = objects.pick(s, "table", w * 1.2, d * 1.2)
    if mesh is None or s.rng.random() < 0.4:
        furniture.table(s, w, d)
        return
    _, deep, turn = objects.along_wall(s, mesh)
    with s.at(0, deep / 2, 0, turn):
        s.loaded(mesh.path)
        objects.load(s, mesh, int(s.rng.integers(1, 9)))


def _people(s: Scene, room: Room) -> None:
    """Now and then some, standing where there is room, or sitting on a stool."""
    count = int(s.rng.choice([0, 1, 2, 4], p=[0.68, 0.2, 0.08, 0.04]))
    for _ in range(int(s.rng.integers(2, 6)) if room.style == "person" else count):
        x = s.rng.uniform(0.4, max(room.width - 0.4, 0.5))
        y = s.rng.uniform(0.4, max(room.depth - 0.4, 0.5))
        with s.at(x, y, 0, s.rng.uniform(0, 6.3)):
            box = rectangle(s, 0, -0.3, 0.6, 0.6)
            if not clear(room, box):
                continue
            room.blocked.append(box)
            sitting = s.rng.random() < 0.3
            if sitting:
                with s.at(0, -0.22):
                    furniture.chair(s, 0.43, 0.43)
            with s.at(0, 0, 0, np.pi if sitting else 0):
                person(s, sitting, 0.46)
                room.people += [s.world(0, 0, 1.2 if sitting else 1.55),
                                s.frame[1] @ np.array([0.0, -1, 0])]  # fmt: skip


def _on_floor(s: Scene, room: Room) -> None:
    """A few objects from disk that stand on floors."""
    for _ in range(s.rng.integers(0, 4)):
        mesh = objects.pick(s, "floor")
        x = s.rng.uniform(0.3, max(room.width - 0.3, 0.4))
        y = s.rng.uniform(0.3, max(room.depth - 0.3, 0.4))
        if mesh is None:
            continue
        with s.at(x, y, 0, s.rng.uniform(0, 6.3)):
            r = max(mesh.size[:2]) / 2
            box = rectangle(s, 0, -r, 2 * r, 2 * r)
            inside = box[0] > 0 and box[1] > 0 and box[2] < room.width and box[3] < room.depth
            if inside and clear(room, box):
                room.blocked.append(box)
                s.loaded(mesh.path)


def furnish_middle(s: Scene, room: Room) -> None:
    """Rug, a table with chairs or a coffee table, loose pieces, things on the floor."""
    rng = s.rng
    if rng.random() < 0.45:
        w, d = rng.uniform(0.8, room.width * 0.7), rng.uniform(0.8, room.depth * 0.7)
        with s.at(room.width / 2, room.depth / 2, 0, rng.choice([0, 0, rng.uniform(0, 3)])):
            s.box((-w / 2, -d / 2, 0), (w / 2, d / 2, rng.uniform(0.004, 0.02)), looks.rug(s))
    for _ in range(rng.integers(0, 4)):
        w, d = rng.uniform(0.5, 1.8), rng.uniform(0.5, 1.0)
        x = rng.uniform(0.9, max(room.width - 0.9, 1))
        y = rng.uniform(0.9, max(room.depth - 0.9, 1))
        yaw = rng.choice([0, np.pi / 2, rng.uniform(0, 6.3)])
        with s.at(x, y, 0, yaw):
            box = rectangle(s, 0, 0, w, d)
            if not clear(room, box):
                continue
            room.blocked.append(box)
            kind = rng.random()
            if kind < 0.5:
                _table(s, w, d)
                for side in (-1, 1):
                    for k in range(int(w / 0.7)):
                        if rng.random() < 0.6:
                            yaw = 0 if side < 0 else np.pi
                            cx = (-w / 2 + 0.35 + 0.7 * k) + rng.normal(0, 0.05)
                            cy = -rng.uniform(0.1, 0.5) if side < 0 else d + rng.uniform(0.1, 0.5)
                            with s.at(cx, cy, 0, yaw + rng.normal(0, 0.3)):
                                _chair(s)
            elif kind < 0.65:
                furniture.table(s, w, d * 0.7, rng.uniform(0.3, 0.5))
            elif kind < 0.85:
                for _ in range(rng.integers(1, 4)):
                    with s.at(rng.uniform(-0.5, 0.5) * w, 0, 0, rng.uniform(0, 6.3)):
                        _chair(s)
            else:
                furniture.sofa(s, max(w, 0.9), 0.85)
    _on_floor(s, room)
    _people(s, room)
    count = int(rng.integers(0, 4) if rng.random() < 0.6 else rng.integers(4, 25))
    clutter.scatter(s, (0.3, 0.3), (room.width - 0.3, room.depth - 0.3), 0, count,
                    clutter.FLOOR_THINGS, (0.15, 0.6))  # fmt: skip
