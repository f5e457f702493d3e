#!/usr/bin/env bash
# From nothing to checkpoints on a laptop: renders rooms, trains the VQ-VAE, the image encoder and the
# transformer, evaluates, and leaves a checkpoint that `depthart.load` opens in $OUT/depthart/model.
#
#   OUT=runs/laptop bash train/recipes/laptop.sh
#
# Optional: REAL (an RGB-D folder with manifest.json), PHOTOS (a folder of pictures), TRUNK (folded
# MobileNetV2 ImageNet weights). About two hours on two cores with bf16 matrix units; every command
# continues where it stopped when run again.
set -euo pipefail
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}  # idle threads that spin starve the others
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
OUT=${OUT:-runs/laptop}
PYTHON=${PYTHON:-.venv/bin/python}
SCENES=${SCENES:-4000}
ROOMS=$OUT/rooms
HELD_OUT=$OUT/rooms_held_out
real=() ; [ -n "${REAL:-}" ] && real=(--real "$REAL")
photos=() ; [ -n "${PHOTOS:-}" ] && photos=(--photos "$PHOTOS")
trunk=() ; [ -n "${TRUNK:-}" ] && trunk=(--trunk "$TRUNK")
data=(--rendered "$ROOMS" --held-out "$HELD_OUT" "${real[@]}")

# Held-out scenes use no photos, so that anyone can make the same ones.
$PYTHON -m train.render -o "$HELD_OUT" --count "${HELD_OUT_SCENES:-200}" --first-seed 1000000000 --workers 2
$PYTHON -m train.render -o "$ROOMS" --count "$SCENES" --workers 2 "${photos[@]}"

$PYTHON -m train.autoencoder -o "$OUT/vqvae" "${data[@]}" "${photos[@]}" --photo-share 0.1 \
  --steps "${VQVAE_STEPS:-560}" --lr 8e-4 --save-every 140

$PYTHON -m train.image_encoder -o "$OUT/encoder" "${data[@]}" "${trunk[@]}" \
  --steps "${ENCODER_STEPS:-2100}" --save-every 350

# Beyond the paper, for both objectives alike: equal scales, expected codes, coarse scales first.
for objective in ${OBJECTIVES:-depthart}; do
  $PYTHON -m train.autoregressive -o "$OUT/$objective" --objective "$objective" "${data[@]}" \
    --vqvae "$OUT/vqvae/vqvae" --encoder "$OUT/encoder/model" \
    --cache "$OUT/features" --cache-samples "${CACHE_SAMPLES:-8000}" \
    --average scale --code-error 4 --rollout expected --progressive "0.45:6,0.85:8" \
    --steps "${TRANSFORMER_STEPS:-1000}" --lr 6e-4 --warmup 50 --save-every 200
  $PYTHON -m train.evaluate -o "$OUT/$objective/model" --model "$OUT/$objective/model" \
    --held-out "$HELD_OUT" "${real[@]}"
done
