"""Who did something (经办人): an account and its unit, never a person's name."""

from typing import Final, Self

from pydantic import BaseModel, ConfigDict


class Actor(BaseModel):
    """The account that acts and the unit it acts for."""

    model_config = ConfigDict(frozen=True)

    account: str
    unit: str

    @classmethod
    def of_link(cls, link: str, unit: str) -> Self:
        """Whoever holds a one-time link to what the unit was asked: the link, never a person."""
        return cls(account=f"{_LINK}{link}", unit=unit)

    @property
    def by_link(self) -> bool:
        """Without an account: whoever holds a one-time link, which is spent by its first answer."""
        return self.account.startswith(_LINK)


_LINK: Final = "link:"
"""No account may be called so: an account's name has no colon."""

THE_ENGINE: Final = Actor(account="onething", unit="onething")
"""Acts where no person does: asking registers, submitting items, noting that a date has passed."""
