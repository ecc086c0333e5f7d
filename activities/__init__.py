"""Everything done to the outside world: asks registers, submits to departments, records the answer; decides nothing."""
