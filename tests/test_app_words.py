"""The words, legends and curves of the app."""

import pytest

from depthart.app import plots, text


@pytest.mark.parametrize("kind", text.MEANING)
def test_every_kind_says_what_its_numbers_mean(kind):
    caption = text.depth_caption(kind, (0.25, 4.0), "spectral", False, known=False)
    near, far = ("4.00", "0.250") if kind == "disparity" else ("0.250", "4.00")
    unit = " m" if kind == "metric" else ""
    assert f">near {near}{unit}<" in caption and f">{far}{unit} far<" in caption
    assert text.MEANING[kind] in caption


@pytest.mark.parametrize(
    ("value", "expected"), [(0.01234, "0.0123"), (1.0, "1.00"), (12.34, "12.3"), (1234.5, "1234")]
)
def test_numbers_have_three_digits(value, expected):
    assert text.number(value) == expected


def test_curve_marks_the_chosen_dot():
    svg = plots.curve([None, 0.5, 1.0], ["1", "2", "3"], 1, "Title", "nats")
    assert svg.count("<circle") == 2 and svg.count('<circle class="chosen"') == 1
    assert "0.5 nats</text>" in svg and 'aria-label="Title. 2: 0.5; 3: 1"' in svg
