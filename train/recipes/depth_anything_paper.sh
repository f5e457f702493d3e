#!/usr/bin/env bash
# Depth Anything's own setting (arXiv 2401.10891, section 4): DINOv2-L with a DPT head, shorter side 518,
# AdamW at 5e-6 for the encoder and ten times that for the decoder, linear decay, flips only for labelled
# pictures, labelled : unlabeled 1 : 2, CutMix with probability 0.5, tolerance margin 0.15.
#
#   LABELLED="hypersim=/data/hypersim diode=/data/diode" UNLABELLED='/data/photos-{000000..009999}.tar' \
#     OUT=runs/paper bash train/recipes/depth_anything_paper.sh
#
# The number of steps and the batch are ours to choose: the paper trains its teacher for 20 epochs of
# 1.5 M labelled pictures, and its student once over 62 M unlabeled ones. LAUNCH starts the processes,
# for example `accelerate launch --num_processes 8`. GPUs and transformers are needed; not run here.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
OUT=${OUT:-runs/depth_anything_paper}
LAUNCH=${LAUNCH:-accelerate launch}
SIZE=${SIZE:-large}
labelled=() ; for set in $LABELLED; do labelled+=(--data "$set"); done
network=(--architecture "dinov2-$SIZE" --trunk "${DINOV2:-facebook/dinov2-$SIZE}" --augment flips)
rates=(--lr 5e-6 --decoder-rate 10 --schedule linear --lr-end 0 --warmup 0 --workers 8)

$LAUNCH -m train.depth_anything.teacher -o "$OUT/teacher" "${labelled[@]}" "${network[@]}" "${rates[@]}" \
  --batch-size "${TEACHER_BATCH:-64}" --steps "${TEACHER_STEPS:-470000}"
$LAUNCH -m train.depth_anything.pseudo_label "$OUT/teacher/model" "$UNLABELLED" -o "$OUT/labels" \
  --store-side 518 --batch-size 32
$LAUNCH -m train.depth_anything.student -o "$OUT/student" --labels "$OUT/labels" "${labelled[@]}" \
  "${network[@]}" "${rates[@]}" --frozen-encoder "${DINOV2:-facebook/dinov2-$SIZE}" --margin 0.15 \
  --batch-size "${STUDENT_BATCH:-192}" --steps "${STUDENT_STEPS:-484000}"
