"""People-like figures of swept limbs, standing and sitting, in clothes of random cloth."""

from __future__ import annotations

import numpy as np

from train.render import looks
from train.render.curved import lathe, spline, superquadric, tube
from train.render.materials import MIXED, SOLID, Material
from train.render.scene import Scene

TONES = ((0.06, 0.25, 0.95), (0.06, 0.35, 0.85), (0.06, 0.45, 0.7), (0.06, 0.5, 0.5),
         (0.05, 0.5, 0.33))  # fmt: skip


def _cloth(s: Scene) -> Material:
    rng = s.rng
    if rng.random() < 0.4:
        return looks.fabric(s)
    first = looks.any_colour(rng, 0.7)
    return Material(MIXED, first, first * 0.75, noise_period=float(rng.uniform(0.1, 0.4)),
                    noise_amount=0.15, gloss=0.02)  # fmt: skip


def _limb(s: Scene, joints: list[np.ndarray], widths: list[float], look: Material) -> None:
    """A tube through joints, as thick as `widths` there, round at its ends."""
    path = spline(joints, 12)
    radius = np.interp(np.linspace(0, 1, 12), np.linspace(0, 1, len(widths)), widths)
    radius[[0, -1]] *= 0.75
    s.mesh(tube(path, radius, 12), look)


def person(s: Scene, sitting: bool = False, seat: float = 0.45) -> None:
    """A figure at the frame's origin, facing -y; a sitting one on a seat `seat` metres high."""
    rng = s.rng
    tall = rng.normal(1.7, 0.09) * (1.0 if rng.random() < 0.85 else 0.72)
    k = tall / 1.7
    broad = rng.uniform(0.9, 1.2) * k
    skin_tone = looks.hsv(*TONES[rng.integers(len(TONES))])
    skin = Material(SOLID, skin_tone, skin_tone, noise_amount=0.06, gloss=0.15)
    shirt, trousers = _cloth(s), _cloth(s)
    shoe = looks.plain(rng, 0.3)
    hair_colour = looks.hsv(0.07, rng.uniform(0.1, 0.6), rng.choice([0.1, 0.2, 0.35, 0.7]))
    hair = Material(MIXED, hair_colour, hair_colour * 0.4, noise_period=0.08, gloss=0.3)
    hip = np.array([0, 0, seat + 0.12 * k]) if sitting else np.array([0, 0, 0.93 * k])
    lean = rng.normal(0.0, 0.1) + (0.05 if sitting else 0)
    up = np.array([rng.normal(0, 0.03), -np.sin(lean), np.cos(lean)])
    chest, neck = hip + 0.32 * k * up, hip + 0.53 * k * up
    # torso: rings that are wider than deep
    profile = spline([[0.1, -0.06], [0.155, 0.0], [0.135, 0.18], [0.165, 0.38], [0.13, 0.49],
                      [0.055, 0.54], [0.05, 0.58]], 16)  # fmt: skip
    turn = rng.normal(0, 0.1)
    with s.at(*hip, turn, lean):
        s.mesh(lathe(profile, 20), shirt, (broad * 1.08, broad * 0.72, k))
    for side in (-1, 1):
        thigh = hip + [side * 0.09 * broad, 0, -0.02 * k]
        if sitting:
            knee = thigh + [side * rng.uniform(0, 0.1), -0.42 * k, rng.normal(0.02, 0.02)]
            foot = np.array([knee[0], knee[1] + rng.normal(0, 0.08), 0.07])
        else:
            stride = side * rng.normal(0, 0.12) * k
            knee = thigh + [side * 0.02, stride - 0.03 * k, -0.43 * k]
            foot = np.array([knee[0], stride * 1.2 + rng.uniform(0, 0.05), 0.07])
        _limb(s, [thigh, knee, foot], [0.085 * broad, 0.06 * k, 0.045 * k], trousers)
        with s.at(foot[0], foot[1] - 0.06 * k, 0.045, rng.normal(0, 0.15) + side * 0.15):
            s.mesh(superquadric(0.6, 0.7, 16), shoe, (0.045 * k, 0.13 * k, 0.05))
        shoulder = chest + [side * 0.18 * broad, 0, 0.13 * k]
        swing, out = rng.normal(0.15, 0.35), rng.uniform(0.05, 0.35)
        arm = np.array([side * np.sin(out), -np.sin(swing), -np.cos(swing) * np.cos(out)])
        elbow = shoulder + 0.29 * k * arm / np.linalg.norm(arm)
        bend = rng.choice([rng.uniform(0, 0.6), rng.uniform(0.8, 2.2)])
        if sitting:
            bend = rng.uniform(0.9, 1.7)
        fore = np.array([-side * rng.uniform(0, 0.5), -np.sin(swing + bend), -np.cos(swing + bend)])
        hand = elbow + 0.26 * k * fore / np.linalg.norm(fore)
        bare = rng.random() < 0.5
        _limb(s, [shoulder, elbow], [0.06 * broad, 0.045 * k], shirt)
        _limb(s, [elbow, hand], [0.043 * k, 0.03 * k], skin if bare else shirt)
        s.ball(
            hand + 0.04 * k * fore / np.linalg.norm(fore), (0.035 * k, 0.045 * k, 0.06 * k), skin
        )
    _limb(s, [neck - 0.02 * up, neck + 0.1 * k * up], [0.055 * k, 0.05 * k], skin)
    head = neck + (0.17 * k) * up + [0, -0.02 * k, 0]
    with s.at(*head, rng.normal(0, 0.4), rng.normal(0.0, 0.2)):
        s.mesh(superquadric(0.9, 0.95, 24), skin, (0.075 * k, 0.092 * k, 0.115 * k))
        s.ball((0, -0.09 * k, -0.01 * k), (0.012 * k, 0.02 * k, 0.022 * k), skin)  # nose
        for side in (-1, 1):
            s.ball((side * 0.028 * k, -0.083 * k, 0.018 * k), (0.012 * k, 0.008, 0.007 * k),
                   looks.metal(rng))  # fmt: skip
        if rng.random() < 0.9:
            long = rng.uniform(0.9, 1.4)
            s.ball(
                (0, 0.018 * k, 0.03 * k * (2 - long)),
                (0.085 * k, 0.095 * k, 0.105 * k * long),
                hair,
            )
