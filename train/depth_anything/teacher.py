"""`python -m train.depth_anything.teacher`: train on labelled data alone (Depth Anything, 3.1)."""

from __future__ import annotations

import argparse
from pathlib import Path

from train.config_file import describe_run, parse_arguments
from train.depth_anything.training import (
    add_plan_arguments,
    dry_run,
    labelled_sources,
    plan_of,
    train,
)
from train.loop import RunConfig
from train.options import add_run_arguments, run_config
from train.sources import add_data_arguments, validation_sources

# The paper's rates: 5e-6 for the encoder, ten times that for the decoder, falling linearly.
DEFAULTS = RunConfig(
    steps=1000, batch_size=12, lr=5e-6, lr_end=0.0, warmup=0, schedule="linear", ema=0.99
)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, required=True, help="run folder")
    add_plan_arguments(parser)
    add_data_arguments(parser)
    add_run_arguments(parser, DEFAULTS)
    options = parse_arguments(parser, arguments)
    plan, run = plan_of(options), run_config(options, DEFAULTS)
    if options.dry_run:
        return print(dry_run(plan, run))
    sources, validation = labelled_sources(options), validation_sources(options)
    describe_run(options.output, run=run, plan=plan, options=vars(options))
    print(train(plan, run, options.output, sources, validation=validation))


if __name__ == "__main__":
    main()
