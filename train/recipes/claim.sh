#!/usr/bin/env bash
# What decides how far DepthART is ahead of VAR, in small: both objectives from the same start on the same
# batches, with the paper's own settings and with ours, and with the picture as the paper's quantised
# tokens ("vq"), as a pre-trained encoder's features ("encoder"), or going on from START ("start").
#
#   RENDERED=rooms HELD_OUT=rooms_held_out REAL=real_rgbd OUT=runs/claim bash train/recipes/claim.sh
#
# Optional: DATA (further sets with their shares), STEPS, BATCH, LR, SCALES (how many are trained; 6), PARTS and
# OBJECTIVES (a selection of the runs), SAMPLERS, RESULTS (a folder for the summaries alone). Scores of all
# samplers after each scale are in $OUT/RUN/results.json; those after scale SCALES count.
set -euo pipefail
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
OUT=${OUT:-runs/claim}
PYTHON=${PYTHON:-.venv/bin/python}
MODEL=${MODEL:-checkpoints/depthart-small}  # lends VQ-VAE and image encoder
START=${START:-checkpoints/var-small}
STEPS=${STEPS:-240}
BATCH=${BATCH:-8}
data=() ; for set in ${DATA:-}; do data+=(--data "$set"); done
[ -n "${RENDERED:-}" ] && data+=(--rendered "$RENDERED" --real "$REAL")

for part in ${PARTS:-start-paper encoder-paper encoder-ours vq-paper}; do
  case $part in
    encoder-*) parts=(--preset small --vqvae "$MODEL" --encoder "$MODEL") ;;
    vq-*) parts=(--preset small-vq --vqvae "$MODEL") ;;
    start-*) parts=(--start "$START") ;;
    *) echo "unknown part '$part'; known: {start,encoder,vq}-{paper,ours}" >&2 ; exit 2 ;;
  esac
  case $part in
    *-paper) options=() ;;
    *-ours) options=(--average scale --code-error 4 --rollout expected) ;;
  esac
  for objective in ${OBJECTIVES:-var depthart}; do
    run=$OUT/$part-$objective
    $PYTHON -m train.autoregressive -o "$run" --objective "$objective" "${parts[@]}" "${options[@]}" \
      "${data[@]}" --cache "$OUT/features-${part%%-*}" --cache-samples "$((STEPS * BATCH))" \
      --progressive "1:${SCALES:-6}" --steps "$STEPS" --batch-size "$BATCH" --lr "${LR:-6e-4}" --warmup 30 --ema 0.98
    $PYTHON -m train.evaluate -o "$run" --model "$run/model" --held-out "$HELD_OUT" --real "$REAL" \
      --limit "${LIMIT:-40}" --samplers ${SAMPLERS:-argmax sample expected}
    if [ -n "${RESULTS:-}" ]; then
      mkdir -p "$RESULTS" && cp "$run/results.json" "$RESULTS/$part-$objective.json"
    fi
  done
done
