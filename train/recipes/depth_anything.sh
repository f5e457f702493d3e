#!/usr/bin/env bash
# Depth Anything's recipe at our size: teacher, pseudo-labels, student, ablation, metres.
#
#   RENDERED=rooms HELD_OUT=rooms_held_out PHOTOS=photos TRUNK=mobilenet_v2_imagenet.safetensors \
#     BACKBONE=mobilenet_v2 OUT=runs/depth_anything bash train/recipes/depth_anything.sh
#
# Optional: REAL (an RGB-D folder with manifest.json), PARTS (which of the parts below to run), DOCUMENT
# (a Markdown file with <!-- ablation --> markers). On one thread with bf16 units a training step does
# about 8 samples/s at 256 and 14 at 192 pixels. Every command goes on where it stopped when run again.
set -euo pipefail
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-PASSIVE} OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
OUT=${OUT:-runs/depth_anything}
PYTHON=${PYTHON:-.venv/bin/python}
BACKBONE=${BACKBONE:-mobilenet_v2}
real=() ; [ -n "${REAL:-}" ] && real=(--real "$REAL")
document=() ; [ -n "${DOCUMENT:-}" ] && document=(--document "$DOCUMENT")
data=(--rendered "$RENDERED" --held-out "$HELD_OUT" "${real[@]}")
# The trunk starts from ImageNet, the transformer blocks behind it from nothing: larger rates than the
# paper's, and nearer to each other.
network=(--backbone "$BACKBONE" --trunk "$TRUNK" --lr 2e-4 --decoder-rate 3 --warmup 20)
frozen=(--frozen-encoder "$BACKBONE" --margin 0.15)

for part in ${PARTS:-teacher labels student ablation metric}; do
  case $part in
    teacher)
      $PYTHON -m train.depth_anything.teacher -o "$OUT/teacher" "${data[@]}" "${network[@]}" \
        --steps "${TEACHER_STEPS:-600}" --batch-size 12 --save-every 150 ;;
    labels)
      $PYTHON -m train.depth_anything.pseudo_label "$OUT/teacher/model" "$PHOTOS" -o "$OUT/labels"
      # For DepthART: python -m train.autoregressive ... --data "pseudo*0.2=$OUT/labels"
      $PYTHON -m train.depth_anything.calibrate "$OUT/teacher/model" "$OUT/labels" "${data[@]}" ;;
    student)
      $PYTHON -m train.depth_anything.student -o "$OUT/student" --labels "$OUT/labels" "${data[@]}" \
        "${network[@]}" "${frozen[@]}" --steps "${STUDENT_STEPS:-900}" --batch-size 12 --save-every 150 ;;
    ablation)
      $PYTHON -m train.depth_anything.ablation -o "$OUT/ablation" --labels "$OUT/labels" "${data[@]}" \
        "${network[@]}" "${frozen[@]}" --image-size 192 --steps "${ABLATION_STEPS:-360}" \
        --batch-size 12 --save-every 120 --teacher "$OUT/teacher/model" "${document[@]}" ;;
    metric)
      $PYTHON -m train.depth_anything.metric -o "$OUT/metric" --start "$OUT/student/model" "${data[@]}" \
        --steps "${METRIC_STEPS:-300}" --batch-size 12 --save-every 100 ;;
    *)
      echo "unknown part '$part'; known: teacher labels student ablation metric" >&2 ; exit 2 ;;
  esac
done
