"""Readers, each of one kind of data, and the batches made from them."""

from train.data.ddad import DDAD
from train.data.diode import DIODE
from train.data.eth3d import ETH3D
from train.data.hypersim import Hypersim
from train.data.ibims import IBims
from train.data.kitti import KITTI
from train.data.nyuv2 import NYUv2
from train.data.photos import PhotoFolder
from train.data.pseudo_depth import PseudoDepth
from train.data.rendered import RenderedScenes
from train.data.rgbd_folder import RGBDFolder
from train.data.sintel import Sintel
from train.data.sunrgbd import SUNRGBD
from train.data.tum import TUMRGBD
from train.data.tum_dynamic import TUMDynamic
from train.data.webdataset_shards import WebDatasetShards

# Every reader takes a folder first; see its file for the layout and further options.
DATASETS: dict[str, type] = {
    "hypersim": Hypersim,
    "nyuv2": NYUv2,
    "ibims1": IBims,
    "tum": TUMRGBD,
    "tum_dynamic": TUMDynamic,
    "eth3d": ETH3D,
    "kitti": KITTI,
    "sunrgbd": SUNRGBD,
    "diode": DIODE,
    "sintel": Sintel,
    "ddad": DDAD,
    "rgbd": RGBDFolder,
    "rendered": RenderedScenes,
    "unlabeled": PhotoFolder,
    "pseudo": PseudoDepth,
    "webdataset": WebDatasetShards,
}


def dataset(name: str) -> type:
    """The reader of this name.

    Raises:
        ValueError: listing the known names.
    """
    if name not in DATASETS:
        raise ValueError(f"no data set {name!r}; known: {', '.join(DATASETS)}")
    return DATASETS[name]
