#!/usr/bin/env bash
# The paper's training: Hypersim, VAR-d16, 4 GPUs, about two days per objective; then its table.
#
#   HYPERSIM=/data/hypersim OUT=runs/paper bash train/recipes/paper.sh
#
# Layouts of the data sets: train/data/hypersim.py and its neighbours. Test sets are optional: NYU,
# IBIMS, TUM (moving people), ETH3D name their folders. START is VAR-d16 with its VQ-VAE, by default
# downloaded; give a folder if this machine has no network. Several machines: run the same on each,
# with LAUNCH="--num_machines 2 --machine_rank R --main_process_ip ADDRESS --main_process_port 29500"
# and an OUT that all of them see. LAUNCH="--use_fsdp" shards instead of replicating. The recipe was
# checked by dry run and, in small, by the tests; nobody has spent the two days yet.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
OUT=${OUT:-runs/paper}
PYTHON=${PYTHON:-.venv/bin/python}
GPUS=${GPUS:-4}
START=${START:-$OUT/var-d16}
: "${HYPERSIM:?name the folder of Hypersim}"
[ -d "$START" ] || $PYTHON -m depthart download var -y --folder "$OUT"

for objective in ${OBJECTIVES:-depthart var}; do
  # shellcheck disable=SC2086
  $PYTHON -m accelerate.commands.launch --num_processes "$GPUS" --mixed_precision no ${LAUNCH:-} \
    -m train.autoregressive --config train/recipes/paper.yaml -o "$OUT/$objective" \
    --objective "$objective" --start "$START" \
    --data "hypersim=$HYPERSIM" --validate "hypersim=$HYPERSIM"
done

sets=()
[ -n "${NYU:-}" ] && sets+=(--data "nyuv2=$NYU")
[ -n "${IBIMS:-}" ] && sets+=(--data "ibims1=$IBIMS")
[ -n "${TUM:-}" ] && sets+=(--data "tum_dynamic=$TUM")
[ -n "${ETH3D:-}" ] && sets+=(--data "eth3d=$ETH3D")
if [ ${#sets[@]} -gt 0 ]; then
  $PYTHON -m train.evaluate -o "$OUT/table1" --limit 0 "${sets[@]}" \
    --models "$OUT/depthart/model" "$OUT/var/model"
  $PYTHON -m train.report "$OUT/table1"
fi
