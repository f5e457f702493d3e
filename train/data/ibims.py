"""iBims-1: 100 indoor pictures (640 x 480) with laser-scanned depth, labelled planes and edges.

Layout of the archive `ibims1_core_mat` (https://www.asg.ed.tum.de/lmf/ibims1):

    FOLDER/imagelist.txt   one name a line, with or without `.mat`
    FOLDER/NAME.mat        MATLAB 5, one struct `data`

Fields read: `rgb`, `depth` (m, 0 = missing), `edges`, `calib` (3 x 3, transposed as MATLAB's are,
for pixels counted from 1), `mask_invalid` and `mask_transp` (1 = usable), and for each of wall,
table and floor `mask_KIND` (j for plane j, counted from 1) with `mask_KIND_paras`, a row for each
plane whose columns 5-7 are its normal (x right, y forward, z up) for the published evaluation. What
the other columns mean is not used here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from train.data.files import checked, existing, within
from train.data.sample import LabelledPlane, Sample

KINDS = ("wall", "table", "floor")


class IBims:
    """The whole set; depth counts in (0.01, 50] m where it is neither invalid nor transparent.

    Raises:
        FileNotFoundError: naming the missing file.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        names = existing(self.folder / "imagelist.txt", "iBims-1's list of pictures").read_text()
        self.names = [name.removesuffix(".mat") for name in names.split()]

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        from scipy.io import loadmat

        name = self.names[index]
        path = existing(self.folder / f"{name}.mat", "an iBims-1 picture")
        data = loadmat(path, simplify_cells=True)["data"]
        image, depth = checked(data["rgb"], data["depth"].astype(np.float32), name)
        depth = np.where(data["mask_invalid"] > 0, np.nan_to_num(depth), 0)
        calib = data["calib"]  # MATLAB's first pixel has its centre at 1; ours at 0.5
        return Sample(
            image=image,
            depth=depth,
            dataset="ibims1",
            scene=name.rsplit("_", 1)[0],
            intrinsics=np.float32(
                [calib[0, 0], calib[1, 1], calib[2, 0] - 0.5, calib[2, 1] - 0.5]
            ),
            valid=within(depth, 0.01, 50) & (data["mask_transp"] > 0),
            planes=tuple(plane for kind in KINDS for plane in planes_of(data, kind)),
            edges=data["edges"] > 0,
        )


def planes_of(data: dict, kind: str) -> list[LabelledPlane]:
    """The labelled planes of one kind; (x right, y forward, z up) becomes (x, -z, y)."""
    rows = np.asarray(data[f"mask_{kind}_paras"], dtype=np.float64)
    mask = data[f"mask_{kind}"]
    planes = []
    # MATLAB's only row comes as a vector, its empty matrix as an empty array.
    for number, row in enumerate(np.atleast_2d(rows) if rows.size else [], start=1):
        normal = np.float32([row[4], -row[6], row[5]])
        planes.append(LabelledPlane(kind, mask == number, normal / np.linalg.norm(normal)))
    return planes
