"""Models trained by others that `depthart.baselines.pretrained` can open; facts about them only.

Ids, licences and sizes are those of the pages `huggingface.co/ID/tree/REVISION` (stored copies of
2024 and 2025, read in November 2026). What a page leaves open is said where it stands.
"""

from __future__ import annotations

from typing import NamedTuple

# Models trained elsewhere need transformers; the others do not.
INSTALL = "python -m pip install -r depthart/baselines/requirements.txt"

APACHE, NON_COMMERCIAL = "Apache-2.0", "CC-BY-NC-4.0 (no commercial use)"
# Their pages name no licence, and github.com/DepthAnything/Depth-Anything-V2/issues/245, which
# asks for it, is open; the README puts Depth-Anything-V2-Small, their start, under Apache-2.0.
UNSTATED = "not stated for these weights (they start from Depth-Anything-V2-Small, Apache-2.0)"


class Published(NamedTuple):
    """A model of the Hugging Face hub."""

    repo_id: str
    kind: str  # see `depthart.prediction.Kind`
    size_mb: float  # of its weights, to download
    licence: str
    description: str
    revision: str = "main"


def _depth_anything() -> dict[str, Published]:
    sizes = {"small": 99.2, "base": 390, "large": 1340}
    models = {}
    for size, megabytes in sizes.items():
        models[f"depth-anything-v1-{size}"] = Published(
            f"LiheYoung/depth-anything-{size}-hf",
            "disparity",
            megabytes,
            APACHE,
            f"Depth Anything, {size} (Yang et al., arXiv 2401.10891)",
        )
    for size, megabytes in sizes.items():
        models[f"depth-anything-v2-{size}"] = Published(
            f"depth-anything/Depth-Anything-V2-{size.title()}-hf",
            "disparity",
            megabytes,
            APACHE if size == "small" else NON_COMMERCIAL,
            f"Depth Anything V2, {size} (Yang et al., arXiv 2406.09414)",
        )
    for place in ("indoor", "outdoor"):
        models[f"depth-anything-v2-metric-{place}"] = Published(
            f"depth-anything/Depth-Anything-V2-Metric-{place.title()}-Small-hf",
            "metric",
            sizes["small"],
            UNSTATED,
            f"Depth Anything V2, small, fine-tuned to metres, {place}",
        )
    return models


PUBLISHED: dict[str, Published] = {
    **_depth_anything(),
    "dpt-large": Published(
        "Intel/dpt-large",
        "disparity",
        1370,
        APACHE,
        "DPT-Large, MiDaS 3.0 (Ranftl et al., arXiv 2103.13413)",
    ),
    "dpt-hybrid-midas": Published(
        "Intel/dpt-hybrid-midas",
        "disparity",
        490,
        APACHE,
        "DPT-Hybrid, MiDaS 3.0 (Ranftl et al., arXiv 2103.13413)",
        # Its main branch has a pickle alone; this is the hub's own conversion of it.
        revision="refs/pr/5",
    ),
    "zoedepth": Published(
        "Intel/zoedepth-nyu-kitti",
        "metric",
        1380,
        "MIT",
        "ZoeDepth NK, metres indoors and outdoors (Bhat et al., arXiv 2302.12288)",
    ),
    "depth-pro": Published(
        "apple/DepthPro-hf",
        "metric",
        1900,
        "Apple Machine Learning Research Model licence (apple-amlr, research only)",
        "Depth Pro, sharp metric depth (Bochkovskii et al., arXiv 2410.02073)",
    ),
}
