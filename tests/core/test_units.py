"""Ratios are exact until they are shown; one function rounds."""

from decimal import ROUND_HALF_UP, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridkeeper.core.units import Ratio, format_bytes, format_duration, percent


@given(st.integers(0, 10**9), st.integers(1, 10**9))
def test_per_cent_is_rounded_half_up_to_five_places(part, whole) -> None:
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(100) * part / whole
    assert percent(part, whole) == exact.quantize(Decimal("0.00001"), ROUND_HALF_UP)


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    # 5/18 and 5/14 h (availability.md section 3); 1/1600000 = 0.0000625 %, whose half goes up.
    [(18_000, 64_800, "27.77778"), (18_000, 50_400, "35.71429"), (1, 1_600_000, "0.00006"), (1, 20_000_000, "0.00001")],
)
def test_worked_examples(part, whole, expected) -> None:
    assert str(percent(part, whole)) == expected


@pytest.mark.parametrize("whole", [0, -1])
def test_nothing_known_is_not_computable(whole) -> None:
    assert percent(0, whole) is None
    assert not Ratio(0, whole).is_computable


def test_adding_ratios_adds_seconds() -> None:
    assert Ratio(50, 100) + Ratio(0, 300) == Ratio(50, 400)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.25, "0.2 s"), (59, "59 s"), (60, "1 min"), (3661, "1 h 1 min"), (93_784, "1 d 2 h")],
)
def test_durations_in_their_two_largest_units(seconds, text) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**41, "2.0 TiB")])
def test_bytes_in_binary_units(size, text) -> None:
    assert format_bytes(size) == text
