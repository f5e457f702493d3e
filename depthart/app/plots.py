"""Drawings: the point cloud for Plotly; small curves as SVG, which follow the page's theme."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from depthart.pointcloud import PointCloud


def cloud_figure(
    cloud: PointCloud, revision: str, unit: str, colors: np.ndarray | None = None
) -> go.Figure:
    """A point cloud seen from just behind the camera.

    Args:
        cloud: Points (N, 3), OpenCV axes.
        revision: While it stays the same, the browser keeps the visitor's own view.
        unit: Of the coordinates, shown on hovering.
        colors: (N, 3) uint8 instead of the photo's colours.
    """
    import plotly.graph_objects as go

    rgb = cloud.rgb if colors is None else colors
    palette, index = quantize(rgb)
    x, y, z = cloud.xyz.T
    places = np.linspace(0, 1, len(palette))
    # Plotly's z points up: OpenCV's (right, down, forward) becomes (x, forward, -down).
    # Validation would look at every value; these are typed arrays of our own.
    trace = {
        "type": "scatter3d",
        "mode": "markers",
        "x": x,
        "y": z,
        "z": -y,
        "marker": {
            "size": 2.2,
            "color": index,
            "cmin": 0,
            "cmax": len(palette) - 1,
            "colorscale": [
                [float(p), "rgb({},{},{})".format(*c)] for p, c in zip(places, palette, strict=True)
            ],
            "line": {"width": 0},
        },
        "hovertemplate": f"depth %{{y:.3g}} {unit}<extra></extra>",
    }
    hidden = {"visible": False, "showspikes": False}
    layout = {
        "uirevision": revision,
        "autosize": True,
        "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "scene": {
            "aspectmode": "data",
            "dragmode": "orbit",
            "xaxis": hidden,
            "yaxis": hidden,
            "zaxis": hidden,
            "camera": {
                "eye": {"x": 0.2, "y": -1.4, "z": 0.25},
                "center": {"x": 0, "y": 0, "z": 0},
                "up": {"x": 0, "y": 0, "z": 1},
            },
        },
    }
    return go.Figure({"data": [trace], "layout": layout}, _validate=False)


def quantize(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """256 colours that stand for all: a colour string per point would be slow to send and to draw.

    Args:
        rgb: (N, 3) uint8, N >= 1.

    Returns:
        palette (256, 3) uint8 and index (N,) uint8 into it.
    """
    row = Image.fromarray(np.ascontiguousarray(rgb)[None])
    reduced = row.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    palette = np.array(reduced.getpalette(), np.uint8).reshape(-1, 3)
    # A colour scale needs its last stop at index 255 and at least two stops.
    palette = np.concatenate([palette, np.zeros((256 - len(palette), 3), np.uint8)])
    return palette, np.asarray(reduced)[0]


def curve(
    values: Sequence[float | None], labels: Sequence[str], chosen: int, title: str, unit: str
) -> str:
    """A small line chart with one dot per scale, as SVG.

    Args:
        values: One per scale, None where it is not known.
        labels: Below the dots.
        chosen: Index of the marked dot.
        title: What is drawn; also read aloud.
        unit: Behind the chosen value.
    """
    width, height, left, right, top, bottom = 340, 140, 12, 12, 28, 24
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    peak = max([v for _, v in known], default=0) or 1
    step = (width - left - right) / max(len(values) - 1, 1)

    def place(i: int, v: float) -> tuple[float, float]:
        return left + i * step, height - bottom - (height - top - bottom) * v / peak

    points = [place(i, v) for i, v in known]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts = [
        f'<line class="axis" x1="{left}" x2="{width - right}" y1="{height - bottom}"'
        f' y2="{height - bottom}"/>'
    ]
    if len(points) > 1:
        floor = height - bottom
        area = f"{points[0][0]:.1f},{floor} {path} {points[-1][0]:.1f},{floor}"
        parts += [f'<polygon class="area" points="{area}"/>', f'<polyline points="{path}"/>']
    spoken = []
    for (i, v), (x, y) in zip(known, points, strict=True):
        mark = i == chosen
        name, radius = ("chosen", 5) if mark else ("dot", 3)
        parts.append(
            f'<circle class="{name}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}">'
            f"<title>{escape(labels[i])}: {v:.3g} {escape(unit)}</title></circle>"
        )
        spoken.append(f"{labels[i]}: {v:.3g}")
        if mark:
            anchor = "start" if i < 2 else "end" if i > len(values) - 3 else "middle"
            parts.append(
                f'<text class="value" x="{x:.1f}" y="{max(y - 10, 12):.1f}" text-anchor="{anchor}">'
                f"{v:.3g} {escape(unit)}</text>"
            )
    for i, label in enumerate(labels):
        x = left + i * step
        name = "tick chosen" if i == chosen else "tick"
        parts.append(
            f'<text class="{name}" x="{x:.1f}" y="{height - 7}" text-anchor="middle">'
            f"{escape(label)}</text>"
        )
    return (
        f'<figure class="curve"><figcaption>{escape(title)}</figcaption>'
        f'<svg viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="{escape(title)}. {escape("; ".join(spoken))}">'
        f"{''.join(parts)}</svg></figure>"
    )
