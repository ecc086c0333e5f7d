"""Who did something (经办人): an account and its unit, never a person's name."""

from typing import Final

from pydantic import BaseModel, ConfigDict


class Actor(BaseModel):
    """The account that acts and the unit it acts for."""

    model_config = ConfigDict(frozen=True)

    account: str
    unit: str


THE_ENGINE: Final = Actor(account="onething", unit="onething")
"""Acts where no person does: asking registers, submitting items, noting that a date has passed."""
