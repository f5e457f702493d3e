"""Files of a prediction: depth maps, point clouds, a mesh, the refinement as a moving picture."""

from depthart.export.files import (
    DEFAULT_FORMATS,
    FORMATS,
    describe,
    read_depth_png,
    resolve_formats,
    save_prediction,
)

__all__ = [
    "DEFAULT_FORMATS",
    "FORMATS",
    "describe",
    "read_depth_png",
    "resolve_formats",
    "save_prediction",
]
