"""`python -m train.average OLD NEW -o OUT`: the mean of checkpoints' weights.

Right only for checkpoints of which one was trained on from the other, or all from a third: between
such weights the loss is low all the way, and the mean often keeps what the older one knew better
(Wortsman et al., arXiv 2109.01903 and 2203.05482). Which share is best is for `train.evaluate` to
say.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from depthart.checkpoints import WEIGHTS_FILE, CheckpointError, read_config, write_checkpoint


def average(folders: Sequence[str | Path], shares: Sequence[float]) -> dict[str, Tensor]:
    """Weights of several checkpoints of one architecture, averaged.

    Args:
        shares: of each folder; they need not sum to 1.

    Returns:
        float32 tensors by name; what is not floating point is the first checkpoint's.

    Raises:
        ValueError: for shares that are not one for each folder, negative, or all zero.
        CheckpointError: if a folder holds no checkpoint, or another architecture than the first.
    """
    from safetensors.torch import load_file

    if len(shares) != len(folders):
        raise ValueError(f"{len(folders)} checkpoints need as many shares, got {len(shares)}")
    if min(shares) < 0 or not sum(shares):
        raise ValueError(f"shares must not be negative nor all zero, got {list(shares)}")
    total: dict[str, Tensor] = {}
    config = read_config(folders[0])
    for folder, share in zip(folders, shares, strict=True):
        if read_config(folder) != config:
            raise CheckpointError(f"{folder} has another config.json than {folders[0]}")
        file = Path(folder) / WEIGHTS_FILE
        if not file.is_file():
            raise CheckpointError(f"no weights in {folder}: {WEIGHTS_FILE} is missing")
        state = load_file(file)
        if total and state.keys() != total.keys():
            raise CheckpointError(f"{folder} has other tensors than {folders[0]}")
        for name, value in state.items():
            if not value.is_floating_point():
                total.setdefault(name, value)
                continue
            part = value.float() * (share / sum(shares))
            total[name] = total[name] + part if name in total else part
    return total


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoints", nargs="+", type=Path, metavar="FOLDER")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--shares", nargs="+", type=float, help="of each checkpoint (equal)")
    parser.add_argument("--half", action="store_true", help="store float16, as bundled models do")
    options = parser.parse_args(arguments)
    shares = options.shares or [1.0] * len(options.checkpoints)
    try:
        weights = average(options.checkpoints, shares)
    except ValueError as error:  # CheckpointError as well
        parser.error(str(error))
    write_checkpoint(options.output, read_config(options.checkpoints[0]), weights, options.half)


if __name__ == "__main__":
    main()
