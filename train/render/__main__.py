"""Render scenes with exact depth: `python -m train.render`.

Training data, in shards of 100 pictures that `train.data.rendered.RenderedScenes` reads
(`train/render/shards.py` lists their files):

    python -m train.render -o FOLDER --count 12000 --photos PHOTOS --workers 2

A seed is a picture; seeds run from --first-seed upwards, so that sets with other seeds share no
scene. Held-out scenes: `--first-seed 1000000000` and no folders. Folders of files make pictures
richer, and other ones; without them everything is made by procedure:

- --photos: .jpg, .png or .webp files that become pictures on walls, screens, covers and cloth;
- --meshes: textured objects `<id>.npz` with a `manifest.json` (`train/render/assets.py`), and
  furnished places in `layouts.json`;
- --environments: panoramas `<name>.npy`, (H, 2 H, 3) linear RGB; those taken outdoors become skies.

A run that was stopped goes on where it was when the same command is given again; what is lost is at
most the shard it was working on. Every worker is a process with one thread, about 0.17 s a picture
at 256 x 256. Rays are always cast on the CPU, by Embree; `--device` only says where to shade. On a
machine with a GPU, many --workers on the CPU are the way to feed it.

To look at some scenes, each picture above its depth map:

    python -m train.render --sheet sheet.png --count 12 --first-seed 0
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from train.render.assets import Assets
from train.render.render import check_request
from train.render.shards import Plan, write_shards
from train.render.sheet import contact_sheet


def parser() -> argparse.ArgumentParser:
    """The command line."""
    summary, _, rest = (__doc__ or "").partition("\n\n")
    made = argparse.ArgumentParser(
        prog="python -m train.render",
        description=summary,
        epilog=rest,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("-o", "--output", type=Path, metavar="FOLDER", help="write shards here")
    made.add_argument("--sheet", type=Path, metavar="FILE.png", help="draw a contact sheet here")
    made.add_argument("--count", type=int, default=12, help="pictures altogether (12)")
    made.add_argument("--first-seed", type=int, default=0, help="seed of the first picture (0)")
    made.add_argument("--size", type=int, default=256, help="side in pixels (256)")
    made.add_argument("--photos", type=Path, metavar="DIR", help="photos for textures")
    made.add_argument("--meshes", type=Path, metavar="DIR", help="textured objects")
    made.add_argument("--environments", type=Path, metavar="DIR", help="panoramas of the sky")
    made.add_argument("--workers", type=int, default=1, help="processes that render shards (1)")
    made.add_argument("--shard", type=int, default=100, help="pictures in a shard (100)")
    made.add_argument("--batch", type=int, default=4, help="pictures rendered together (4)")
    made.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, ... (cpu)")
    return made


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code, 2 where the arguments make no sense."""
    args = parser().parse_args(argv)
    try:
        _run(args)
    except (ValueError, FileNotFoundError) as error:
        print(f"python -m train.render: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _run(args: argparse.Namespace) -> None:
    if (args.output is None) == (args.sheet is None):
        raise ValueError("give either -o FOLDER for shards or --sheet FILE.png for a picture.")
    _check_device(args.device)
    plan = Plan(
        args.output or args.sheet.parent,
        args.count,
        args.first_seed,
        args.size,
        Assets(args.photos, args.meshes, args.environments),
        args.shard,
        args.batch,
    )
    seeds = range(plan.first_seed, plan.first_seed + plan.count)
    check_request(seeds, plan.size, plan.assets)
    if args.sheet is not None:
        if args.sheet.suffix.lower() not in (".png", ".jpg", ".jpeg", ".webp"):
            raise ValueError(f"a contact sheet is a .png, .jpg or .webp file, not '{args.sheet}'.")
        args.sheet.parent.mkdir(parents=True, exist_ok=True)
        contact_sheet(list(seeds), plan.size, args.device, plan.assets).save(args.sheet)
        return
    from tqdm import tqdm

    done = plan.count - sum(map(len, plan.missing().values()))
    with tqdm(total=plan.count, initial=done, unit="picture", smoothing=0.05) as bar:
        write_shards(plan, args.workers, args.device, bar.update)


def _check_device(name: str) -> None:
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"no device '{name}' here ({reason}); try --device cpu.") from error


if __name__ == "__main__":
    raise SystemExit(main())
