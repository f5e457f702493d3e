"""Objects from a folder of meshes: what each is good for, and putting it somewhere."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from train.render.assets import MeshInfo, load_mesh, mesh_list
from train.render.geometry import Geometry
from train.render.scene import Scene

_SMALL = {"tableware", "electronics", "book", "toy", "decoration", "tool", "food", "appliance",
          "lamp", "storage", "plant"}  # fmt: skip
_FURNITURE = {"storage", "table", "seating", "bed", "appliance", "electronics", "other", "lamp"}
_ON_FLOOR = {"storage", "toy", "seating", "appliance", "tool", "outdoor", "other"}
_LARGE = {"outdoor", "wall/building", "plant"}
# loose fragments, things that hang from ceilings or belong into walls
_ODD = ("light_switches", "gz_number", "elevator", "worktops", "chandelier", "curtain", "_blind",
        "wall_lamp", "wall_lights", "airconditioner_a", "handle", "light_c", "security_camera",
        "rangehood", "range_hood", "ramp", "door", "window", "logo", "cooking_bench", "nist_",
        "box_target", "hoop", "drc_practice_2x", "utensils", "book_a_01", "book_c_01", "tv_0",
        "collapsed", "kitchen_sink", "pot_rack", "valve", "fire_hose", "truss", "cooktop",
        "dishwasher_front", "air_conditioner_c", "carpet", "rug_", "board_01", "piece2_",
        "room_shell", "floor_b", "elevated", "walkway", "wood_slats", "base_4x8", "portrait_a_",
        "light_a", "nursesstation", "units_all", "cabinet_bodies")  # fmt: skip


@lru_cache(maxsize=8)
def roles(folder: Path) -> dict[str, tuple[MeshInfo, ...]]:
    """Objects of a folder by use: "small" (on tables), "floor", "wall" (furniture), "hung",
    "table", "seat", "large" (outdoors), "tree", "car", "house"."""
    found: dict[str, list[MeshInfo]] = {
        k: [] for k in ("small", "floor", "wall", "hung", "table", "seat", "large", "tree", "car",
                        "house")
    }  # fmt: skip
    for m in mesh_list(folder):
        (x, y, z), category = m.size, m.category
        flat = max(x, y)
        if (
            "portrait" in m.name
            and "desk" not in m.name
            or "clock" in m.name
            or "horologe" in m.name
        ):
            if y < 0.1 and not m.shell:
                found["hung"].append(m)
            continue
        if category == "plant":
            found["tree"].append(m)
        if m.shell or m.cutout or any(word in m.name for word in _ODD):
            continue
        if category in _SMALL and max(flat, z) <= 0.5:
            found["small"].append(m)
        if category in _ON_FLOOR and 0.15 <= flat <= 1.3 and 0.08 < z < 1.6:
            found["floor"].append(m)
        if category in _FURNITURE and 0.4 <= flat <= 3.0 and 0.3 <= z <= 2.5:
            found["wall"].append(m)
        if category == "table" and 0.5 <= flat <= 2 and 0.3 <= z <= 0.85:
            found["table"].append(m)
        if category == "seating" and flat < 1.2 and z > 0.4:
            found["seat"].append(m)
        if any(w in m.name for w in ("hatchback", "suv", "pickup", "prius", "ambulance", "bus",
                                     "truck", "polaris")) and flat > 2:  # fmt: skip
            found["car"].append(m)
        elif any(w in m.name for w in ("house_", "office", "salon", "thrift", "post_office")) and (
            category == "wall/building" and z > 3
        ):
            found["house"].append(m)
        elif category in _LARGE and flat > 0.3:
            found["large"].append(m)
    return {k: tuple(v) for k, v in found.items()}


def pick(s: Scene, role: str, widest: float = np.inf, deepest: float = np.inf) -> MeshInfo | None:
    """A random object of a use whose longer side is at most `widest`; None if there is none."""
    draw = s.rng.random()
    if s.assets.meshes is None:
        return None
    infos, longer, shorter, weight = _catalogue(s.assets.meshes, role)
    (fitting,) = ((longer <= widest) & (shorter <= deepest)).nonzero()
    if not len(fitting):
        return None
    share = weight[fitting].cumsum()
    return infos[fitting[np.searchsorted(share / share[-1], draw)]]


@lru_cache(maxsize=64)
def _catalogue(
    folder: Path, role: str
) -> tuple[tuple[MeshInfo, ...], np.ndarray, np.ndarray, np.ndarray]:
    """Objects of a use, their longer and shorter sides, and how often they are taken."""
    infos = roles(folder)[role]
    sides = np.array([m.size[:2] for m in infos]).reshape(-1, 2)
    weight = np.array([1.0 if m.faces < 9000 else 0.35 for m in infos])
    return infos, sides.max(1), sides.min(1), weight


def small_thing(s: Scene, size: float) -> bool:
    """Stand an object no wider than `size` at the frame's origin; False if there is none."""
    found = pick(s, "small", size * 1.05)
    if found is None:
        return False
    _put(s, found)
    return True


def _put(s: Scene, m: MeshInfo, scale: float = 1.0) -> None:
    s.loaded(m.path, scale * float(s.rng.uniform(0.9, 1.1)))


def along_wall(s: Scene, m: MeshInfo) -> tuple[float, float, float]:
    """Width and depth of an object with its long side along x, and the turn for that."""
    x, y, _ = m.size
    turned = y > x * 1.05
    turn = (np.pi / 2 if turned else 0.0) + np.pi * int(s.rng.integers(2))
    return (y, x, turn) if turned else (x, y, turn)


def wall_piece(s: Scene, m: MeshInfo, depth: float, turn: float) -> None:
    """Stand furniture with its back at the frame's y = 0, things on it where it is flat."""
    with s.at(0, depth / 2 + 0.01, 0, turn):
        s.loaded(m.path)
        if 0.3 < m.size[2] < 1.3:
            load(s, m, int(s.rng.integers(0, 7)))


@lru_cache(maxsize=64)
def _alone(path: Path) -> Geometry:
    mesh = load_mesh(path).mesh
    return Geometry([mesh], np.zeros((1, 3)), np.eye(3)[None], np.zeros(1, bool))


def load(s: Scene, m: MeshInfo, count: int, things=None) -> None:
    """Stand up to `count` things on the flat places of an object at the frame's origin."""
    from train.render.clutter import TABLE_THINGS, thing

    geometry = _alone(m.path)
    taken: list[tuple[float, float, float]] = []
    for _ in range(count):
        size = float(np.exp(s.rng.uniform(np.log(0.12), np.log(0.35))))
        r = size * 0.45
        x, y = (s.rng.uniform(-0.5, 0.5) * max(a - 2 * r, 0.02) for a in m.size[:2])
        turn = s.rng.uniform(0, 2 * np.pi)
        if any((x - a) ** 2 + (y - b) ** 2 < (r + q) ** 2 for a, b, q in taken):
            continue
        at = np.array([[x, y, 10.0]]) + r * np.array(
            [[0, 0, 0], [1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0.6, 0.6, 0], [-0.6, 0.6, 0]]
        )
        down = torch.tensor([0.0, 0, -1.0]).expand(len(at), 3)
        top = 10 - geometry.first_hit(torch.from_numpy(at).float(), down).t.numpy()
        if not np.isfinite(top).all() or np.ptp(top) > 0.01 or top[0] < 0.2:
            continue
        taken.append((x, y, r))
        with s.at(x, y, float(top.max()), turn):
            thing(s, size, things or TABLE_THINGS)
