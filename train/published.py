"""Numbers of the DepthART paper's Table 1 (arXiv 2409.15010), to stand beside ours.

Models of 30 to 675 million parameters, trained on Hypersim; ours are trained on other data. δ1 is
the error that the paper prints: the share of pixels off by more than a factor of 1.25.
"""

from __future__ import annotations

# Name of our reader in `train.data` -> columns in the order of the paper.
COLUMNS: dict[str, tuple[str, ...]] = {
    "eth3d": ("delta1_error", "abs_rel"),
    "tum_dynamic": ("delta1_error", "abs_rel"),
    "nyuv2": ("delta1_error", "abs_rel"),
    "ibims1": ("delta1_error", "abs_rel", "pe_fla", "pe_ori"),
}
_ROWS = {
    "GP2": (0.230, 0.175, 0.427, 0.247, 0.162, 0.125, 0.162, 0.121, 4.70, 12.8),
    "MiDaS": (0.203, 0.160, 0.325, 0.207, 0.143, 0.116, 0.140, 0.112, 2.71, 10.8),
    "AdaBins": (0.235, 0.184, 0.323, 0.206, 0.141, 0.115, 0.161, 0.125, 4.65, 12.6),
    "DiT-depth": (0.309, 0.220, 0.252, 0.169, 0.149, 0.120, 0.169, 0.127, 2.86, 8.71),
    "DPT": (0.198, 0.150, 0.435, 0.251, 0.121, 0.107, 0.134, 0.108, 2.97, 8.14),
    "VAR": (0.245, 0.285, 0.396, 0.294, 0.185, 0.141, 0.177, 0.133, 1.98, 9.44),
    "DepthART": (0.196, 0.177, 0.275, 0.178, 0.141, 0.115, 0.129, 0.106, 1.91, 7.27),
}
RANKS = {
    "GP2": 5.2,
    "MiDaS": 3.5,
    "AdaBins": 4.0,
    "DiT-depth": 4.3,
    "DPT": 2.9,
    "VAR": 6.1,
    "DepthART": 2.1,
}
# Our models by their counterparts in the paper.
OURS = {
    "DepthART": "depthart-small",
    "VAR": "var-small",
    "MiDaS": "midas-small",
    "DPT": "dpt-small",
    "GP2": "gp2-small",
    "AdaBins": "adabins-small",
    "DiT-depth": "dit-small",
}


def _by_set(row: tuple[float, ...]) -> dict[str, dict[str, float]]:
    numbers = iter(row)
    return {name: {c: next(numbers) for c in columns} for name, columns in COLUMNS.items()}


# {model: {data set: {score: value}}}
TABLE_1 = {model: _by_set(row) for model, row in _ROWS.items()}
