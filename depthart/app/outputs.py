"""What leaves the app: files for the visitor, answers for programs. Plain functions, no Gradio.

Scales are 0-based in this file; answers count from 1.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from depthart.app import ensemble, text
from depthart.app.handlers import mean_change, mean_entropy
from depthart.app.state import Look, Session
from depthart.prediction import Prediction
from depthart.visualize import depth_limits


def export(
    session: Session, scale: int, scales: bool = False, look: Look | None = None
) -> tuple[str, list[str]]:
    """Write every export of `Prediction.save` at the photo's full size.

    Args:
        scale: 0-based.
        scales: Also a picture per scale, if there are several.
        look: Colours of the pictures. Mean and uncertainty of an ensemble come along if there
            is one.

    Returns:
        Path of a zip with all files, and the paths of the files.
    """
    scale, look = session.clamp(scale), look or Look()
    key = (
        *("export", scale, scales, look, session.sharp),
        *(id(session.ensemble), session.known, session.fov_deg),
    )
    if key not in session.kept:
        session.kept[key] = _write(session, scale, scales, look)
    return session.kept[key]


def _write(session: Session, scale: int, scales: bool, look: Look) -> tuple[str, list[str]]:
    name = session.name
    parent = Path(tempfile.mkdtemp(prefix=f"scale-{scale + 1:02d}-", dir=session.folder()))
    colors = {"cmap": look.cmap, "invert": look.invert}
    paths = session.prediction(scale, full_size=True).save(
        parent / name, scales=scales and scale > 0, **colors
    )
    if session.ensemble is not None:
        mean = ensemble.prediction(session, session.ensemble)
        paths += mean.save(parent / name / "mean", ["npy", "color"], **colors)
    archive = parent / f"{name}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for path in paths:
            file.write(path, path.relative_to(parent))
    return str(archive), [str(path) for path in paths]


def summary(prediction: Prediction) -> dict[str, Any]:
    """What a program needs to know about a prediction, ready for JSON."""
    low, high = depth_limits(prediction.depth, 0, 1)
    return {
        "model": prediction.model,
        "kind": prediction.kind,
        "meaning": text.MEANING[prediction.kind],
        "unit": prediction.unit,
        "width": prediction.photo.width,
        "height": prediction.photo.height,
        "fov_deg": round(prediction.intrinsics.fov_deg, 3),
        "depth_min": low,
        "depth_max": high,
        "scales": [step.side for step in prediction.steps],
        "seconds": round(prediction.seconds, 3),
    }


def step_summary(session: Session, scale: int) -> dict[str, Any]:
    """One update of the streaming endpoint, ready for JSON."""
    step = session.steps[scale]
    return {
        "scale": scale + 1,
        "scales": session.total,
        "side": step.side,
        "tokens": step.side**2,
        "mean_entropy_nats": mean_entropy(step),
        "mean_change": mean_change(session, scale),
        "seconds": round(step.seconds, 4),
    }


def save_array(session: Session, prediction: Prediction) -> str:
    """Path of the depth as float32 .npy at the photo's size."""
    path = session.folder() / "depth.npy"
    np.save(path, prediction.scaled_depth())
    return str(path)
