"""The rules of the field: plain Python and pydantic that know no clock, no dice, no network and no framework."""
