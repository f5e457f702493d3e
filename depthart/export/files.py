"""Files of a prediction: what `Prediction.save` writes, and a reader for the 16-bit PNG.

`depth.npy`, `depth.png`, `uncertainty.npy` and the 3-D files are in `Prediction.unit`; kind
"disparity" stays disparity in the maps and becomes depth in the 3-D files.

Letters: H, W photo size.
"""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image, PngImagePlugin

from depthart.export.animation import fit, refinement_gif, refinement_webp
from depthart.export.share import share_picture
from depthart.export.three_d import MAX_POINTS, cloud_glb, cloud_ply, textured_mesh_glb
from depthart.visualize import color_index, color_table, depth_limits

if TYPE_CHECKING:
    from depthart.prediction import Prediction

FORMATS = ("npy", "png", "color", "share", "ply", "glb", "mesh", "gif", "webp")
DEFAULT_FORMATS = FORMATS[:-1]
SCALE_PICTURE_SIDE = 1024
_NEEDS_STEPS = ("gif", "webp")
# Level 1 writes a 12-megapixel map several times faster than the default 6, for a tenth more bytes.
_PNG_LEVEL = 1


def save_prediction(
    prediction: Prediction,
    folder: Path,
    formats: Iterable[str] | None = None,
    scales: bool = False,
    cmap: str = "spectral",
    invert: bool = False,
) -> list[Path]:
    """Write a prediction's files; each appears complete or not at all.

    Args:
        prediction: What to write.
        folder: Made if missing. Files of the same name are replaced.
        formats: Some of `FORMATS`, or "all". By default all but WebP; those that show the
            refinement are left out for models without scales.
            "npy": depth.npy, float32 (H, W), and uncertainty.npy if known. "png": depth.png, 16
            bits. Both come with depth.json. "color": depth_color.png. "share": share.jpg, photo
            and depth side by side. "ply", "glb": cloud.ply, cloud.glb. "mesh": mesh.glb. "gif",
            "webp": refinement.gif, refinement.webp.
        scales: Also write scale_01.png, scale_02.png, ...: the coloured depth after each step, in
            the colours of the last, longest side at most 1024.
        cmap, invert: Colours of all pictures of depth, as in `visualize.colorize`.

    Returns:
        The files written.

    Raises:
        ValueError: Unknown format, or scales asked of a model without them.
    """
    names = resolve_formats(formats, prediction.refined, prediction.model)
    if scales and not prediction.refined:
        raise ValueError(f"{prediction.model} has no scales; drop the request for scale pictures.")
    color_table(cmap)  # an unknown colour map is refused before anything is written
    files = _files(prediction, names, scales, cmap, invert)
    folder.mkdir(parents=True, exist_ok=True)
    return [_write(folder / name, make()) for name, make in files]


def resolve_formats(
    formats: Iterable[str] | None, has_steps: bool = True, model: str = "the model"
) -> tuple[str, ...]:
    """Names of `FORMATS` in their order; None is the default set, "all" stands for every one."""
    asked = list(DEFAULT_FORMATS) if formats is None else list(formats)
    everything = formats is None or "all" in asked
    names = FORMATS if "all" in asked else asked
    unknown = [name for name in asked if name not in (*FORMATS, "all")]
    if unknown:
        raise ValueError(f"unknown format {unknown[0]!r}; known: {', '.join(FORMATS)}, all.")
    if not has_steps:
        if not everything and any(name in _NEEDS_STEPS for name in names):
            raise ValueError(f"{model} has no scales, so there is no refinement to animate.")
        names = [name for name in names if name not in _NEEDS_STEPS]
    return tuple(name for name in FORMATS if name in names)


def read_depth_png(path: str | Path) -> np.ndarray:
    """The depth map in a `depth.png`: value * scale + offset.

    Returns:
        (H, W) float64, exact to half a step of 1 / 65535 of the map's range.

    Raises:
        ValueError: A PNG without our scale and offset.
    """
    with Image.open(path) as image:
        text = getattr(image, "text", {})
        if "scale" not in text or "offset" not in text:
            raise ValueError(f"{path} has no scale and offset in its metadata; not our depth.png.")
        return np.asarray(image).astype(np.float64) * float(text["scale"]) + float(text["offset"])


def describe(prediction: Prediction) -> dict[str, Any]:
    """What the numbers mean: the content of `depth.json`."""
    depth, camera = prediction.scaled_depth(), prediction.intrinsics
    scale, offset = _png_scale(depth)
    return {
        "photo": prediction.photo.name,
        "model": prediction.model,
        "kind": prediction.kind,
        "unit": prediction.unit,
        "near": "large values" if prediction.kind == "disparity" else "small values",
        "width": camera.width,
        "height": camera.height,
        "minimum": float(depth.min()),
        "maximum": float(depth.max()),
        "png": {"scale": scale, "offset": offset, "formula": "value * scale + offset"},
        "camera": {
            "fx": camera.fx,
            "fy": camera.fy,
            "cx": camera.cx,
            "cy": camera.cy,
            "fov_deg": camera.fov_deg,
            "pixel_centre": 0.5,
        },
        "metres_per_unit": prediction.metres_per_unit,
        "sharpened": prediction.sharpened,
        "seconds": prediction.seconds,
        "scales": [
            {
                "side": step.side,
                "seconds": step.seconds,
                "mean_entropy_nats": None if step.entropy is None else float(step.entropy.mean()),
            }
            for step in prediction.steps
        ],
    }


def _files(
    prediction: Prediction, names: tuple[str, ...], scales: bool, cmap: str, invert: bool
) -> Iterator[tuple[str, Callable[[], bytes | memoryview]]]:
    """File names and what makes their bytes, one at a time so that large ones do not pile up."""
    about = describe(prediction)
    if "npy" in names:
        yield "depth.npy", lambda: _npy(prediction.scaled_depth())
        if prediction.uncertainty is not None:
            factor = np.float32(prediction.metres_per_unit or 1)
            yield "uncertainty.npy", lambda: _npy(prediction.uncertainty * factor)
    if "png" in names:
        yield "depth.png", lambda: _depth_png(prediction.scaled_depth(), about)
    if "npy" in names or "png" in names:
        yield "depth.json", lambda: (json.dumps(about, indent=2) + "\n").encode()
    limits, table = depth_limits(prediction.depth), color_table(cmap, invert)

    def picture(depth: np.ndarray) -> memoryview:
        return _color_png(color_index(depth, prediction.kind, limits), table)

    if "color" in names:
        yield "depth_color.png", lambda: picture(prediction.depth)
    if "share" in names:
        yield "share.jpg", lambda: _jpeg(share_picture(prediction, cmap, invert))
    notes = {key: about[key] for key in ("photo", "model", "kind", "unit")}
    notes["axes"] = "x right, y up, camera at the origin looking along -z"
    if "ply" in names or "glb" in names:
        cloud = prediction.points(max_points=MAX_POINTS)
        if not len(cloud):  # a map that is nothing but steps is shown as it is
            cloud = prediction.points(max_points=MAX_POINTS, remove_edges=False)
        if not len(cloud):
            raise ValueError("there are no points: the depth map is zero everywhere.")
        if "ply" in names:
            lines = [f"{key}: {value}" for key, value in notes.items()]
            yield "cloud.ply", lambda: cloud_ply(cloud, lines)
        if "glb" in names:
            yield "cloud.glb", lambda: cloud_glb(cloud, notes)
    if "mesh" in names:
        yield "mesh.glb", lambda: textured_mesh_glb(prediction, notes)
    if "gif" in names:
        yield "refinement.gif", lambda: refinement_gif(prediction, cmap, invert)
    if "webp" in names:
        yield "refinement.webp", lambda: refinement_webp(prediction, cmap, invert)
    if scales:
        size = fit(prediction.photo.width, prediction.photo.height, SCALE_PICTURE_SIDE)
        for step in prediction.steps:
            depth = step.depth_at(size[1], size[0])
            yield f"scale_{step.scale + 1:02d}.png", lambda depth=depth: picture(depth)


def _npy(array: np.ndarray) -> memoryview:
    file = io.BytesIO()
    np.save(file, np.asarray(array, np.float32))
    return file.getbuffer()


def _png_scale(depth: np.ndarray) -> tuple[float, float]:
    """Scale and offset that spread the map over all 65536 values; a constant map is all zeros."""
    low, high = float(depth.min()), float(depth.max())
    return (high - low) / 65535 if high > low else 1.0, low


def _depth_png(depth: np.ndarray, about: dict[str, Any]) -> memoryview:
    scale, offset = about["png"]["scale"], about["png"]["offset"]
    # In float32 the rounding errors stay below a hundredth of a step.
    values = np.subtract(depth, np.float32(offset))
    values *= np.float32(1 / scale)
    values += np.float32(0.5)
    values = np.clip(values, 0, 65535, out=values).astype(np.uint16)
    text = PngImagePlugin.PngInfo()
    for key in ("kind", "unit", "near", "model"):
        text.add_text(key, str(about[key]))
    text.add_text("fov_deg", repr(about["camera"]["fov_deg"]))
    for key, value in about["png"].items():
        text.add_text(key, value if isinstance(value, str) else repr(value))
    return _png(Image.fromarray(values), pnginfo=text)


def _color_png(index: np.ndarray, table: np.ndarray) -> memoryview:
    """The colours of `visualize.colorize`, as a palette picture: exact, a third of the bytes."""
    image = Image.fromarray(index)
    image.putpalette(table.tobytes())
    return _png(image)


def _jpeg(picture: np.ndarray) -> memoryview:
    file = io.BytesIO()
    # Without chroma subsampling, which would smear the colours of depth.
    Image.fromarray(picture).save(file, "JPEG", quality=92, subsampling=0)
    return file.getbuffer()


def _png(image: Image.Image, **options: Any) -> memoryview:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=_PNG_LEVEL, **options)
    return file.getbuffer()


def _write(path: Path, data: bytes | memoryview) -> Path:
    """Write beside the target, then rename: readers and crashes never meet half a file."""
    # Not tempfile's functions: they make files that only their owner may read.
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path
