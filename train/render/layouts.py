"""Furnished places from a folder of meshes, with their real arrangement."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

import numpy as np

from train.render import looks
from train.render.assets import mesh_list
from train.render.people import person
from train.render.plan import Room
from train.render.scene import DOWN, Light, Scene
from train.render.sky import any_sky


@lru_cache(maxsize=4)
def _places(folder: Path) -> dict[str, list[dict]]:
    """Placements of each furnished place of a folder; empty without a `layouts.json`."""
    file = folder / "layouts.json"
    if not file.is_file():
        return {}
    return {name: place["placements"] for name, place in json.loads(file.read_text()).items()}


def has_layouts(s: Scene) -> bool:
    """Does the scene's folder of meshes come with furnished places?"""
    return s.assets.meshes is not None and bool(_places(s.assets.meshes))


def _rotation(quaternion: list[float]) -> np.ndarray:
    """(3, 3) of a quaternion w, x, y, z."""
    w, x, y, z = np.asarray(quaternion) / np.linalg.norm(quaternion)
    return np.array([
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ])  # fmt: skip


def build_layout(s: Scene) -> Room:
    """Fill a scene with a furnished place, lamps under its ceiling and perhaps people."""
    rng = s.rng
    places = _places(s.assets.meshes)
    placements = places[sorted(places)[rng.integers(len(places))]]
    known = {m.name: m for m in mesh_list(s.assets.meshes)}
    shells = [p for p in placements if p["id"] in known and known[p["id"]].shell]
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for p in shells:
        half, at = np.array(known[p["id"]].size[:2]) / 2, np.array([p["x"], p["y"]])
        if abs(np.sin(p["yaw"])) > 0.7:
            half = half[::-1]
        low, high = np.minimum(low, at - half), np.maximum(high, at + half)
    s.sky = any_sky(rng, s.assets, float(rng.uniform(1, 4)))
    room = Room(*(high - low), 2.9, [], "layout")
    with s.at(-low[0], -low[1]):
        for p in placements:
            m = known.get(p["id"])
            if m is None or m.cutout:
                continue
            old = s.frame
            s.frame = (s.world(p["x"], p["y"], p["z"]), old[1] @ _rotation(p["quat_wxyz"]))
            s.is_shell = m.shell
            s.loaded(m.path)
            s.is_shell = False
            s.frame = old
    top = max(known[p["id"]].size[2] + p["z"] for p in shells)
    white = looks.hsv(0.1, rng.uniform(0, 0.08), rng.uniform(0.7, 0.97))
    s.is_shell = True
    s.box((-0.5, -0.5, top), (room.width + 0.5, room.depth + 0.5, top + 0.2),
          looks.Material(first=white, noise_amount=0.05), {DOWN: s.new_plane()})  # fmt: skip
    s.is_shell = False
    for _ in range(rng.integers(6, 14)):
        at = np.array(
            [rng.uniform(0.05, 0.95) * room.width, rng.uniform(0.05, 0.95) * room.depth, 2.4]
        )
        colour = looks.hsv(rng.normal(0.1, 0.04), rng.uniform(0, 0.3), 1) * rng.uniform(0.5, 3)
        s.lights.append(Light(at, np.eye(3)[:2] * rng.uniform(0.05, 0.4), colour, np.zeros(3)))
    for _ in range(int(rng.choice([0, 0, 1, 2]))):
        with s.at(rng.uniform(0.1, 0.9) * room.width, rng.uniform(0.1, 0.9) * room.depth, 0.02,
                  rng.uniform(0, 6.3)):  # fmt: skip
            person(s)
    return room
