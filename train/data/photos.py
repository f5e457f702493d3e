"""A folder of pictures without depth."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


class PhotoFolder:
    """Every picture of a folder, as (H, W, 3) uint8 arrays.

    Raises:
        FileNotFoundError: if there is none.
    """

    def __init__(self, folder: str | Path) -> None:
        self.paths = sorted(p for p in Path(folder).glob("*") if p.suffix.lower() in SUFFIXES)
        if not self.paths:
            raise FileNotFoundError(f"no pictures in {folder}")

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> np.ndarray:
        return np.array(Image.open(self.paths[index]).convert("RGB"))  # ours to write
