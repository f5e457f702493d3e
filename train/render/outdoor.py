"""Streets, yards and parks: ground, facades, trees, cars, street furniture under the sky."""

from __future__ import annotations

import numpy as np

from train.render import clutter, looks, objects, plants
from train.render.curved import spline, tube
from train.render.materials import BRICKS, MIXED, SOLID, Material
from train.render.mesh import Mesh, mesh_of
from train.render.people import person
from train.render.plan import Room, clear
from train.render.scene import UP, Light, Scene
from train.render.sky import any_sky

FAR = 40.0  # metres that the ground reaches


def _paving(s: Scene) -> Material:
    """Asphalt, grass, slabs, gravel, earth."""
    rng = s.rng
    r = rng.random()
    if r < 0.3:  # asphalt
        grey = looks.hsv(0.1, 0.03, rng.uniform(0.25, 0.5))
        return Material(MIXED, grey, grey * 0.7, noise=3, noise_period=2.5, noise_amount=0.5,
                        gloss=0.05)  # fmt: skip
    if r < 0.6:  # grass
        first = looks.hsv(rng.uniform(0.2, 0.3), rng.uniform(0.4, 0.65), rng.uniform(0.3, 0.55))
        return Material(MIXED, first, first * [0.6, 0.7, 0.5], noise=int(rng.integers(2, 5)),
                        noise_period=float(rng.uniform(2, 6)), noise_amount=0.7,
                        gloss=0.0)  # fmt: skip
    first = looks.hsv(0.09, rng.uniform(0.05, 0.35), rng.uniform(0.4, 0.75))
    if r < 0.85:  # slabs
        return Material(BRICKS, first, looks.near(rng, first, 0.2), first * 0.5,
                        period=float(rng.uniform(0.2, 0.8)), aspect=float(rng.choice([0.5, 1])),
                        noise=1, noise_amount=0.35, gloss=0.05)  # fmt: skip
    return Material(
        MIXED, first, first * 0.6, noise=2, noise_period=3.0, noise_amount=0.6, gloss=0.0
    )


def _glass(rng: np.random.Generator) -> Material:
    dark = looks.hsv(0.58, 0.3, rng.uniform(0.15, 0.4))
    return Material(
        SOLID, dark, dark, noise_amount=0.1, gloss=0.9, mirror=float(rng.uniform(0.1, 0.4))
    )


def _gable(w: float, d: float, h: float) -> Mesh:
    """A roof with its ridge along x over a house that reaches from y = 0 back to y = -d."""
    x, y0, y1 = w / 2, 0.3, 0.3 - d
    points = np.array([[-x, y0, 0], [x, y0, 0], [x, y1, 0], [-x, y1, 0],
                       [-x, (y0 + y1) / 2, h], [x, (y0 + y1) / 2, h]])  # fmt: skip
    return mesh_of(points, np.array([[1, 0, 4], [1, 4, 5], [3, 2, 5], [3, 5, 4], [0, 3, 4],
                                     [2, 1, 5], [0, 1, 2], [0, 2, 3]]))  # fmt: skip


def facade(s: Scene, w: float, h: float, deep: float) -> None:
    """A house w wide and h high whose front is the frame's y = 0, facing y > 0."""
    rng = s.rng
    first = looks.hsv(rng.normal(0.08, 0.05), rng.uniform(0.02, 0.45), rng.uniform(0.45, 0.95))
    paint = Material(SOLID, first, first, noise=3, noise_period=2.0, noise_amount=0.2)
    if rng.random() < 0.4:
        paint = Material(BRICKS, first, looks.near(rng, first, 0.25), looks.hsv(0.1, 0.05, 0.6),
                         period=0.24, aspect=0.35, noise_amount=0.25)  # fmt: skip
    s.box((-w / 2, -deep, 0), (w / 2, 0, h), paint, {3: s.new_plane()})
    floors, axis = max(1, int(h / rng.uniform(2.7, 3.4))), rng.uniform(1.6, 3.2)
    columns = max(1, int(w / axis))
    tall, wide = rng.uniform(1.2, 1.9), rng.uniform(0.8, min(axis * 0.75, 1.8))
    frame, glass = looks.furniture(s), _glass(rng)
    sill = rng.random() < 0.6
    door = int(rng.integers(columns))
    for i in range(columns):
        x = -w / 2 + w * (i + 0.5) / columns
        for j in range(floors):
            z = h / floors * j + 0.9
            if j == 0 and i == door:
                s.box((x - 0.55, 0, 0.1), (x + 0.55, 0.04, 2.2), looks.furniture(s))
                s.box((x - 0.8, 0, 0), (x + 0.8, 0.5, 0.12), paint)
                continue
            s.box((x - wide / 2 - 0.08, 0, z - 0.08), (x + wide / 2 + 0.08, 0.05, z + tall + 0.08),
                  frame)  # fmt: skip
            for k in (0, 1):
                a = x - wide / 2 + wide / 2 * k + 0.02
                s.box((a, 0.04, z), (a + wide / 2 - 0.04, 0.055, z + tall), glass)
            if sill:
                s.box(
                    (x - wide / 2 - 0.12, 0, z - 0.14), (x + wide / 2 + 0.12, 0.16, z - 0.08), paint
                )
    roof = looks.hsv(rng.choice([0.03, 0.6]), rng.uniform(0.1, 0.6), rng.uniform(0.25, 0.6))
    if rng.random() < 0.6:
        tiles = Material(
            BRICKS, roof, looks.near(rng, roof, 0.2), roof * 0.4, period=0.3, aspect=0.8
        )
        with s.at(0, 0, h):
            s.mesh(_gable(w + 0.6, deep + 0.6, deep * rng.uniform(0.25, 0.5)), tiles)
    else:
        s.box((-w / 2 - 0.1, -deep, h), (w / 2 + 0.1, 0.15, h + 0.35), looks.furniture(s))
    if rng.random() < 0.5:
        x = w / 2 - 0.2
        s.cone((x, 0.07, 0), h, 0.05, 0.05, looks.metal(rng))


def _car_body(rng: np.random.Generator) -> Mesh:
    """A car's silhouette, extruded, narrower above: 4.2 m along x, standing on z = 0.25."""
    hood, roof = rng.uniform(0.75, 0.9), rng.uniform(1.38, 1.75)
    tail = rng.choice([hood, roof - 0.1])
    outline = np.array([[-2.1, 0.3], [2.05, 0.3], [2.12, 0.6], [2.0, hood - 0.08],
                        [0.95, hood + 0.1], [0.25, roof - 0.03],
                        [-0.9, roof], [-1.75, max(tail, hood)], [-2.1, hood],
                        [-2.14, 0.55]])  # fmt: skip
    shape = spline(np.concatenate([outline, outline[:1]]), 48)[:-1]
    lift = np.clip((shape[:, 1] - hood) / (roof - hood), 0, 1)
    rings = []
    for y, shrink in ((-0.86, 0.97), (-0.8, 1.0), (0.8, 1.0), (0.86, 0.97)):
        inward = y * (1 - 0.18 * lift)
        middle = np.array([0, 0.7])
        at = middle + (shape - middle) * shrink
        rings.append(np.stack([at[:, 0], inward, at[:, 1]], 1))
    n = len(shape)
    points = np.concatenate([*rings, [[0, -0.84, 0.7]], [[0, 0.84, 0.7]]])
    faces = []
    at = np.arange(n)
    after = (at + 1) % n
    for k in range(3):
        a, b, c, d = k * n + at, k * n + after, (k + 1) * n + after, (k + 1) * n + at
        faces += [np.stack([a, c, b], 1), np.stack([a, d, c], 1)]
    faces += [np.stack([np.full(n, 4 * n), at, after], 1)]
    faces += [np.stack([np.full(n, 4 * n + 1), 3 * n + after, 3 * n + at], 1)]
    return mesh_of(points, np.concatenate(faces))


def car(s: Scene) -> None:
    """A car along x at the frame's origin."""
    rng = s.rng
    found = objects.pick(s, "car")
    if found is not None and rng.random() < 0.6:
        with s.at(0, 0, 0, np.pi / 2 if found.size[1] > found.size[0] else 0):
            s.loaded(found.path)
        return
    paint = looks.plain(rng, 0.9)
    paint.mirror = 0.05
    s.mesh(_car_body(rng), paint)
    glass, rubber = _glass(rng), Material(SOLID, np.full(3, 0.02), noise_amount=0.1)
    for y in (-1, 1):
        s.box((-1.3, y * 0.79, 0.95), (0.3, y * 0.805, 1.3), glass)
        for x in (-1.35, 1.3):
            with s.at(x, y * 0.72, 0.32, 0, -y * np.pi / 2):
                s.cone((0, 0, -0.06), 0.22, 0.32, 0.31, rubber)
                s.cone((0, 0, 0.12), 0.05, 0.2, 0.16, looks.metal(rng))
    for x, colour in ((2.1, np.full(3, 0.8)), (-2.12, np.array([0.5, 0.02, 0.02]))):
        for y in (-0.6, 0.6):
            s.ball((x, y, 0.62), (0.06, 0.16, 0.08), Material(SOLID, colour, gloss=0.9))


def _lamp_post(s: Scene) -> None:
    rng = s.rng
    h, out = rng.uniform(3.5, 7), rng.uniform(0, 1.2)
    path = spline([[0, 0, 0], [0, 0, h * 0.8], [0, out * 0.4, h], [0, out, h]], 16)
    s.mesh(tube(path, 0.06, 8), looks.metal(rng))
    s.ball((0, out, h), (0.15, 0.3, 0.08), looks.plain(rng, 0.8))


def _bench(s: Scene) -> None:
    wood, iron = looks.wood(s.rng, boards=False), looks.metal(s.rng)
    for y in (0.05, 0.19, 0.33):
        s.box((-0.8, y, 0.42), (0.8, y + 0.11, 0.46), wood)
    for z in (0.55, 0.7):
        s.box((-0.8, 0.0, z), (0.8, 0.03, z + 0.11), wood)
    for x in (-0.7, 0.66):
        s.box((x, 0.0, 0), (x + 0.04, 0.04, 0.85), iron)
        s.box((x, 0.04, 0.38), (x + 0.04, 0.44, 0.42), iron)
        s.box((x, 0.4, 0), (x + 0.04, 0.44, 0.4), iron)


def _fence(s: Scene, long: float) -> None:
    rng = s.rng
    look, h, gap = looks.furniture(s), rng.uniform(0.7, 1.6), rng.choice([0.13, 0.25, 1.8])
    wide = 0.08 if gap < 1 else 0.1
    for x in np.arange(0, min(long, 60 * gap), gap):
        s.box((x, 0, 0), (x + wide, 0.04, h), look)
    for z in (h * 0.3, h * 0.85):
        s.box((0, 0.04, z), (long, 0.07, z + 0.08), look)


def _thing(s: Scene) -> None:
    """Something that stands on streets and in yards."""
    rng = s.rng
    large = objects.pick(s, "large", 5.0)
    r = rng.random()
    if large is not None and r < 0.45:
        s.loaded(large.path)
    elif r < 0.55:
        _bench(s)
    elif r < 0.65:
        clutter.thing(s, rng.uniform(0.5, 1.0), (clutter.bin_, clutter.carton, clutter.crate))
    elif r < 0.8:
        plants.bush(s, rng.uniform(0.6, 2.0))
    elif r < 0.9:
        plants.pot_plant(s, rng.uniform(0.7, 1.6))
    else:
        _lamp_post(s)


def build_outdoors(s: Scene) -> Room:
    """Fill a scene: a street between facades, a yard before a house, or a park."""
    rng = s.rng
    kind = rng.choice(["street", "yard", "park"], p=[0.45, 0.3, 0.25])
    s.outdoors = True
    s.sky = any_sky(rng, s.assets)
    wide = {"street": rng.uniform(8, 22), "yard": rng.uniform(6, 14), "park": rng.uniform(9, 22)}[
        kind
    ]
    long = rng.uniform(30, 90) if kind == "street" else wide * rng.uniform(1, 1.6)
    room = Room(wide, long, 4.0, [], "outdoors")
    s.is_shell = True
    ground = _paving(s)
    s.box((-FAR, -FAR, -0.3), (wide + FAR, long + FAR, 0), ground, {UP: s.new_plane()})
    s.is_shell = False
    if kind == "street":
        road = Material(
            MIXED, np.full(3, 0.1), np.full(3, 0.06), noise=1, noise_amount=0.3, gloss=0.1
        )
        side = rng.uniform(1.5, wide * 0.3)
        s.box((side, -FAR, 0), (wide - side, long + FAR, 0.02), road)
        for x0, x1 in ((-1, side), (wide - side, wide + 1)):
            s.box((x0, -FAR, 0), (x1, long + FAR, 0.14), _paving(s))
        for y in np.arange(0, long, 5.0):
            s.box(
                (wide / 2 - 0.06, y, 0.02), (wide / 2 + 0.06, y + 2.5, 0.024), looks.plain(rng, 0.1)
            )
    # fronts: left and right of a street, one behind a yard
    rows = {"street": ((0, 0, -np.pi / 2, long), (wide, long, np.pi / 2, long)),
            "yard": ((wide, long, np.pi, wide),),
            "park": ((wide + 25, long + rng.uniform(5, 30), np.pi, wide + 50),)}[kind]  # fmt: skip
    for x, y, yaw, length in rows:
        with s.at(x, y, 0, yaw):
            at = rng.uniform(-3, 3)
            while at < length:
                w, h = rng.uniform(5, 16), rng.uniform(3, 14)
                with s.at(-at - w / 2 if yaw == -np.pi / 2 else at + w / 2, -rng.uniform(0, 1.5)):
                    house = objects.pick(s, "house")
                    if house is not None and rng.random() < 0.3:
                        with s.at(0, -house.size[1] / 2, 0, np.pi / 2 * rng.integers(4)):
                            s.loaded(house.path)
                    else:
                        facade(s, w, h, rng.uniform(6, 10))
                at += w + rng.choice([0.0, rng.uniform(0, 6)])
    for _ in range(rng.integers(2, 12) + (10 if kind == "park" else 0)):
        x, y = rng.uniform(-0.3, 1.3) * wide, rng.uniform(0, 1.3) * long
        if kind == "street":
            x = rng.choice([0.08, 0.92]) * wide
        elif 0 < x < wide and 0 < y < long and rng.random() < 0.5:
            continue
        with s.at(x, y):
            plants.tree(s, rng.uniform(3, 11))

    def place(x: float, y: float, reach: float) -> bool:
        """Is a place free that far around? Then it is taken."""
        spot = (x - reach, y - reach, x + reach, y + reach)
        free = clear(room, spot)
        if free:
            room.blocked.append(spot)
        return free

    for _ in range(rng.integers(0, 7) if kind == "street" else rng.integers(0, 2)):
        x = rng.choice([0.25, 0.75]) * wide if kind == "street" else rng.uniform(0.2, 0.8) * wide
        y = rng.uniform(0, long)
        if place(x, y, 2.3):
            with s.at(x, y, 0.02, np.pi / 2 + rng.choice([0, np.pi, 0.1])):
                car(s)
    for _ in range(rng.integers(8, 30)):
        x, y = rng.uniform(0.05, 0.95) * wide, rng.uniform(0, 1) * long
        if place(x, y, 0.8):
            with s.at(x, y, 0, rng.uniform(0, 6.3)):
                _thing(s)
    for _ in range(int(rng.choice([0, 1, 3, 8]))):
        x, y = rng.uniform(0.1, 0.9) * wide, rng.uniform(0.05, 0.7) * long
        if place(x, y, 0.35):
            with s.at(x, y, 0.02, rng.uniform(0, 6)):
                person(s)
    if rng.random() < 0.35:
        with s.at(rng.uniform(0, wide * 0.3), rng.uniform(0.2, 1) * long, 0, rng.choice([0, 1.57])):
            _fence(s, rng.uniform(3, wide))
    if s.sky.panorama.sunny > 0.2 and rng.random() < 0.8:
        away = s.sky.to_sun()
        away[2] = max(away[2], 0.2)
        away /= np.linalg.norm(away)
        far = 400.0
        colour = looks.hsv(0.1, rng.uniform(0.05, 0.35), 1) * rng.uniform(1.0, 4.0) * far**2
        s.lights.append(Light(np.array([wide / 2, long / 2, 0]) + far * away,
                              np.eye(3)[:2] * rng.uniform(2, 8), colour, np.zeros(3)))  # fmt: skip
    return room
