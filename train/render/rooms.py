"""Random rooms: shell with doors and windows, furniture along the walls and in the middle, lights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from train.render import clutter, furniture, looks
from train.render.materials import Material
from train.render.scene import DOWN, UP, Light, Scene

THICK = 0.12


@dataclass
class Room:
    """Floor plan of a finished room: size in metres, blocked rectangles (x0, y0, x1, y1)."""

    width: float
    depth: float
    height: float
    blocked: list[tuple[float, float, float, float]]
    style: str
    table_height: float = 0.0
    table_middle: tuple[float, float] = (0.0, 0.0)


def _wall(s: Scene, length: float, height: float, look: Material, opening) -> None:
    """Wall along local x at y = 0, room on +y, with one rectangular hole or none."""
    plane = {3: s.new_plane()}
    s.is_shell = True
    if opening is None:
        s.box((-THICK, -THICK, 0), (length + THICK, 0, height), look, plane)
    else:
        x0, x1, z0, z1 = opening
        s.box((-THICK, -THICK, 0), (x0, 0, height), look, plane)
        s.box((x1, -THICK, 0), (length + THICK, 0, height), look, plane)
        s.box((x0, -THICK, z1), (x1, 0, height), look, plane)
        if z0 > 0:
            s.box((x0, -THICK, 0), (x1, 0, z0), look, plane)
    s.is_shell = False


def _window(s: Scene, opening, day: np.ndarray) -> None:
    """Frame, bars, what lies outside, and the light that falls in."""
    rng = s.rng
    x0, x1, z0, z1 = opening
    frame, b = looks.furniture(s), rng.uniform(0.03, 0.08)
    y = -THICK * rng.uniform(0.3, 0.9)
    s.box((x0, y - 0.03, z0), (x0 + b, y + 0.03, z1), frame)
    s.box((x1 - b, y - 0.03, z0), (x1, y + 0.03, z1), frame)
    s.box((x0, y - 0.03, z0), (x1, y + 0.03, z0 + b), frame)
    s.box((x0, y - 0.03, z1 - b), (x1, y + 0.03, z1), frame)
    for k in range(rng.integers(0, 3)):
        x = x0 + (x1 - x0) * (k + 1) / 3
        s.box((x - b / 3, y - 0.02, z0), (x + b / 3, y + 0.02, z1), frame)
    if rng.random() < 0.6:
        s.box((x0 - 0.05, -0.02, z0 - 0.04), (x1 + 0.05, rng.uniform(0.03, 0.2), z0), frame)
    if rng.random() < 0.25:  # a blind
        blind = looks.glow(rng, float(rng.uniform(0.5, 2)))
        s.box((x0, y - 0.01, z0 + (z1 - z0) * rng.uniform(0, 0.6)), (x1, y, z1), blind, hidden=True)
    far = rng.uniform(1.5, 12)
    outside = looks.photo(s, fit=True, emit=float(rng.uniform(0.8, 4)))
    s.box((-far - 2, -far - 0.1, -far * 0.7), (x1 + far + 2, -far, z1 + far), outside, hidden=True)
    if rng.random() < 0.35:  # curtains of many folds
        cloth = looks.fabric(s)
        for side in (0, 1):
            wide = rng.uniform(0.15, 0.4)
            x = x0 - wide * 0.7 if side == 0 else x1 - wide * 0.3
            bottom, n = rng.choice([0.02, z0 - 0.1]), 5
            for k in range(n):
                s.cone((x + wide * k / n, 0.1 + 0.02 * (k % 2), bottom), z1 + 0.1 - bottom,
                       wide / n * 0.7, wide / n * 0.6, cloth)  # fmt: skip
    middle = s.world((x0 + x1) / 2, 0.01, (z0 + z1) / 2)
    area = (x1 - x0) * (z1 - z0)
    s.lights.append(
        Light(middle, np.stack([s.frame[1] @ [(x1 - x0) / 2, 0, 0], [0, 0, (z1 - z0) / 2]]),
              day * area * rng.uniform(1, 4), s.frame[1] @ [0, 1.0, 0])  # fmt: skip
    )
    if rng.random() < 0.35:
        away = s.frame[1] @ np.array([rng.uniform(-1, 1), -1.0, rng.uniform(0.4, 1.3)])
        away = away / np.linalg.norm(away)
        sun = looks.hsv(0.11, rng.uniform(0.1, 0.4), 1) * rng.uniform(3, 12) * 900
        spread = np.eye(3)[:2] * 0.25
        s.lights.append(Light(middle + 30 * away, spread, sun, np.zeros(3), outside=True))


def _door(s: Scene, opening, height: float) -> None:
    """A closed or open door, or a passage to another space."""
    rng = s.rng
    x0, x1, _, z1 = opening
    look, b = looks.furniture(s), 0.06
    for x in (x0 - b, x1):
        s.box((x, -0.02, 0), (x + b, 0.025, z1 + b), look)
    s.box((x0, -0.02, z1), (x1, 0.025, z1 + b), look)
    leaf = look if rng.random() < 0.6 else looks.furniture(s)
    kind = rng.random()
    if kind < 0.55:
        s.box((x0, -0.07, 0.005), (x1, -0.03, z1), leaf)
        for z in (0.15, z1 * 0.55):
            if rng.random() < 0.7:
                s.box((x0 + 0.12, -0.031, z), (x1 - 0.12, -0.022, z + z1 * 0.35), leaf)
        s.ball((x1 - 0.08, 0.01, 1.0), (0.03, 0.04, 0.03), looks.metal(rng))
        return
    if kind < 0.8:
        with s.at(x0, -0.03, 0, rng.uniform(0.4, 1.7) * rng.choice([1, -1])):
            s.box((0, -0.04, 0.005), (x1 - x0, 0, z1), leaf)
    deep = rng.uniform(1.0, 4.0)
    left, right = x0 - rng.uniform(0.1, 1.5), x1 + rng.uniform(0.1, 1.5)
    s.is_shell = True
    paint, floor = looks.wall(s), looks.ground(s)
    y = -THICK
    s.box((left, y - deep, -0.1), (right, y, 0), floor, {UP: s.new_plane()})
    s.box((left, y - deep, height), (right, y, height + 0.1), paint, {DOWN: s.new_plane()})
    s.box((left, y - deep - 0.1, 0), (right, y - deep, height), paint, {3: s.new_plane()})
    s.box((left - 0.1, y - deep, 0), (left, y, height), paint, {1: s.new_plane()})
    s.box((right, y - deep, 0), (right + 0.1, y, height), paint, {0: s.new_plane()})
    s.is_shell = False
    if rng.random() < 0.5:
        with s.at((x0 + x1) / 2, y - deep + 0.02):
            build, w, d, _ = furniture.WALL_PIECES[rng.integers(len(furniture.WALL_PIECES))]
            build(s, rng.uniform(*w), rng.uniform(*d))
    lamp = s.world((x0 + x1) / 2, y - deep / 2, height - 0.3)
    s.lights.append(Light(lamp, np.eye(3)[:2] * 0.1, looks.hsv(0.1, 0.2, 1) * rng.uniform(0.5, 3),
                          np.zeros(3)))  # fmt: skip


def _on_wall(s: Scene, length: float, height: float, opening) -> None:
    """Pictures, mirrors, wall shelves, switches, skirting, clocks."""
    rng = s.rng
    if rng.random() < 0.6:
        skirting, h = looks.furniture(s), rng.uniform(0.05, 0.14)
        if opening is None or opening[2] > 0:
            s.box((0, 0, 0), (length, 0.015, h), skirting)
        else:
            s.box((0, 0, 0), (opening[0], 0.015, h), skirting)
            s.box((opening[1], 0, 0), (length, 0.015, h), skirting)
    for _ in range(rng.integers(0, 4)):
        w, h = rng.uniform(0.15, 0.7), rng.uniform(0.15, 0.5)
        x, z = rng.uniform(0.2, max(length - 0.2, 0.3)), rng.uniform(1.1, max(height - 0.4, 1.2))
        if opening is not None and opening[0] - w - 0.1 < x < opening[1] + w + 0.1:
            continue
        kind = rng.random()
        if kind < 0.75:
            frame = looks.furniture(s)
            if rng.random() < 0.7:
                s.box((x - w, 0, z - h), (x + w, 0.025, z + h), frame)
                s.box((x - w * 0.9, 0.02, z - h * 0.88), (x + w * 0.9, 0.027, z + h * 0.88),
                      looks.photo(s, fit=True))  # fmt: skip
            else:
                s.box((x - w, 0, z - h), (x + w, 0.004, z + h), looks.photo(s, fit=True))
        elif kind < 0.9:
            s.box((x - w, 0, z), (x + w, 0.2, z + 0.025), looks.furniture(s))
            clutter.scatter(s, (x - w + 0.08, 0.09), (x + w - 0.08, 0.12), z + 0.025,
                            int(rng.integers(1, 5)), clutter.SHELF_THINGS, (0.1, 0.25))  # fmt: skip
        else:
            with s.at(x, 0, z, 0, -np.pi / 2):
                r = min(w, h) * 0.6
                s.cone((0, 0, 0), 0.04, r, r * 0.95, looks.plain(rng))


def _rectangle(s: Scene, x: float, y: float, w: float, d: float):
    """Bounds in the room's frame of a piece of the current frame."""
    corners = np.array([s.world(x + a, y + b, 0)[:2] for a in (-w / 2, w / 2) for b in (0, d)])
    return (*corners.min(0), *corners.max(0))


def _clear(room: Room, r) -> bool:
    return all(r[2] <= a[0] or a[2] <= r[0] or r[3] <= a[1] or a[3] <= r[1] for a in room.blocked)


def _furnish_wall(s: Scene, room: Room, length: float, opening, fill: float) -> None:
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
        middle = x + w / 2
        hidden_door = opening is not None and opening[2] == 0 and not (
            x > opening[1] + 0.1 or x + w < opening[0] - 0.1
        )
        box = _rectangle(s, middle, 0.02, w, d)
        if x + w < length and not hidden_door and rng.random() < fill and _clear(room, box):
            room.blocked.append(box)
            with s.at(middle, 0.03, 0):
                build(s, w, d)
        x += w + rng.choice([0.02, rng.uniform(0.1, 1.0)])


def _middle(s: Scene, room: Room) -> None:
    """Rug, a table with chairs or a coffee table, loose pieces, things on the floor."""
    rng = s.rng
    if rng.random() < 0.45:
        w, d = rng.uniform(0.8, room.width * 0.7), rng.uniform(0.8, room.depth * 0.7)
        with s.at(room.width / 2, room.depth / 2, 0, rng.choice([0, 0, rng.uniform(0, 3)])):
            s.box((-w / 2, -d / 2, 0), (w / 2, d / 2, rng.uniform(0.004, 0.02)), looks.rug(s))
    for _ in range(rng.integers(0, 4)):
        w, d = rng.uniform(0.5, 1.8), rng.uniform(0.5, 1.0)
        x, y = rng.uniform(0.9, max(room.width - 0.9, 1)), rng.uniform(0.9, max(room.depth - 0.9, 1))
        yaw = rng.choice([0, np.pi / 2, rng.uniform(0, 6.3)])
        with s.at(x, y, 0, yaw):
            box = _rectangle(s, 0, 0, w, d)
            if not _clear(room, box):
                continue
            room.blocked.append(box)
            kind = rng.random()
            if kind < 0.5:
                furniture.table(s, w, d)
                for side in (-1, 1):
                    for k in range(int(w / 0.7)):
                        if rng.random() < 0.6:
                            yaw = 0 if side < 0 else np.pi
                            cx = (-w / 2 + 0.35 + 0.7 * k) + rng.normal(0, 0.05)
                            cy = -rng.uniform(0.1, 0.5) if side < 0 else d + rng.uniform(0.1, 0.5)
                            with s.at(cx, cy, 0, yaw + rng.normal(0, 0.3)):
                                furniture.chair(s, 0.43, 0.43)
            elif kind < 0.65:
                furniture.table(s, w, d * 0.7, rng.uniform(0.3, 0.5))
            elif kind < 0.85:
                for _ in range(rng.integers(1, 4)):
                    with s.at(rng.uniform(-0.5, 0.5) * w, 0, 0, rng.uniform(0, 6.3)):
                        (furniture.chair, furniture.stool)[rng.integers(2)](s, 0.43, 0.43)
            else:
                furniture.sofa(s, max(w, 0.9), 0.85)
    count = int(rng.integers(0, 4) if rng.random() < 0.6 else rng.integers(4, 25))
    clutter.scatter(s, (0.3, 0.3), (room.width - 0.3, room.depth - 0.3), 0, count,
                    clutter.FLOOR_THINGS, (0.15, 0.6))  # fmt: skip


def _ceiling_lights(s: Scene, room: Room) -> None:
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
    """Fill a scene. Styles: room, corridor, hall, tabletop (a table near the middle)."""
    rng = s.rng
    if style == "corridor":
        room = Room(rng.uniform(1.3, 2.6), rng.uniform(5, 13), rng.uniform(2.2, 3), [], style)
    elif style == "hall":
        room = Room(rng.uniform(6, 11), rng.uniform(6, 12), rng.uniform(2.8, 4.5), [], style)
    else:
        room = Room(rng.uniform(2.4, 6), rng.uniform(2.4, 6.5), rng.uniform(2.2, 3.1), [], style)
    w, d, h = room.width, room.depth, room.height
    paint = looks.wall(s)
    s.is_shell = True
    s.box((-1, -1, -0.2), (w + 1, d + 1, 0), looks.ground(s), {UP: s.new_plane()})
    ceiling = paint if rng.random() < 0.3 else looks.Material(
        first=looks.hsv(0.1, rng.uniform(0, 0.08), rng.uniform(0.7, 0.97)), noise_amount=0.05)
    if rng.random() < 0.1:
        ceiling = looks.wall(s)
    s.box((-1, -1, h), (w + 1, d + 1, h + 0.2), ceiling, {DOWN: s.new_plane()})
    s.is_shell = False
    day = looks.hsv(rng.choice([0.58, 0.1]), rng.uniform(0, 0.3), 1) * rng.choice([0.05, 1, 1, 1.5])
    if style == "tabletop":
        tw, td = rng.uniform(0.7, 1.8), rng.uniform(0.5, 1.0)
        room.table_height = rng.uniform(0.4, 0.8)
        room.table_middle = (rng.uniform(0.4, 0.6) * w, rng.uniform(0.35, 0.65) * d)
        with s.at(*room.table_middle, 0, rng.choice([0, np.pi / 2, rng.uniform(0, 6)])):
            with s.at(0, -td / 2):
                room.blocked.append(_rectangle(s, 0, 0, tw, td))
                furniture.table(s, tw, td, room.table_height, int(rng.integers(3, 26)))
    _beams(s, room)
    frames = [(0, 0, 0.0, w), (w, 0, np.pi / 2, d), (w, d, np.pi, w), (0, d, -np.pi / 2, d)]
    fill = rng.choice([0.3, 0.6, 0.9]) * (0.5 if style in ("tabletop", "corridor") else 1)
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
            _wall(s, length, h, accent, opening)
            if opening is not None and opening[2] > 0:
                _window(s, opening, day)
            elif opening is not None:
                _door(s, opening, h)
            _furnish_wall(s, room, length, opening, fill)
            _on_wall(s, length, h, opening)
    _middle(s, room)
    _ceiling_lights(s, room)
    return room
