"""Where people hold their phones: camera poses for a finished scene."""

from __future__ import annotations

import math

import numpy as np
import torch

from train.render.camera import Pose, look, look_at
from train.render.geometry import Geometry
from train.render.plan import Room
from train.render.scene import Scene

CANDIDATES = 6
GRID = 12
PROBES = 64  # rays that feel whether a place is free


def _inside(room: Room, rng: np.random.Generator) -> np.ndarray:
    """(3,) a place in the room, metres; height half low or high, half that of a standing person."""
    edge = 0.25
    return np.array(
        [
            rng.uniform(edge, room.width - edge),
            rng.uniform(edge, room.depth - edge),
            min(rng.choice([rng.uniform(0.3, 2.2), rng.normal(1.45, 0.2)]), room.height - 0.15),
        ]
    )


def _in_the_open(s: Scene, room: Room, roll: float, fov: float) -> Pose:
    """Somewhere in the street or yard, at a person's height, mostly looking level."""
    rng = s.rng
    height = rng.choice([rng.normal(1.5, 0.15), rng.uniform(0.4, 2.5)])
    if rng.random() < 0.65:  # something in particular
        k = int(rng.integers(len(s.kinds)))
        at = s.centres[k]
        if not s.shell[k] and -1 < at[0] < room.width + 1 and at[2] < 2.5:
            away, yaw = np.exp(rng.uniform(0.3, 2.1)), rng.uniform(0, 2 * math.pi)
            side = away * np.array([math.cos(yaw), math.sin(yaw), 0])
            start = np.array([*(at + side)[:2], height])
            return look_at(start, at + [0, 0, rng.uniform(-0.2, 0.1) * away], roll, fov)
    at = np.array([rng.uniform(0.5, room.width - 0.5), rng.uniform(0, 0.6) * room.depth, height])
    to = np.array([rng.uniform(0, 1) * room.width, room.depth]) - at[:2]
    yaw = math.atan2(to[1], to[0]) if rng.random() < 0.75 else rng.uniform(0, 2 * math.pi)
    pitch = rng.choice([rng.normal(-4, 7), rng.uniform(-50, 15)], p=[0.75, 0.25])
    return look(at, yaw, math.radians(float(np.clip(pitch, -60, 25))), roll, fov)


def _propose(s: Scene, room: Room) -> Pose:
    """A random pose, perhaps inside of things."""
    rng = s.rng
    roll = math.radians(float(np.clip(rng.normal(0, 3), -8, 8)))
    fov = float(rng.uniform(45, 85))
    kind = rng.random()
    if room.style == "outdoors":
        return _in_the_open(s, room, roll, fov)
    if room.style in ("tabletop", "closeup") and kind < 0.85:
        target = np.array([*room.table_middle, room.table_height])
        target = target + rng.normal(0, 0.12, 3) * (1, 1, 0.3)
        away = rng.uniform(0.4, 1.2)
        if room.style == "closeup":
            small = [k for k, h in enumerate(s.halves) if s.centres[k][2] > room.table_height
                     and np.hypot(*(s.centres[k][:2] - room.table_middle)) < 0.6]  # fmt: skip
            if small:
                target = s.centres[small[rng.integers(len(small))]] + rng.normal(0, 0.03, 3)
            away = rng.uniform(0.25, 0.6)
        up = math.radians(float(rng.choice([rng.uniform(20, 55), rng.uniform(45, 88)])))
        yaw = rng.uniform(0, 2 * math.pi)
        flat = away * math.cos(up)
        at = target + [flat * math.cos(yaw), flat * math.sin(yaw), away * math.sin(up)]
        at[2] = min(at[2], room.height - 0.1)
        return look_at(at, target, roll, fov)
    if room.style == "still_life" and kind < 0.9:
        target = np.array([*room.table_middle, room.table_height + rng.uniform(0, 0.12)])
        away, yaw = rng.uniform(0.4, 1.2), rng.uniform(0, 2 * math.pi)
        up = math.radians(float(rng.choice([rng.uniform(4, 20), rng.uniform(20, 60)])))
        flat = away * math.cos(up)
        at = target + [flat * math.cos(yaw), flat * math.sin(yaw), away * math.sin(up)]
        return look_at(at, target + rng.normal(0, 0.08, 3), roll, fov)
    if room.style == "desk" and room.desks and kind < 0.85:
        k = 2 * int(rng.integers(len(room.desks) // 2))
        facing = room.desks[k + 1]
        aside = np.array([-facing[1], facing[0], 0]) * rng.normal(0, 0.5)
        at = room.desks[k] + rng.uniform(0.4, 1.7) * (facing + aside)
        target = room.desks[k] + rng.normal(0, 0.2, 3) * (1, 1, 0.5)
        return look_at(at + [0, 0, rng.uniform(0.1, 0.9)], target, roll, fov)
    faced = room.shelves if room.style == "shelf" else room.people
    if room.style in ("shelf", "person") and faced and kind < 0.85:
        k = 2 * int(rng.integers(len(faced) // 2))
        target, facing = faced[k] + rng.normal(0, 0.12, 3), faced[k + 1]
        aside = np.array([-facing[1], facing[0], 0]) * rng.normal(0, 0.5)
        away = rng.uniform(0.5, 1.6) if room.style == "shelf" else np.exp(rng.uniform(-0.5, 1.1))
        at = target + away * (facing + aside) + [0, 0, rng.normal(0.1, 0.3)]
        if room.style == "person":
            target = target - [0, 0, rng.uniform(0, 0.35) * away]
        return look_at(at, target, roll, fov)
    if kind < 0.35:  # something in particular, from nearby
        k = int(rng.integers(len(s.kinds)))
        if not s.shell[k] and not s.hidden[k]:
            target = s.centres[k] + rng.normal(0, 0.15, 3)
            away, yaw = rng.uniform(0.5, 2.5), rng.uniform(0, 2 * math.pi)
            up = math.radians(float(rng.uniform(-10, 70)))
            flat = away * math.cos(up)
            at = target + [flat * math.cos(yaw), flat * math.sin(yaw), away * math.sin(up)]
            return look_at(at, target, roll, fov)
    at = _inside(room, rng)
    yaw = rng.uniform(0, 2 * math.pi)
    if room.style == "corridor" and rng.random() < 0.75:
        at[1] = rng.uniform(0.2, 2.0)
        yaw = math.pi / 2 + rng.normal(0, 0.15)
    elif rng.random() < 0.6:  # across the room
        to = np.array([room.width, room.depth]) * rng.uniform(0.3, 0.7, 2) - at[:2]
        yaw = math.atan2(to[1], to[0])
    pitch = rng.choice([rng.normal(-8, 10), rng.uniform(-70, 20)], p=[0.6, 0.4])
    return look(at, yaw, math.radians(float(np.clip(pitch, -75, 25))), roll, fov)


def _directions(count: int) -> np.ndarray:
    """(count, 3) unit vectors spread over all directions."""
    k = np.arange(count) + 0.5
    z, turn = 1 - 2 * k / count, k * math.pi * (3 - 5**0.5)
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], 1)


def _coarse_depth(geometry: Geometry, poses: list[Pose]) -> tuple[np.ndarray, np.ndarray]:
    """(N, GRID**2) z-depth of a few rays of each pose, `inf` where they leave the scene, and
    (N,) how many parts they meet."""
    at = (np.arange(GRID) + 0.5) / GRID * 2 - 1
    x, y = (a.ravel() for a in np.meshgrid(at, at))
    rays, origins = [], []
    for p in poses:
        tan = math.tan(math.radians(p.fov_deg) / 2)
        rays.append(np.stack([x * tan, y * tan, np.ones_like(x)], 1) @ p.rotation.T)
        origins.append(np.broadcast_to(p.position, rays[-1].shape))
    hits = geometry.first_hit(*(torch.from_numpy(np.concatenate(a)) for a in (origins, rays)))
    parts = geometry.part[hits.triangle].numpy().reshape(len(poses), -1)
    return hits.t.numpy().reshape(len(poses), -1), np.array([len(set(p)) for p in parts])


def _is_free(geometry: Geometry, position: np.ndarray, gap: float) -> bool:
    """Is `position` (3,) outside of solid things, and `gap` metres from all surfaces?"""
    along = torch.from_numpy(_directions(PROBES)).float()
    start = torch.from_numpy(position).float().expand_as(along)
    hits = geometry.first_hit(start, along)
    if float(hits.t.min()) < gap:
        return False
    seen = torch.isfinite(hits.t)
    behind = (hits.across * along).sum(1) > 0
    return float((behind & seen).float().mean()) < 0.3


def place_camera(s: Scene, room: Room) -> Pose:
    """A pose that stands in free space and sees something: the richest of some, mostly."""
    rng = s.rng
    geometry = s.geometry()
    lazy = rng.random() < 0.2  # some photos show little
    best: tuple[float, Pose] | None = None
    for _ in range(10):
        poses = []
        for _ in range(40):
            p = _propose(s, room)
            x, y, z = p.position
            inside = 0.1 < x < room.width - 0.1 and 0.1 < y < room.depth - 0.1
            if inside and 0.2 < z < room.height - 0.05 and _is_free(geometry, p.position, 0.08):
                poses.append(p)
            if len(poses) == CANDIDATES:
                break
        if not poses:
            continue
        for p, z, parts in zip(poses, *_coarse_depth(geometry, poses), strict=True):
            seen = np.isfinite(z)
            near = np.quantile(np.where(seen, z, 50), 0.03)
            spread = np.log(np.where(seen, z, 20.0)).std()
            score = min(spread, 0.6) + 0.35 * np.log(parts) + rng.normal(0, 0.15)
            good = near >= (0.15 if room.style in ("closeup", "still_life") else 0.22)
            good = good and seen.mean() > (0.35 if s.outdoors else 0.6)
            if good and lazy:
                return p
            score -= 0 if good else 10
            if best is None or score > best[0]:
                best = (score, p)
        if best is not None and best[0] > 0:
            return best[1]
    if best is None:
        raise RuntimeError("no free place for a camera in this scene.")
    return best[1]
