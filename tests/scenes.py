"""Scenes built by hand for the renderer's tests."""

import numpy as np

from depthart.geometry import Intrinsics
from train.render.camera import Pose
from train.render.post import sample_post
from train.render.render import RenderedBatch
from train.render.scene import Light, Scene


def empty_scene(pose: Pose) -> Scene:
    """No shapes, one lamp."""
    scene = Scene(np.random.default_rng(0), pose=pose, post=sample_post(np.random.default_rng(0)))
    scene.lights.append(Light(pose.position + [0, 0, 1], np.zeros((2, 3)), np.ones(3), np.zeros(3)))
    return scene


def camera_of(batch: RenderedBatch, i: int) -> Intrinsics:
    side = batch.depth_m.shape[-1]
    return Intrinsics(*batch.intrinsics[i].tolist(), side, side)
