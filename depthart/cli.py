"""The command line: `python -m depthart predict | models | download | info | app | ...`.

Everything slow is imported inside the command that needs it, so that --help is instant.
"""

from __future__ import annotations

import argparse
import glob
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from depthart.base_predictor import BasePredictor
    from depthart.sampling import Sampler

# As in depthart.export and depthart.sampling, which must not be imported for --help; tests compare.
FORMATS = ("npy", "png", "color", "share", "ply", "glb", "mesh", "gif", "webp")
SAMPLERS = ("argmax", "sample", "expected")
DEFAULT_MODEL = "depthart-small"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Returns:
        0 when all went well, 1 when something failed (said on stderr), 130 when interrupted.
    """
    options = build_parser().parse_args(arguments)
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def build_parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    parser = argparse.ArgumentParser(
        prog="python -m depthart", description="Depth from one photo, refined scale by scale."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    predict = commands.add_parser(
        "predict",
        help="depth maps, point clouds and meshes of photos",
        description=_predict.__doc__,
    )
    predict.add_argument("images", nargs="+", metavar="IMAGE", help="file, folder or quoted glob")
    predict.add_argument("-o", "--output", type=Path, required=True, help="folder for the results")
    predict.add_argument("-m", "--model", default=DEFAULT_MODEL, help="name, folder or hub id")
    predict.add_argument("--device", default="auto", help="auto (default), cpu, cuda, mps")
    predict.add_argument("--scales", action="store_true", help="also a picture of every scale")
    predict.add_argument(
        "--format",
        type=_names_of_formats,
        metavar="LIST",
        help=f"some of {','.join(FORMATS)} or all (default: all but webp)",
    )
    predict.add_argument(
        "--fov", type=_degrees, metavar="DEGREES", help="horizontal; default: EXIF, else 55"
    )
    predict.add_argument("--sampler", choices=SAMPLERS, help="default: the model's own")
    predict.add_argument("--seed", type=int, help="of the sampler")
    predict.add_argument("--draws", type=int, help="samples averaged per token (sample)")
    predict.add_argument("--temperature", type=float, help="of the sampler; 1 is the model's")
    predict.add_argument("--ensemble", type=int, default=1, metavar="N", help="average of N seeds")
    predict.add_argument(
        "--sharpen", action="store_true", help="let depth follow the photo's edges (no model)"
    )
    predict.add_argument("--overwrite", action="store_true", help="replace existing results")
    predict.set_defaults(run=_predict)

    models = commands.add_parser("models", help="the models and which of them are here")
    models.set_defaults(run=_models)

    download = commands.add_parser("download", help="fetch published weights and convert them")
    download.add_argument("name", help="such as paper, or a pretrained one of the list of models")
    download.add_argument("--folder", type=Path, help="where checkpoints go")
    download.add_argument("-y", "--yes", action="store_true", help="start without asking")
    download.set_defaults(run=_download)

    info = commands.add_parser("info", help="what a checkpoint holds, without loading it")
    info.add_argument("checkpoint", help="name of a model or folder of a checkpoint")
    info.set_defaults(run=_info)

    app = commands.add_parser("app", help="the web app")
    app.add_argument("--host", help="address to listen on (default: this machine only)")
    app.add_argument("--port", type=int, help="default: the first free one from 7860")
    app.add_argument("--share", action="store_true", help="also open a public link")
    app.add_argument("-m", "--model", default=DEFAULT_MODEL, help="name, folder or hub id")
    app.set_defaults(run=_app)

    deploy = commands.add_parser("deploy-space", help="publish the app as a Hugging Face Space")
    deploy.add_argument("space", metavar="USER/NAME", help="made if it does not exist")
    deploy.add_argument("--private", action="store_true", help="visible to its owner only")
    deploy.add_argument("--hardware", help="such as cpu-basic (default: ZeroGPU, zero-a10g)")
    deploy.add_argument("--dry-run", action="store_true", help="say what would be uploaded")
    deploy.set_defaults(run=_deploy)
    return parser


def find_images(patterns: Sequence[str]) -> list[Path]:
    """Files for the patterns, in order and without repeats: files, pictures in folders, globs.

    A file that is named is taken whatever its suffix, and even if it does not exist, so that
    opening it says what is wrong.

    Raises:
        ValueError: A folder without pictures, or a glob without matches.
    """
    from depthart.images import HEIC_SUFFIXES, SUFFIXES

    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if path.is_dir():
            suffixes = (*SUFFIXES, *HEIC_SUFFIXES)
            files = sorted(f for f in path.iterdir() if f.suffix.lower() in suffixes)
            if not files:
                raise ValueError(f"there are no pictures in the folder {path}.")
        elif not path.exists() and glob.has_magic(pattern):
            files = [Path(match) for match in sorted(glob.glob(pattern, recursive=True))]
            if not files:
                raise ValueError(f"nothing matches {pattern}.")
        else:
            files = [path]
        found.update(dict.fromkeys(files))
    return list(found)


def result_folders(images: Sequence[Path], output: Path) -> list[Path]:
    """One folder per image, named after it; a second photo of the same name gets photo_2."""
    taken: set[str] = set()
    folders = []
    for image in images:
        name, number = image.stem, 1
        while name.lower() in taken:  # some file systems do not tell Photo from photo
            number += 1
            name = f"{image.stem}_{number}"
        taken.add(name.lower())
        folders.append(output / name)
    return folders


def _predict(options: argparse.Namespace) -> int:
    """Predict the depth of every image into OUTPUT/<name of the image>/. An image that cannot be
    read is reported and skipped; the exit code is then 1."""
    images = find_images(options.images)
    import depthart

    predictor = depthart.load(options.model, device=options.device)
    sampler = _sampler(options, predictor)
    from tqdm import tqdm

    failures = 0
    pairs = list(zip(images, result_folders(images, options.output), strict=True))
    for image, folder in tqdm(pairs, unit="photo", disable=len(pairs) == 1):
        try:
            if not options.overwrite and folder.exists() and any(folder.iterdir()):
                raise ValueError(f"{folder} exists already; --overwrite replaces its files.")
            prediction = predictor.predict(
                image, sampler=sampler, fov_deg=options.fov, ensemble=options.ensemble
            )
            if options.sharpen:
                prediction = prediction.sharpen()
            files = prediction.save(folder, options.format, scales=options.scales)
        except (ValueError, OSError, ImportError) as error:
            failures += 1
            tqdm.write(f"skipped {image}: {error}", file=sys.stderr)
        else:
            seconds = f"{prediction.seconds:.1f} s"
            tqdm.write(f"{image} -> {folder} ({len(files)} files, {seconds})", file=sys.stdout)
    if failures and len(pairs) > 1:
        print(f"{failures} of {len(pairs)} images failed.", file=sys.stderr)
    return 1 if failures else 0


def _sampler(options: argparse.Namespace, predictor: BasePredictor) -> Sampler | None:
    """The sampler asked for; None leaves the choice to the checkpoint."""
    tuned = {name: getattr(options, name) for name in ("seed", "draws", "temperature")}
    tuned = {name: value for name, value in tuned.items() if value is not None}
    if options.sampler is None and not tuned:
        return None
    from depthart.sampling import Sampler

    if not predictor.stochastic:
        print(f"note: {predictor.name} has nothing to sample", file=sys.stderr)
        return None
    config = getattr(predictor.model, "config", None)
    mode = options.sampler or getattr(config, "default_sampler", "sample")
    useful = {"sample": ("seed", "draws", "temperature"), "expected": ("temperature",)}
    for name in tuned:
        if name not in useful.get(mode, ()):
            print(f"note: --{name} has no effect on the sampler {mode!r}", file=sys.stderr)
    return Sampler(mode=mode, **tuned)


def _models(options: argparse.Namespace) -> int:
    import depthart

    rows = [("NAME", "FAMILY", "KIND", "HERE", "SIZE")]
    notes = [""]
    for model in depthart.list_models():
        size = f"{model.size_mb:.0f} MB"
        here = "yes" if model.available else "no"
        rows.append((model.name, model.family, model.kind, here, size))
        lines = [model.description, f"Licence: {model.licence}", model.reason]
        notes.append("".join(f"    {line}\n" for line in lines if line))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row, note in zip(rows, notes, strict=True):
        print("  ".join(map(str.ljust, row, widths)).rstrip())
        print(note, end="")
    return 0


def _download(options: argparse.Namespace) -> int:
    from depthart.registry import download

    folder = download(options.name, options.folder, lambda cost: _confirm(cost, options.yes))
    print(f"{folder} is ready.")
    return 0


def _confirm(cost: str, yes: bool) -> bool:
    print(cost, file=sys.stderr)
    if yes:
        return True
    if not sys.stdin.isatty():
        print("Nobody to ask here; --yes starts without asking.", file=sys.stderr)
        return False
    return input("Start? [y/N] ").strip().lower() in ("y", "yes")


def _info(options: argparse.Namespace) -> int:
    from depthart.checkpoint_info import describe_checkpoint

    print(describe_checkpoint(options.checkpoint))
    return 0


def _deploy(options: argparse.Namespace) -> int:
    from depthart import space

    chosen = space.plan(options.space, hardware=options.hardware or space.DEFAULT_HARDWARE)
    if options.dry_run:
        print(f"{chosen}\nDry run: nothing was uploaded.")
    else:
        print(f"{space.deploy(chosen, options.private)} is being built.")
    return 0


def _app(options: argparse.Namespace) -> int:
    from depthart.app import launch

    launch(host=options.host, port=options.port, share=options.share, model=options.model)
    return 0


def _names_of_formats(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in (*FORMATS, "all")]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"unknown format {(unknown or [''])[0]!r}; known: {', '.join(FORMATS)}, all"
        )
    return names


def _degrees(text: str) -> float:
    value = float(text)
    if not 1 <= value <= 170:
        raise argparse.ArgumentTypeError(f"{text} is not between 1 and 170 degrees")
    return value
