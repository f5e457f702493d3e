"""What changes in the course of a run, written as text; progress runs from 0 to 1."""

from __future__ import annotations

from collections.abc import Callable


def progressive_scales(schedule: str, total: int) -> Callable[[float], int]:
    """Read "0.3:6,0.7:8": 6 scales up to 30 % of the run, 8 up to 70 %, then all `total`.

    Returns:
        Function from progress in [0, 1) to the number of scales in training.

    Raises:
        ValueError: if the schedule does not read so or names more scales than there are.
    """
    try:
        steps = [(share, int(count)) for share, count in _parts(schedule)]
    except ValueError as error:
        raise ValueError(f'expected a schedule like "0.3:6,0.7:8", got {schedule!r}') from error
    if any(not 1 <= count <= total for _, count in steps):
        raise ValueError(f"the schedule {schedule!r} must name 1 to {total} scales")
    return lambda progress: next((count for end, count in steps if progress < end), total)


def depthart_share(schedule: str) -> Callable[[float], float]:
    """Read "0:var,0.5:depthart" or "0:0,0.5:1": which share of the steps is `depthart`'s.

    Names change at once, numbers (the share) are joined by straight lines: the first text turns to
    `depthart` at half of the run, the second gets there step by step.

    Returns:
        Function from progress in [0, 1) to the share in [0, 1].

    Raises:
        ValueError: if the schedule does not read so, goes back in time, or leaves [0, 1].
    """
    names = {"var": 0.0, "depthart": 1.0}
    try:
        points = [
            (start, names[text] if text in names else float(text), text in names)
            for start, text in _parts(schedule)
        ]
    except ValueError as error:
        raise ValueError(
            f'expected a schedule like "0:var,0.5:depthart" or "0:0,0.5:1", got {schedule!r}'
        ) from error
    starts = [start for start, _, _ in points]
    if not points or starts != sorted(starts) or not all(0 <= s <= 1 for _, s, _ in points):
        raise ValueError(f"the schedule {schedule!r} must go forward, with shares from 0 to 1")

    def share(progress: float) -> float:
        before = [point for point in points if point[0] <= progress]
        if not before:
            return points[0][1]
        start, value, is_name = before[-1]
        if len(before) == len(points) or is_name or points[len(before)][2]:
            return value
        end, target, _ = points[len(before)]
        return value + (target - value) * (progress - start) / (end - start)

    return share


def _parts(schedule: str) -> list[tuple[float, str]]:
    parts = [part.strip().split(":") for part in schedule.split(",") if part.strip()]
    return [(float(at), what) for at, what in parts]
