"""Pinhole cameras. World: metres, z up. Camera: OpenCV, x right, y down, z forward.

Legend: B pictures, H and W pixels. Pixel centres lie at +0.5.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from train.render.mesh import cross


@dataclass(frozen=True)
class Pose:
    """Where one camera stands and looks.

    Attributes:
        position: (3,) metres.
        rotation: (3, 3), columns are the camera's right, down and forward axes in the world.
        fov_deg: horizontal field of view.
    """

    position: np.ndarray
    rotation: np.ndarray
    fov_deg: float


def look(position: np.ndarray, yaw: float, pitch: float, roll: float, fov_deg: float) -> Pose:
    """Pose from angles in radians; pitch > 0 looks up, yaw 0 looks along +x."""
    forward = np.array(
        [math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)]
    )
    right = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    down = cross(forward, right)
    c, s = math.cos(roll), math.sin(roll)
    rotation = np.stack([c * right + s * down, c * down - s * right, forward], axis=1)
    return Pose(np.asarray(position, dtype=np.float64), rotation, fov_deg)


def look_at(position: np.ndarray, target: np.ndarray, roll: float, fov_deg: float) -> Pose:
    """Pose at `position` with `target` in the middle of the picture."""
    d = np.asarray(target, dtype=np.float64) - position
    yaw = math.atan2(d[1], d[0])
    pitch = math.atan2(d[2], math.hypot(d[0], d[1]))
    return look(position, yaw, pitch, roll, fov_deg)


def focal_length(fov_deg: float, width: int) -> float:
    """Focal length in pixels of a horizontal field of view over `width` pixels."""
    return 0.5 * width / math.tan(math.radians(fov_deg) / 2)


def intrinsics_of(poses: list[Pose], size: int) -> Tensor:
    """(B, 4) float32: fx, fy, cx, cy in pixels of square pictures of side `size`."""
    rows = [[focal_length(p.fov_deg, size)] * 2 + [size / 2, size / 2] for p in poses]
    return torch.tensor(rows, dtype=torch.float32)


def rays_through(intrinsics: Tensor, pixels: Tensor) -> Tensor:
    """Directions (N, 3) in the camera frame with z = 1 through places (N, 2) x, y of a picture.

    `intrinsics` (4,) as in `intrinsics_of`.
    """
    fx, fy, cx, cy = intrinsics
    x, y = (pixels[:, 0] - cx) / fx, (pixels[:, 1] - cy) / fy
    return torch.stack([x, y, torch.ones_like(x)], dim=1)


def camera_rays(intrinsics: Tensor, size: int) -> Tensor:
    """Ray directions (B, 3, H, W) in the camera frame with z = 1, so ray length t is z-depth."""
    at = torch.arange(size, device=intrinsics.device, dtype=torch.float32) + 0.5
    fx, fy, cx, cy = (intrinsics[:, i, None, None] for i in range(4))
    x = ((at[None, None, :] - cx) / fx).expand(-1, size, size)
    y = ((at[None, :, None] - cy) / fy).expand(-1, size, size)
    return torch.stack([x, y, torch.ones_like(x)], dim=1)
