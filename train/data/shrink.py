"""`python -m train.data.shrink`: smaller copies of RGB-D pairs and photos.

For a borrowed machine that can be sent only so many megabytes. The RGB-D folder keeps its format
(`train.data.rgbd_folder`): pictures become JPEG, depth stays 16-bit PNG, sampled at the nearest
pixel so that no depth is invented at edges, and intrinsics follow.

    python -m train.data.shrink --real DIR --photos DIR --side 256 --photo-side 160 -o OUT
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image

from train.data.files import existing
from train.data.photos import PhotoFolder

QUALITY = 88  # of JPEG


def main(arguments: list[str] | None = None) -> None:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        description=summary, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--real", type=Path, help="RGB-D folder with a manifest.json")
    parser.add_argument("--side", type=int, default=256, help="shorter side of the pairs (256)")
    parser.add_argument("--photos", type=Path, help="folder of pictures without depth")
    parser.add_argument("--photo-side", type=int, default=160, help="their shorter side (160)")
    options = parser.parse_args(arguments)
    if not (options.real or options.photos):
        parser.error("nothing to shrink: give --real, --photos or both")
    if options.real:
        count = shrink_pairs(options.real, options.output / "real", options.side)
        print(f"{count} pairs in {options.output / 'real'}")
    if options.photos:
        count = shrink_photos(options.photos, options.output / "photos", options.photo_side)
        print(f"{count} photos in {options.output / 'photos'}")


def shrink_pairs(folder: Path, output: Path, side: int) -> int:
    """Copy an RGB-D folder with shorter sides of at most `side` pixels; returns the pairs.

    Raises:
        FileNotFoundError: if the manifest or one of its files is missing.
    """
    entries = json.loads(existing(folder / "manifest.json", "the manifest").read_text())
    for part in ("rgb", "depth"):
        (output / part).mkdir(parents=True, exist_ok=True)
    for entry in entries:
        picture = Image.open(existing(folder / entry["rgb"], "the picture")).convert("RGB")
        depth = np.asarray(Image.open(existing(folder / entry["depth"], "the depth map")))
        size = _shrunk(picture.size, side)
        share = np.array(size) / picture.size
        rows = ((np.arange(size[1]) + 0.5) / share[1]).astype(int)
        columns = ((np.arange(size[0]) + 0.5) / share[0]).astype(int)
        entry["rgb"], entry["depth"] = f"rgb/{entry['id']}.jpg", f"depth/{entry['id']}.png"
        picture.resize(size, Image.Resampling.LANCZOS).save(output / entry["rgb"], quality=QUALITY)
        small = depth[rows][:, columns].astype(np.uint16)
        Image.fromarray(small).save(output / entry["depth"], optimize=True)
        entry["width"], entry["height"] = size
        if entry.get("K"):
            entry["K"] = [float(k) for k in np.array(entry["K"]) * [*share, *share]]
    (output / "manifest.json").write_text(json.dumps(entries, indent=1) + "\n")
    return len(entries)


def shrink_photos(folder: Path, output: Path, side: int) -> int:
    """Copy a folder of pictures with shorter sides of at most `side` pixels; returns how many."""
    output.mkdir(parents=True, exist_ok=True)
    paths = PhotoFolder(folder).paths
    for path in paths:
        picture = Image.open(path).convert("RGB")
        small = picture.resize(_shrunk(picture.size, side), Image.Resampling.LANCZOS)
        small.save(output / f"{path.stem}.jpg", quality=QUALITY)
    return len(paths)


def _shrunk(size: tuple[int, int], side: int) -> tuple[int, int]:
    share = min(1.0, side / min(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


if __name__ == "__main__":
    main()
