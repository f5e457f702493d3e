"""The scene behind the 3D tab: its point cloud, and lengths in it. Plain functions, no Gradio.

Scales are 0-based in this file; the interface counts from 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from depthart.app import plots, text
from depthart.app.state import KnownLength, Look, Session, of_scale
from depthart.export.three_d import textured_mesh_glb
from depthart.geometry import Intrinsics
from depthart.images import Photo
from depthart.prediction import Pixel
from depthart.visualize import colorize, depth_limits

if TYPE_CHECKING:
    import plotly.graph_objects as go

VIEWER_MESH_SIDE = 256  # of the grid; the downloaded mesh is finer


@dataclass(frozen=True)
class CloudSettings:
    """How the point cloud is built. None of these runs the network again.

    Attributes:
        max_points: Point budget.
        remove_edges: Drop flying pixels.
        rtol: Relative depth step that makes an edge.
        keep_nearest: Share of the depth range that is kept, from the nearest, in (0, 1].
        color: "photo" or "depth".
        look: Colours of depth.
    """

    max_points: int = 40_000
    remove_edges: bool = True
    rtol: float = 0.04
    keep_nearest: float = 1.0
    color: str = "photo"
    look: Look = Look()


def photo_fov(photo: Photo) -> tuple[float, bool]:
    """Horizontal field of view in degrees, and whether it comes from the photo's EXIF data."""
    return round(Intrinsics.of_photo(photo).fov_deg, 1), photo.focal_35mm is not None


def cloud(session: Session, scale: int, settings: CloudSettings) -> tuple[go.Figure, int]:
    """The point cloud of a scale and its number of points."""
    scale = session.clamp(scale)
    prediction = session.prediction(scale)
    depth = prediction.z_depth()
    max_depth = cut(depth, settings.keep_nearest)
    points = prediction.points(settings.max_points, settings.remove_edges, settings.rtol, max_depth)
    if not len(points):
        raise ValueError(
            "No point is left: keep more of the background, or switch the edge removal off."
        )
    colors = None
    if settings.color == "depth":
        column = points.xyz[:, 2][None]
        look, limits = settings.look, depth_limits(depth)
        colors = colorize(column, "scale_invariant", look.cmap, look.invert, limits)[0]
    unit = "m" if prediction.unit == "m" else "(relative)"
    figure = plots.cloud_figure(points, f"{id(session)}", unit, colors)
    return figure, len(points)


def cut(depth: np.ndarray, keep_nearest: float) -> float | None:
    """Largest depth that is kept: a share of the range of a z-depth map; None keeps all."""
    known = depth[depth > 0]
    if keep_nearest >= 1 or not known.size:
        return None
    near, far = float(known.min()), float(known.max())
    return near + keep_nearest * (far - near)


def mesh(session: Session, scale: int, keep_nearest: float = 1.0) -> str:
    """Path of a scale's textured mesh for the viewer, as GLB.

    Raises:
        ValueError: Nothing is left of it.
    """
    scale = session.clamp(scale)
    key = ("mesh", scale, keep_nearest, session.fov_deg, session.known, session.sharp)
    if key not in session.kept:
        prediction = session.prediction(scale)
        limit = cut(prediction.z_depth(), keep_nearest)
        path = session.folder() / f"{session.name}-mesh-{of_scale(scale)}-{len(session.kept)}.glb"
        glb = textured_mesh_glb(prediction, {}, max_side=VIEWER_MESH_SIDE, max_depth=limit)
        path.write_bytes(glb)
        session.kept[key] = str(path)
    return session.kept[key]


def mark(session: Session, pixel: Pixel) -> None:
    """Remember a click on the preview; the third click starts over."""
    session.marks = (*session.marks, pixel) if len(session.marks) < 2 else (pixel,)


def marked_photo(session: Session) -> str:
    """Path of the preview with the clicked pixels A and B and the line between them."""
    return session.picture(("marks", session.marks), lambda: _draw_marks(session), ".jpg")


def measured(session: Session, scale: int) -> str:
    """What the clicked pixels tell, in words."""
    if not session.marks:
        return "Click two points of the photo to measure between them."
    prediction = session.prediction(session.clamp(scale))
    unit = "m" if prediction.unit == "m" else "relative units"
    try:
        depths = [float(prediction.point_at(pixel)[2]) for pixel in session.marks]
    except ValueError as error:
        return f"{str(error)[:1].upper()}{str(error)[1:]}"
    if len(depths) == 1:
        return f"A lies at depth {text.number(depths[0])} {unit}. Click a second point."
    length = prediction.distance(*session.marks)
    return (
        f"**A to B: {text.number(length)} {unit}** (depth of A {text.number(depths[0])},"
        f" of B {text.number(depths[1])})."
    )


def know_length(session: Session, metres: float | None, scale: int) -> None:
    """From now on everything is in metres: the two clicked pixels are this far apart."""
    if len(session.marks) != 2:
        raise ValueError("Click the two ends of the known length in the photo first.")
    before, session.known = session.known, None
    try:
        relative = session.prediction(session.clamp(scale))
        metric = relative.with_known_length(*session.marks, float(metres or 0))
    except ValueError:
        session.known = before
        raise
    session.known = KnownLength(*session.marks, float(metres), metric.metres_per_unit)


def forget_length(session: Session) -> None:
    """Back to relative units, without clicks."""
    session.known, session.marks = None, ()


def _draw_marks(session: Session) -> np.ndarray:
    from PIL import Image, ImageDraw, ImageFont

    picture = Image.fromarray(session.preview.rgb)
    draw = ImageDraw.Draw(picture)
    size = max(picture.size) / 100
    font = ImageFont.load_default(max(12, 3 * size))
    if len(session.marks) == 2:
        for color, width in (("black", size), ("white", size / 2)):
            draw.line(session.marks, fill=color, width=max(1, round(width)))
    for name, (x, y) in zip("AB", session.marks, strict=False):
        for color, radius in (("black", 1.3 * size), ("white", size), ("#e11d48", 0.6 * size)):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=color)
        # Beside the dot, on the side where there is room.
        left = x > picture.width - 8 * size
        draw.text(
            (x - 2 * size if left else x + 2 * size, y),
            name,
            fill="white",
            font=font,
            anchor="rm" if left else "lm",
            stroke_width=max(2, round(size / 2)),
            stroke_fill="black",
        )
    return np.asarray(picture)
