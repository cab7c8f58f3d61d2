"""Units: exact factors, and no expression that runs away."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatapp.tools.arithmetic import NotCalculated
from chatapp.tools.units import convert

EXACT = [
    (("5", "mi", "km"), "5 mi = 8.04672 km"),
    (("100", "°C", "°F"), "100 °C = 212 °F"),
    (("98.6", "fahrenheit", "celsius"), "98.6 fahrenheit = 37 celsius"),
    (("60", "miles per hour", "m/s"), "60 miles per hour = 26.8224 m/s"),
    (("2", "m²", "cm^2"), "2 m² = 20000 cm^2"),
    (("1", "GB", "MiB"), "1 GB = 953.67431640625 MiB"),
    (("1 + 1/2", "hours", "minutes"), "1.5 hours = 90 minutes"),
    (("180", "degrees", "radians"), "180 degrees ≈ 3.14159265358979 radians"),
]
REFUSED = [
    (("5", "km", "kg"), "different things"),
    (("1", "florb", "m"), "not a unit"),
    (("1", "m**9**9**9", "m"), "not a unit"),
    (("1", "m^999999999", "m"), "not a unit"),
    (("1", "", "m"), "missing"),
    (("9**9**9", "m", "km"), "digits"),
    (("1", "m" * 41, "m"), "40"),
    (("1", "__import__('os')", "m"), "not a unit"),
]


@pytest.mark.parametrize(("asked", "said"), EXACT)
def test_an_amount_is_converted_exactly(asked, said):
    assert convert(*asked) == said


@pytest.mark.parametrize(("asked", "reason"), REFUSED)
def test_what_cannot_be_converted_is_refused_with_a_sentence(asked, reason):
    with pytest.raises(NotCalculated, match=reason):
        convert(*asked)


@settings(deadline=None)
@given(st.text("mkgs/*^·²³ per12345-_()", max_size=40))
def test_any_characters_are_a_unit_or_refused(unit):
    with suppress(NotCalculated):
        assert "1" in convert("1", unit, unit)
