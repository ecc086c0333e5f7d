"""How many months of contributions (缴费月数) somebody has by a month that is still to come."""


def contributed_by(month: int, paid: int, known_in: int) -> int:
    """The months by then, for whoever has paid so many in `known_in` and pays on every month (按月继续缴费)."""
    return paid + max(0, month - known_in)
