"""A point cloud seen from beside the camera, in numpy alone; for sheets of many clouds."""

from __future__ import annotations

import math

import numpy as np

from depthart.pointcloud import PointCloud
from depthart.visualize import BACKGROUND_RGB


def splat_view(
    cloud: PointCloud,
    width: int,
    height: int,
    yaw_deg: float = 28.0,
    pitch_deg: float = 14.0,
    fov_deg: float = 55.0,
) -> np.ndarray:
    """Paint the points, far to near, as seen by a camera that has swung around their middle.

    Args:
        cloud: OpenCV axes, camera at the origin.
        width, height: of the picture.
        yaw_deg: swing to the side. pitch_deg: swing upwards.
        fov_deg: horizontal field of view.

    Returns:
        (height, width, 3) uint8 sRGB; empty for an empty cloud.
    """
    picture = np.full((height, width, 3), BACKGROUND_RGB, np.uint8)
    if not len(cloud):
        return picture
    # The pivot is as far as the middle of the scene, a little nearer to keep near things in view.
    pivot = np.array([0, 0, 0.9 * np.median(cloud.xyz[:, 2])])
    yaw, pitch = math.radians(yaw_deg), math.radians(pitch_deg)
    turn = np.array(
        [[math.cos(yaw), 0, math.sin(yaw)], [0, 1, 0], [-math.sin(yaw), 0, math.cos(yaw)]]
    )
    tilt = np.array(
        [
            [1, 0, 0],
            [0, math.cos(pitch), -math.sin(pitch)],
            [0, math.sin(pitch), math.cos(pitch)],
        ]
    )
    # Step back by a quarter, so that the corners of the view stay inside.
    points = (cloud.xyz - pivot) @ (tilt @ turn).T + 1.25 * pivot
    in_front = points[:, 2] > 0.05 * pivot[2]
    points, colors = points[in_front], cloud.rgb[in_front]
    focal = 0.5 * width / math.tan(math.radians(fov_deg) / 2)
    columns = np.floor(focal * points[:, 0] / points[:, 2] + width / 2).astype(int)
    rows = np.floor(focal * points[:, 1] / points[:, 2] + height / 2).astype(int)
    order = np.argsort(-points[:, 2], kind="stable")
    rows, columns, colors = rows[order], columns[order], colors[order]
    # Every point covers two by two pixels. Later assignments win, and they are the nearer ones.
    across = np.repeat(columns[:, None], 4, 1) + [0, 1, 0, 1]
    down = np.repeat(rows[:, None], 4, 1) + [0, 0, 1, 1]
    inside = (across >= 0) & (across < width) & (down >= 0) & (down < height)
    owner = np.repeat(np.arange(len(colors))[:, None], 4, 1)
    picture[down[inside], across[inside]] = colors[owner[inside]]
    return picture
