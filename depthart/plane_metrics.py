"""How flat and how well turned predicted planes are: pe-fla and pe-ori of iBims-1.

Koch et al., "Evaluation of CNN-based Single-Image Depth Estimation Methods" (2018); the paper,
section 4.1. Per plane the prediction is scaled by the ratio of medians, back-projected with the
calibration and fitted with a plane, so the errors do not depend on a global scale.

Letters: H, W height and width · P planes. Normals are in OpenCV axes (x right, y down, z forward).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from depthart.align import TINY
from depthart.geometry import Intrinsics, fit_plane, unproject

MIN_SHARE = 0.05  # of the picture; smaller planes are not scored


@dataclass(frozen=True)
class PlaneError:
    """Errors of one plane; lower is better.

    Attributes:
        plane: Its number in the map.
        flatness_cm: pe-fla, 100 times the standard deviation of the points' distances to the
            plane fitted to them: centimetres if the truth is in metres.
        orientation_deg: pe-ori, angle between fitted and true normal, 0 to 90 degrees.
    """

    plane: int
    flatness_cm: float
    orientation_deg: float


def plane_errors(
    prediction: np.ndarray,
    truth: np.ndarray,
    planes: np.ndarray,
    intrinsics: Intrinsics,
    normals: Mapping[int, np.ndarray] | None = None,
    min_share: float = MIN_SHARE,
) -> list[PlaneError]:
    """Errors of all planes that cover enough of the picture.

    Args:
        prediction: (H, W) depth, known at least up to a factor.
        truth: (H, W) depth in metres; pixels that are not positive and finite do not count.
        planes: (H, W) integers, a number for each plane, 0 = none.
        intrinsics: Camera of the picture.
        normals: True normals (3,) of any length by plane number; by default those of planes
            fitted to the true depth.
        min_share: Smallest share of the picture's pixels.

    Returns:
        One `PlaneError` per plane that is large enough, in the order of their numbers.

    Raises:
        ValueError: Shapes that differ, or a plane without an entry in `normals`.
    """
    if not (np.shape(prediction) == np.shape(truth) == np.shape(planes)):
        raise ValueError(
            f"prediction {np.shape(prediction)}, truth {np.shape(truth)} and planes "
            f"{np.shape(planes)} must have one shape"
        )
    truth = np.asarray(truth, np.float64)
    valid = np.isfinite(truth) & (truth > 0)
    truth = np.where(valid, truth, 0)
    numbers, counts = np.unique(planes[valid & (planes > 0)], return_counts=True)
    large = numbers[counts >= min_share * truth.size].tolist()
    prediction = np.maximum(np.asarray(prediction, np.float64), TINY)
    true_points, points = unproject(truth, intrinsics), unproject(prediction, intrinsics)
    errors = []
    for number in large:
        if normals is not None and number not in normals:
            raise ValueError(f"there is no normal for plane {number}; given: {sorted(normals)}.")
        mask = valid & (planes == number)
        normal = fit_plane(true_points[mask]).normal if normals is None else normals[number]
        factor = np.median(truth[mask]) / np.median(prediction[mask])
        fitted = fit_plane(factor * points[mask].astype(np.float64))
        angle = angle_between(fitted.normal, normal)
        errors.append(PlaneError(number, 100 * fitted.flatness, angle))
    return errors


def angle_between(a: np.ndarray, b: np.ndarray) -> float:
    """Angle in degrees between the lines along two vectors (3,), 0 to 90: signs do not matter."""
    # arctan2 keeps small angles exact, where arccos of a rounded cosine would not.
    return math.degrees(math.atan2(np.linalg.norm(np.cross(a, b)), abs(float(np.dot(a, b)))))


def ibims_planes(
    masks: Sequence[np.ndarray], parameters: Sequence[np.ndarray]
) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Planes of an iBims-1 picture, as `plane_errors` takes them.

    Args:
        masks: (H, W) each, one per type of plane (`mask_wall`, `mask_floor`, `mask_table`);
            value i > 0 marks plane i of the type.
        parameters: (P, >= 7) each (`mask_wall_paras`, ...); row i - 1, columns 4 to 6 hold the
            normal of plane i in iBims-1's axes (x right, y forward, z up). May be empty.

    Returns:
        (H, W) int64 map of planes, numbered through all types, and the normals by number.

    Raises:
        ValueError: no masks, or a parameter table with too few columns.
    """
    if not masks or len(masks) != len(parameters):
        raise ValueError(f"got {len(masks)} plane masks and {len(parameters)} parameter tables.")
    planes = np.zeros(np.shape(masks[0]), np.int64)
    normals: dict[int, np.ndarray] = {}
    for mask, table in zip(masks, parameters, strict=True):
        if not np.size(table):
            continue
        table = np.atleast_2d(np.asarray(table, np.float64))
        if table.shape[1] < 7:
            raise ValueError(f"plane parameters have at least 7 columns, got {table.shape}.")
        for row, (x, forward, up) in enumerate(table[:, 4:7], start=1):
            number = len(normals) + 1
            planes[np.asarray(mask) == row] = number
            normals[number] = np.array([x, -up, forward])
    return planes, normals
