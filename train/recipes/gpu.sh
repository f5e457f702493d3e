#!/usr/bin/env bash
# One GPU: renders rooms on the CPU cores, then keeps all of them in the GPU's memory and trains the
# VQ-VAE, the image encoder and the transformer from nothing; leaves $OUT/depthart/model.
#
#   OUT=runs/gpu bash train/recipes/gpu.sh
#
# Optional: REAL (an RGB-D folder with manifest.json), PHOTOS (a folder of pictures), MESHES and
# ENVIRONMENTS (assets for the scenes), TRUNK (ImageNet weights of BACKBONE, see train/imagenet.py), DATA
# (further sets, such as "hypersim=/data/hypersim"), ROOMS and HELD_OUT (rendered already). A GPU with
# less than 24 GB takes BATCH=16.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
OUT=${OUT:-runs/gpu}
PYTHON=${PYTHON:-.venv/bin/python}
CORES=$(nproc)
BATCH=${BATCH:-64}
ROOMS=${ROOMS:-$OUT/rooms}
HELD_OUT=${HELD_OUT:-$OUT/rooms_held_out}
BACKBONE=${BACKBONE:-efficientnet_lite2}
real=() ; [ -n "${REAL:-}" ] && real=(--real "$REAL")
photos=() ; [ -n "${PHOTOS:-}" ] && photos=(--photos "$PHOTOS")
assets=("${photos[@]}")
[ -n "${MESHES:-}" ] && assets+=(--meshes "$MESHES")
[ -n "${ENVIRONMENTS:-}" ] && assets+=(--environments "$ENVIRONMENTS")
trunk=() ; [ -n "${TRUNK:-}" ] && trunk=(--trunk "$TRUNK")
more=() ; for set in ${DATA:-}; do more+=(--data "$set"); done
data=(--rendered "$ROOMS" --held-out "$HELD_OUT" "${real[@]}" "${more[@]}")
run=(--batch-size "$BATCH" --resident --tensorboard)

# Held-out scenes use no assets, so that anyone can make the same ones.
[ -d "$HELD_OUT" ] || $PYTHON -m train.render -o "$HELD_OUT" --count 200 \
  --first-seed 1000000000 --workers "$CORES"
[ -d "$ROOMS" ] || $PYTHON -m train.render -o "$ROOMS" --count "${SCENES:-20000}" \
  --workers "$CORES" "${assets[@]}"

$PYTHON -m train.autoencoder -o "$OUT/vqvae" "${data[@]}" "${photos[@]}" "${run[@]}" \
  --photo-share 0.1 --log-offset 0.1 --steps "${VQVAE_STEPS:-4000}" --lr 6e-4 --save-every 500

$PYTHON -m train.image_encoder -o "$OUT/encoder" --backbone "$BACKBONE" "${trunk[@]}" \
  "${data[@]}" "${run[@]}" --steps "${ENCODER_STEPS:-8000}" --lr 7e-4 --save-every 1000

# Beyond the paper, for both objectives alike: equal scales, expected codes, coarse scales first.
for objective in ${OBJECTIVES:-depthart}; do
  $PYTHON -m train.autoregressive -o "$OUT/$objective" --objective "$objective" \
    "${data[@]}" "${run[@]}" --vqvae "$OUT/vqvae/vqvae" --encoder "$OUT/encoder/model" \
    --average scale --code-error 4 --rollout expected --progressive "0.2:6,0.4:8" \
    --train-encoder 0.1 --steps "${TRANSFORMER_STEPS:-8000}" --lr 6e-4 --save-every 1000
  $PYTHON -m train.evaluate -o "$OUT/$objective/model" --model "$OUT/$objective/model" \
    --held-out "$HELD_OUT" "${real[@]}"
done
