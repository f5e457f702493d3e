"""Random rooms: shell, furniture along the walls and in the middle, lights, beams."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.render import clutter, furniture, looks, objects
from train.render.people import person
from train.render.scene import DOWN, UP, Light, Scene
from train.render.sky import any_sky
from train.render.walls import Opening, door, on_wall, wall, window

Rectangle = tuple[float, float, float, float]  # x0, y0, x1, y1 on the floor, metres


@dataclass
class Room:
    """Floor plan of a room.

    Attributes:
        width, depth, height: metres along x, y, z; one corner is the world's origin.
        blocked: where furniture stands.
        style: see `build_room`.
        table_height, table_middle: metres, of the table of style "tabletop".
    """

    width: float
    depth: float
    height: float
    blocked: list[Rectangle]
    style: str
    table_height: float = 0.0
    table_middle: tuple[float, float] = (0.0, 0.0)


def _rectangle(s: Scene, x: float, y: float, w: float, d: float) -> Rectangle:
    """Bounds in the room's frame of a piece of the current frame."""
    corners = np.array([s.world(x + a, y + b, 0)[:2] for a in (-w / 2, w / 2) for b in (0, d)])
    return (*corners.min(0), *corners.max(0))


def _clear(room: Room, r: Rectangle) -> bool:
    return all(r[2] <= a[0] or a[2] <= r[0] or r[3] <= a[1] or a[3] <= r[1] for a in room.blocked)


def _furnish_wall(
    s: Scene, room: Room, length: float, opening: Opening | None, fill: float
) -> None:
    """Pieces side by side along the wall of the current frame; `fill` 0..1 is how many stay."""
    rng = s.rng
    weights = np.array([p[3] for p in furniture.WALL_PIECES])
    x = rng.uniform(0.0, 0.6)
    for _ in range(8):
        if x > length - 0.4:
            return
        build, w_range, d_range, _ = furniture.WALL_PIECES[
            rng.choice(len(weights), p=weights / weights.sum())
        ]
        w, d = rng.uniform(*w_range), rng.uniform(*d_range)
        mesh = objects.pick(s, "wall", min(length, 3.0), 1.3) if rng.random() < 0.55 else None
        if mesh is not None:
            w, d, turn = objects.along_wall(s, mesh)
        middle = x + w / 2
        at_door = opening is not None and opening[2] == 0
        if at_door:
            at_door = opening[0] - 0.1 <= x + w and x <= opening[1] + 0.1
        box = _rectangle(s, middle, 0.02, w, d)
        if x + w < length and not at_door and rng.random() < fill and _clear(room, box):
            room.blocked.append(box)
            with s.at(middle, 0.03, 0):
                if mesh is not None:
                    objects.wall_piece(s, mesh, d, turn)
                else:
                    build(s, w, d)
        x += w + rng.choice([0.02, rng.uniform(0.1, 1.0)])


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
    for _ in range(int(s.rng.choice([0, 1, 2, 4], p=[0.68, 0.2, 0.08, 0.04]))):
        x = s.rng.uniform(0.4, max(room.width - 0.4, 0.5))
        y = s.rng.uniform(0.4, max(room.depth - 0.4, 0.5))
        with s.at(x, y, 0, s.rng.uniform(0, 6.3)):
            box = _rectangle(s, 0, -0.3, 0.6, 0.6)
            if not _clear(room, box):
                continue
            room.blocked.append(box)
            sitting = s.rng.random() < 0.3
            if sitting:
                with s.at(0, -0.22):
                    furniture.chair(s, 0.43, 0.43)
            with s.at(0, 0, 0, np.pi if sitting else 0):
                person(s, sitting, 0.46)


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
            box = _rectangle(s, 0, -r, 2 * r, 2 * r)
            inside = box[0] > 0 and box[1] > 0 and box[2] < room.width and box[3] < room.depth
            if inside and _clear(room, box):
                room.blocked.append(box)
                s.loaded(mesh.path)


def _middle(s: Scene, room: Room) -> None:
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
            box = _rectangle(s, 0, 0, w, d)
            if not _clear(room, box):
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


def _ceiling_lights(s: Scene, room: Room) -> None:
    """One to three: flat and round, a tube, or hanging."""
    rng = s.rng
    for _ in range(rng.integers(1, 4)):
        x, y = rng.uniform(0.2, 0.8) * room.width, rng.uniform(0.2, 0.8) * room.depth
        colour = looks.hsv(rng.normal(0.1, 0.04), rng.uniform(0, 0.35), 1) * rng.uniform(0.6, 3)
        z, r = room.height, rng.uniform(0.05, 0.3)
        bulb = looks.glow(rng, float(rng.uniform(2, 8)))
        if rng.random() < 0.5:
            s.cone((x, y, z - 0.06), 0.06, r * 0.9, r, bulb, hidden=True)
            light = z - 0.1
        elif rng.random() < 0.5:
            w = rng.uniform(0.3, 0.7)
            s.box((x - w, y - 0.1, z - 0.05), (x + w, y + 0.1, z), bulb, hidden=True)
            light = z - 0.08
        else:
            drop = rng.uniform(0.3, 0.9)
            s.cone((x, y, z - drop), drop, 0.006, 0.006, looks.metal(rng), hidden=True)
            s.ball((x, y, z - drop), (r * 0.7, r * 0.7, r * 0.7), bulb)
            s.hidden[-1] = True
            light = z - drop
        s.lights.append(Light(np.array([x, y, light]), np.eye(3)[:2] * r, colour, np.zeros(3)))


def _beams(s: Scene, room: Room) -> None:
    """Beams, pillars, sloping ceilings: rooms are rarely plain boxes."""
    rng = s.rng
    look = looks.furniture(s)
    if rng.random() < 0.15:
        for k in range(rng.integers(2, 6)):
            x = room.width * (k + 0.5) / 6
            s.box((x, 0, room.height - 0.18), (x + 0.14, room.depth, room.height), look)
    if rng.random() < 0.15:
        x, y, a = rng.uniform(0.2, 0.8) * room.width, rng.uniform(0.2, 0.8) * room.depth, 0.18
        s.box((x - a, y - a, 0), (x + a, y + a, room.height), looks.wall(s))
        room.blocked.append((x - a, y - a, x + a, y + a))
    if rng.random() < 0.12:
        with s.at(0, 0, rng.uniform(1.2, 2.0), 0, rng.uniform(0.5, 0.9)):
            s.box((0, 0, 0), (room.width, 6, 0.1), looks.wall(s), {DOWN: s.new_plane()})
    if rng.random() < 0.2:  # cove or pipe
        s.box((0, 0, room.height - 0.2), (0.2, room.depth, room.height), look)


def build_room(s: Scene, style: str) -> Room:
    """Fill a scene.

    Args:
        s: an empty scene.
        style: "room", "corridor" (long and narrow), "hall" (large and high) or "tabletop" (a room
            with a full table near the middle).
    """
    rng = s.rng
    if style == "corridor":
        room = Room(rng.uniform(1.3, 2.6), rng.uniform(5, 13), rng.uniform(2.2, 3), [], style)
    elif style == "hall":
        room = Room(rng.uniform(6, 11), rng.uniform(6, 12), rng.uniform(2.8, 4.5), [], style)
    else:
        room = Room(rng.uniform(2.4, 6), rng.uniform(2.4, 6.5), rng.uniform(2.2, 3.1), [], style)
    w, d, h = room.width, room.depth, room.height
    s.sky = any_sky(rng, s.assets, float(np.exp(rng.uniform(np.log(0.6), np.log(3)))))
    paint = looks.wall(s)
    s.is_shell = True
    s.box((-1, -1, -0.2), (w + 1, d + 1, 0), looks.ground(s), {UP: s.new_plane()})
    ceiling = paint
    if rng.random() >= 0.3:
        white = looks.hsv(0.1, rng.uniform(0, 0.08), rng.uniform(0.7, 0.97))
        ceiling = looks.Material(first=white, noise_amount=0.05)
    if rng.random() < 0.1:
        ceiling = looks.wall(s)
    s.box((-1, -1, h), (w + 1, d + 1, h + 0.2), ceiling, {DOWN: s.new_plane()})
    s.is_shell = False
    day = looks.hsv(rng.choice([0.58, 0.1]), rng.uniform(0, 0.3), 1) * rng.choice([0.05, 1, 1, 1.5])
    if style in ("tabletop", "closeup"):
        tw, td = rng.uniform(0.7, 1.8), rng.uniform(0.5, 1.0)
        room.table_height = rng.uniform(0.4, 0.8)
        room.table_middle = (rng.uniform(0.4, 0.6) * w, rng.uniform(0.35, 0.65) * d)
        with s.at(*room.table_middle, 0, rng.choice([0, np.pi / 2, rng.uniform(0, 6)])):
            with s.at(0, -td / 2):
                room.blocked.append(_rectangle(s, 0, 0, tw, td))
                furniture.table(s, tw, td, room.table_height, int(rng.integers(3, 26)))
    _beams(s, room)
    frames = [(0, 0, 0.0, w), (w, 0, np.pi / 2, d), (w, d, np.pi, w), (0, d, -np.pi / 2, d)]
    fill = rng.choice([0.3, 0.6, 0.9]) * (
        0.5 if style in ("tabletop", "closeup", "corridor") else 1
    )
    for x, y, yaw, length in frames:
        with s.at(x, y, 0, yaw):
            opening, kind = None, rng.random()
            if kind < 0.35 and length > 1.2:
                a = rng.uniform(0.6, min(2.2, length - 0.4))
                x0 = rng.uniform(0.15, length - a - 0.15)
                z0 = rng.choice([rng.uniform(0.6, 1.1), 0.1])
                opening = (x0, x0 + a, z0, rng.uniform(1.8, h - 0.15))
            elif kind < 0.65 and length > 1.3:
                a = rng.uniform(0.75, 1.0)
                x0 = rng.uniform(0.1, length - a - 0.1)
                opening = (x0, x0 + a, 0.0, min(rng.uniform(1.95, 2.1), h - 0.08))
            accent = paint if rng.random() < 0.75 else looks.wall(s)
            wall(s, length, h, accent, opening)
            if opening is not None and opening[2] > 0:
                window(s, opening, day)
            elif opening is not None:
                door(s, opening, h)
            _furnish_wall(s, room, length, opening, fill)
            on_wall(s, length, h, opening)
    _middle(s, room)
    _ceiling_lights(s, room)
    return room
