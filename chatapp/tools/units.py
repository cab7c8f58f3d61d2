"""Amounts from one unit to another, exactly: pint knows the units, the numbers are fractions."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

from chatapp.tools.arithmetic import NotCalculated, Result, calculate

if TYPE_CHECKING:
    import pint

LONGEST = 40
"""Characters of a unit."""
_DIGITS = 20
"""Digits of a result: pint's π is no fraction, and is cut somewhere."""
_UNIT = re.compile(
    r"(?P<by>[*/·]|\bper\b|)\s*(?P<name>[^\W\d_]+(?:_[^\W\d_]+)*)\s*(?:(?:\^|\*\*)?(?P<power>-?[1-6]))?"
)
_WRITTEN = str.maketrans({"²": "^2", "³": "^3", "µ": "μ", "°": ""})
_NAMES = {
    "c": "degC", "celsius": "degC", "f": "degF", "fahrenheit": "degF", "k": "kelvin", "mpg": "mile / gallon",
}  # fmt: skip
"""Names that mean something else to pint, or nothing."""


def convert(amount: str, unit: str, to: str) -> str:
    """An amount in another unit, in words: `5 mi = 8.04672 km`.

    Raises:
        NotCalculated: when the amount is none, a unit is not known, or the two measure different things.
    """
    value = calculate(amount)
    given, wanted = _unit(unit), _unit(to)
    import pint  # noqa: PLC0415  half a second

    try:
        found = _registry().Quantity(value.value, given).to(wanted)
    except pint.DimensionalityError:
        raise NotCalculated(f"{unit.strip()} and {to.strip()} measure different things.") from None
    except (pint.PintError, ArithmeticError, TypeError) as error:
        raise NotCalculated(f"{unit.strip()} cannot be given in {to.strip()}.") from error
    there = Result(Fraction(found.magnitude), value.rounded).written(_DIGITS)
    return f"{value.written()} {unit.strip()} {'' if there.startswith('≈') else '= '}{there} {to.strip()}"


@cache
def _registry() -> pint.UnitRegistry[Fraction]:
    import pint  # noqa: PLC0415

    return pint.UnitRegistry(non_int_type=Fraction, cache_folder=None)


def _unit(text: str) -> Any:
    """A unit of names, products, quotients and small powers; pint's own reader would take `m**9**9**9` too."""
    import pint  # noqa: PLC0415

    if len(text) > LONGEST:
        raise NotCalculated(f"A unit has at most {LONGEST} characters.")
    unit: Any = _registry().Unit("")
    position, written = 0, text.translate(_WRITTEN).strip()
    while position < len(written):
        match = _UNIT.match(written, position)
        if match is None:
            raise NotCalculated(f"‘{text.strip()}’ is not a unit.")
        try:
            one = _registry().get_name(match["name"]) if match["name"].casefold() not in _NAMES else ""
            part: Any = _registry().Unit(one or _NAMES[match["name"].casefold()])
        except (pint.PintError, KeyError) as error:
            raise NotCalculated(f"‘{match['name']}’ is not a unit that is known here.") from error
        part **= int(match["power"] or 1)
        unit = unit / part if match["by"] in {"/", "per"} else unit * part
        position = match.end()
        position += len(written[position:]) - len(written[position:].lstrip())
    if position == 0:
        raise NotCalculated("The unit is missing.")
    return unit
