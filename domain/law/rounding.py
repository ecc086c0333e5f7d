"""Where the law rounds (取舍): a step like any other, so that whoever reads a result sees what it did."""

from decimal import Decimal
from functools import cache
from typing import Final

from domain.law.explained import Basis, Does, Step

CENT: Final = 2
TENTH: Final = 1


@cache
def rounding_step(basis: Basis, of: str, places: int, does: Does = "half_up_to") -> Step:
    """The step that rounds the result `of` to so many decimals."""
    unit = Decimal(1).scaleb(-places)
    if does == "half_up_to":
        return basis.step(of, "rounding", unit, f"四舍五入到 {unit}", f"rounded half up to {unit}", does)
    return basis.step(of, "rounding", unit, f"见分进角，进到 {unit} 元", f"rounded up to {unit} yuan", does)
