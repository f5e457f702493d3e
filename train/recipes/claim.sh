#!/usr/bin/env bash
# What decides how far DepthART is ahead of VAR, in small: both objectives from the same start on the same
# batches, with the paper's own settings ("paper"), with ours ("ours"), and with the error of the decoded depth
# on top ("decoded"); with the picture as the paper's quantised tokens ("vq"), as a pre-trained encoder's
# features ("encoder"), or going on from START ("start", with ENCODER's features if that is named).
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
    encoder-*) parts=(--preset small --vqvae "$MODEL" --encoder "${ENCODER:-$MODEL}") ;;
    vq-*) parts=(--preset small-vq --vqvae "$MODEL") ;;
    start-*) parts=(--start "$START" ${ENCODER:+--encoder "$ENCODER"}) ;;
    *) echo "unknown part '$part'; known: {start,encoder,vq}-{paper,ours,decoded}" >&2 ; exit 2 ;;
  esac
  options=() cache=$OUT/features-${part%%-*}
  case $part in
    *-ours | *-decoded) options+=(--average scale --code-error 4 --rollout expected) ;;&
    *-decoded) options+=(--decoded-depth 8) cache+=-depth ;;
  esac
  for objective in ${OBJECTIVES:-var depthart}; do
    run=$OUT/$part-$objective
    $PYTHON -m train.autoregressive -o "$run" --objective "$objective" "${parts[@]}" "${options[@]}" \
      "${data[@]}" --cache "$cache" --cache-samples "$((STEPS * BATCH))" \
      --progressive "1:${SCALES:-6}" --steps "$STEPS" --batch-size "$BATCH" --lr "${LR:-6e-4}" --warmup 30 --ema 0.98
    $PYTHON -m train.evaluate -o "$run" --model "$run/model" --held-out "$HELD_OUT" --real "$REAL" \
      --limit "${LIMIT:-40}" --samplers ${SAMPLERS:-argmax sample expected}
    if [ -n "${RESULTS:-}" ]; then
      mkdir -p "$RESULTS" && cp "$run/results.json" "$RESULTS/$part-$objective.json"
    fi
  done
done
