#!/usr/bin/env bash
# What decides how far DepthART is ahead of VAR, in small: both objectives from the same start on the same
# batches, six scales (1x1 to 6x6), with the paper's own settings and with ours, and with the picture as
# the paper's quantised tokens ("vq") or as a pre-trained encoder's features ("encoder").
#
#   RENDERED=rooms HELD_OUT=rooms_held_out REAL=real_rgbd OUT=runs/claim bash train/recipes/claim.sh
#
# Optional: DATA (further sets with their shares), STEPS, BATCH, PARTS (a selection of the runs), RESULTS (a
# folder for the summaries alone). Scores of all samplers after each scale are in $OUT/RUN/results.json.
set -euo pipefail
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
OUT=${OUT:-runs/claim}
PYTHON=${PYTHON:-.venv/bin/python}
MODEL=${MODEL:-checkpoints/depthart-small}  # lends VQ-VAE and image encoder
STEPS=${STEPS:-240}
BATCH=${BATCH:-8}
data=() ; for set in ${DATA:-}; do data+=(--data "$set"); done
[ -n "${RENDERED:-}" ] && data+=(--rendered "$RENDERED" --real "$REAL")

for part in ${PARTS:-encoder-paper encoder-ours vq-paper}; do
  case $part in
    encoder-*) parts=(--preset small --vqvae "$MODEL" --encoder "$MODEL") ;;
    vq-*) parts=(--preset small-vq --vqvae "$MODEL") ;;
    *) echo "unknown part '$part'; known: encoder-paper encoder-ours vq-paper vq-ours" >&2 ; exit 2 ;;
  esac
  case $part in
    *-paper) options=() ;;
    *-ours) options=(--average scale --code-error 4 --rollout expected) ;;
  esac
  for objective in var depthart; do
    run=$OUT/$part-$objective
    $PYTHON -m train.autoregressive -o "$run" --objective "$objective" "${parts[@]}" "${options[@]}" \
      "${data[@]}" --cache "$OUT/features-${part%%-*}" --cache-samples "$((STEPS * BATCH))" \
      --progressive "1:6" --steps "$STEPS" --batch-size "$BATCH" --lr 6e-4 --warmup 30 --ema 0.98
    $PYTHON -m train.evaluate -o "$run" --model "$run/model" --held-out "$HELD_OUT" --real "$REAL" \
      --limit "${LIMIT:-40}"
    if [ -n "${RESULTS:-}" ]; then
      mkdir -p "$RESULTS" && cp "$run/results.json" "$RESULTS/$part-$objective.json"
    fi
  done
done
