"""`python -m train.depth_anything.student`: train a new network on labels and pseudo-labels.

The student starts anew, from the encoder's pretrained weights and not from the teacher, and sees
one labelled picture for every two unlabeled ones (Depth Anything, sections 3.2 and 3.3).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from train.config_file import describe_run, parse_arguments
from train.data.pseudo_labels import PseudoLabels
from train.depth_anything.frozen_encoder import FrozenEncoder, frozen_encoder
from train.depth_anything.network import Place
from train.depth_anything.objective import Terms
from train.depth_anything.perturbations import Strength
from train.depth_anything.teacher import DEFAULTS
from train.depth_anything.training import (
    add_plan_arguments,
    dry_run,
    labelled_sources,
    plan_of,
    train,
)
from train.options import add_run_arguments, run_config
from train.sources import add_data_arguments, validation_sources


def add_unlabeled_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of what unlabeled pictures are used for."""
    group = parser.add_argument_group("unlabeled pictures")
    group.add_argument(
        "--labels", required=True, help="folder of train.depth_anything.pseudo_label"
    )
    group.add_argument("--ratio", type=int, default=2, help="unlabeled for each labelled picture")
    group.add_argument(
        "--frozen-encoder",
        default="off",
        help="for feature alignment: a DINOv2 folder or hub id; a backbone's name, our substitute"
        " (weights by --frozen-weights or --trunk); or off",
    )
    group.add_argument("--frozen-weights", help="ImageNet weights of a frozen trunk")
    group.add_argument(
        "--align",
        choices=get_args(Place),
        default="blocks",
        help="whose features: the transformer blocks', or the pretrained encoder's own, which equal"
        " the frozen one's at the start if it is the same network",
    )
    group.add_argument("--margin", type=float, default=0.15, help="tolerance of the alignment")


def encoder_of_options(options: argparse.Namespace) -> FrozenEncoder | None:
    return frozen_encoder(options.frozen_encoder, options.frozen_weights or options.trunk)


def main(arguments: list[str] | None = None) -> None:
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(description=summary, epilog=rest)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    add_unlabeled_arguments(parser)
    parser.add_argument(
        "--perturb",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="colours, blur and CutMix on unlabeled pictures",
    )
    parser.add_argument("--colour", type=float, default=0.8, help="probability of colour jitter")
    parser.add_argument("--blur", type=float, default=0.5, help="probability of blur")
    parser.add_argument("--cutmix", type=float, default=0.5, help="probability of CutMix")
    add_plan_arguments(parser)
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    options = parse_arguments(parser, arguments)
    run = run_config(options, DEFAULTS)
    if options.dry_run:
        return print(dry_run(plan_of(options, terms=Terms(), ratio=options.ratio), run))
    encoder = encoder_of_options(options)
    plan = plan_of(
        options,
        terms=Terms(True, options.perturb, encoder is not None),
        ratio=options.ratio,
        margin=options.margin,
        place=options.align,
        strength=Strength(colour=options.colour, blur=options.blur),
        cutmix=options.cutmix,
    )
    sources, validation = labelled_sources(options), validation_sources(options)
    labels = PseudoLabels(options.labels)
    encoder_name = encoder.description if encoder else "off"
    describe_run(
        options.output, run=run, plan=plan, frozen_encoder=encoder_name, options=vars(options)
    )
    print(train(plan, run, options.output, sources, labels, encoder, validation))


if __name__ == "__main__":
    main()
