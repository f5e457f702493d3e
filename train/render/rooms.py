"""Random rooms: shell, furniture along the walls and in the middle, lights, beams."""

from __future__ import annotations

import numpy as np

from train.render import furniture, looks, objects
from train.render.desks import desk, still_life
from train.render.furnish import furnish_middle
from train.render.plan import Room, clear, rectangle
from train.render.scene import DOWN, UP, Light, Scene
from train.render.sky import any_sky
from train.render.walls import Opening, door, on_wall, wall, window


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
        if room.style == "shelf" and rng.random() < 0.6:
            build, w, d = furniture.shelf, rng.uniform(0.7, 1.6), rng.uniform(0.22, 0.4)
        mesh = objects.pick(s, "wall", min(length, 3.0), 1.3) if rng.random() < 0.55 else None
        if build is furniture.shelf and room.style == "shelf":
            mesh = None
        if mesh is not None:
            w, d, turn = objects.along_wall(s, mesh)
        middle = x + w / 2
        at_door = opening is not None and opening[2] == 0
        if at_door:
            at_door = opening[0] - 0.1 <= x + w and x <= opening[1] + 0.1
        box = rectangle(s, middle, 0.02, w, d)
        if x + w < length and not at_door and rng.random() < fill and clear(room, box):
            room.blocked.append(box)
            with s.at(middle, 0.03, 0):
                if mesh is not None:
                    objects.wall_piece(s, mesh, d, turn)
                else:
                    build(s, w, d)
                if build is furniture.shelf and mesh is None:
                    middle_of = s.world(0, d, rng.uniform(0.5, 1.6))
                    room.shelves += [middle_of, s.frame[1] @ np.array([0.0, 1, 0])]
        x += w + rng.choice([0.02, rng.uniform(0.1, 1.0)])


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
        style: "room", "corridor" (long and narrow), "hall" (large and high), "tabletop" or
            "closeup" (a full table near the middle), "shelf" (shelves along the walls), "person",
            "desk" or "still_life" (see `desks.py`).
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
                room.blocked.append(rectangle(s, 0, 0, tw, td))
                furniture.table(s, tw, td, room.table_height, int(rng.integers(3, 26)))
    elif style == "still_life":
        still_life(s, room)
    _beams(s, room)
    frames = [(0, 0, 0.0, w), (w, 0, np.pi / 2, d), (w, d, np.pi, w), (0, d, -np.pi / 2, d)]
    fill = rng.choice([0.3, 0.6, 0.9]) * (
        0.5 if style in ("tabletop", "closeup", "corridor", "still_life") else 1
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
            if style == "desk" and length > 1.6:
                desk(s, room, length, opening)
            _furnish_wall(s, room, length, opening, fill)
            on_wall(s, length, h, opening)
    furnish_middle(s, room)
    _ceiling_lights(s, room)
    return room
