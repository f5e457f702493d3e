"""Three-dimensional files: PLY and GLB point clouds, a textured GLB mesh; all of them y up.

Letters: h, w grid size · N points or vertices · M triangles.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from depthart.export.glb import mesh_glb, points_glb
from depthart.geometry import to_y_up
from depthart.pointcloud import pixel_grid

if TYPE_CHECKING:
    from depthart.pointcloud import PointCloud
    from depthart.prediction import Prediction

MAX_POINTS = 250_000
MAX_MESH_SIDE = 512
MAX_TEXTURE_SIDE = 2048


class Mesh(NamedTuple):
    """A grid mesh over the photo."""

    xyz: np.ndarray  # (N, 3) float32, OpenCV axes
    uv: np.ndarray  # (N, 2) float32, origin upper left
    faces: np.ndarray  # (M, 3) int64, counter-clockwise seen from the camera


def cloud_ply(cloud: PointCloud, comments: list[str]) -> bytes:
    """Binary little-endian PLY, sRGB colours, y up."""
    record = [("xyz", "<f4", 3), ("rgb", "u1", 3)]
    vertices = np.empty(len(cloud), record)
    vertices["xyz"], vertices["rgb"] = to_y_up(cloud.xyz), cloud.rgb
    header = ["ply", "format binary_little_endian 1.0"]
    header += [f"comment {line}" for line in comments]
    header += [f"element vertex {len(cloud)}"]
    header += [f"property float {axis}" for axis in "xyz"]
    header += [f"property uchar {color}" for color in ("red", "green", "blue")]
    return "\n".join([*header, "end_header", ""]).encode("ascii", "replace") + vertices.tobytes()


def cloud_glb(cloud: PointCloud, extras: dict[str, Any]) -> bytes:
    """GLB point cloud, linear colours, y up."""
    return points_glb(to_y_up(cloud.xyz), cloud.rgb, extras)


def textured_mesh_glb(
    prediction: Prediction,
    extras: dict[str, Any],
    rtol: float = 0.04,
    max_side: int = MAX_MESH_SIDE,
    max_depth: float | None = None,
) -> bytes:
    """GLB mesh of the photo's surface, textured with the photo, y up; see `grid_mesh`."""
    mesh = grid_mesh(prediction, rtol, max_side, max_depth)
    texture = Image.fromarray(prediction.photo.rgb)
    texture.thumbnail((MAX_TEXTURE_SIDE, MAX_TEXTURE_SIDE), Image.Resampling.BICUBIC)
    jpeg = io.BytesIO()
    texture.save(jpeg, "JPEG", quality=90)
    return mesh_glb(to_y_up(mesh.xyz), mesh.uv, mesh.faces, jpeg.getvalue(), extras)


def grid_mesh(
    prediction: Prediction,
    rtol: float = 0.04,
    max_side: int = MAX_MESH_SIDE,
    max_depth: float | None = None,
) -> Mesh:
    """Triangles between neighbouring pixels of a grid, without those that bridge a depth step.

    Args:
        prediction: With depth (H, W).
        rtol: Relative depth step that makes an edge.
        max_side: Longest side of the grid.
        max_depth: Leave out what is farther than this, in the prediction's unit.

    Raises:
        ValueError: No depth anywhere.
    """
    photo = prediction.photo
    shrink = min(1.0, max_side / max(photo.height, photo.width))
    height, width = max(2, round(photo.height * shrink)), max(2, round(photo.width * shrink))
    grid = pixel_grid(prediction, height, width, remove_edges=True, rtol=rtol)
    valid = grid.xyz[:, :, 2] > 0
    if max_depth is not None:
        valid &= grid.xyz[:, :, 2] <= max_depth
    index = np.arange(height * width).reshape(height, width)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]  # a b over c d
    # Image rows go down, so this order is counter-clockwise for the camera.
    faces = np.concatenate(
        [np.stack([a, c, b], -1).reshape(-1, 3), np.stack([b, c, d], -1).reshape(-1, 3)]
    )
    # A step marks its pixels on both sides: a triangle wholly of marked ones bridges it. Steps are
    # sought along rows and columns; at the corner of an object a triangle can still bridge one.
    faces = faces[valid.ravel()[faces].all(1)]
    depths = grid.xyz[:, :, 2].ravel()[faces]
    low, high = depths.min(1), depths.max(1)
    bridging = ~grid.keep.ravel()[faces].any(1) | (high - low > rtol * low)
    if not bridging.all():  # a map that is nothing but steps is shown as it is
        faces = faces[~bridging]
    if not len(faces):
        raise ValueError("there is no surface: the depth map is zero everywhere.")
    used, faces = np.unique(faces, return_inverse=True)
    u = (grid.columns + 0.5) / photo.width
    v = (grid.rows + 0.5) / photo.height
    uv = np.stack(np.meshgrid(u, v), -1).reshape(-1, 2).astype(np.float32)
    return Mesh(grid.xyz.reshape(-1, 3)[used], uv[used], faces.reshape(-1, 3))
