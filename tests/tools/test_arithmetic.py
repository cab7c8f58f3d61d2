"""The calculator: exact, and bounded whatever it is given."""

from contextlib import suppress
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chatapp.tools.arithmetic import LONGEST, MOST_BITS, NotCalculated, calculate, decimal

EXACT = [
    ("0.1 + 0.2", "0.3"),
    ("12% of 340", "40.8"),
    ("340 + 12%", "380.8"),
    ("340 - 10% - 5%", "290.7"),
    ("2 * 12%", "0.24"),
    ("1,234.50 × 2", "2469"),
    ("max(100,200)", "200"),
    ("(1,000 + min(7,8)) of 2", "2014"),
    ("-2^2", "-4"),
    ("2 ** -2", "0.25"),
    ("2^3^2", "512"),
    ("7 mod 3", "1"),
    ("10/3*3", "10"),
    ("round(2/3, 2)", "0.67"),
    ("sqrt(2.25)", "1.5"),
    ("(-1)^99999999999", "-1"),
    ("1/3", "1/3 ≈ 0.333333333333333"),
    ("2^200", "≈ 1.60693804425899e60"),
    ("sqrt(2)", "≈ 1.4142135623730950488"),
]
REFUSED = [
    ("9**9**9", "digits"),
    ("9^999999999999999999", "digits"),
    ("(10^1000)^1000", "digits"),
    ("1e999*1e999*1e999", "digits"),
    ("1/0", "zero"),
    ("0^-1", "zero"),
    ("5 mod 0", "zero"),
    ("2^0.5", "sqrt"),
    ("sqrt(-1)", "square root"),
    ("(" * 200 + "1" + ")" * 200, "nested"),
    ("-" * 400 + "1", "nested"),
    ("1" * 501, "500"),
    ("", "breaks off"),
    ("1 +", "breaks off"),
    ("(1", "not closed"),
    ("1 2", "too many"),
    ("abs(1, 2)", "no ‘abs’"),
    ("round(1, 99999999)", "places"),
    ("__import__('os').system('true')", "not arithmetic"),
    ("open", "where a number"),
    ("7!", "not arithmetic"),
]


@pytest.mark.parametrize(("expression", "written"), EXACT)
def test_what_is_exact_is_written_exactly_and_what_is_not_is_marked(expression, written):
    assert calculate(expression).written() == written


@pytest.mark.parametrize(("expression", "reason"), REFUSED)
def test_what_has_no_value_or_would_be_too_large_is_refused_with_a_sentence(expression, reason):
    with pytest.raises(NotCalculated, match=reason):
        calculate(expression)


@settings(deadline=None)
@given(st.text("0123456789.,+-*/^%() esqrtmodf", max_size=60))
def test_any_characters_give_a_bounded_number_or_a_sentence(expression):
    with suppress(NotCalculated):
        result = calculate(expression)
        assert max(result.value.numerator.bit_length(), result.value.denominator.bit_length()) <= MOST_BITS
        assert result.written()


FRACTIONS = st.fractions(-(10**30), 10**30, max_denominator=10**9)


@settings(deadline=None)
@given(FRACTIONS, FRACTIONS)
def test_fractions_are_computed_as_python_computes_them(one, two):
    expression = f"({one.numerator}/{one.denominator}) * ({two.numerator}/{two.denominator}) - ({one})"
    assume(len(expression) <= LONGEST)
    assert calculate(expression).value == one * two - one


@settings(deadline=None)
@given(st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9))
def test_a_decimal_number_is_written_as_it_was(number):
    written = decimal(Fraction(number))
    assert written is not None
    assert Fraction(written) == Fraction(number)
