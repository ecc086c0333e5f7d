"""What can go wrong with a call, in the two kinds that matter: trying again may help, or it cannot."""


class GatewayFault(Exception):
    """The service did not answer, or not readably; trying again may help. Never carries what was answered."""

    def __init__(self, service: str, fault: str) -> None:
        self.service = service
        self.fault = fault
        super().__init__(f"{service}: {fault}")


class NoSlotFree(GatewayFault):
    """All our own slots for the service were busy for too long: it was not called, so nothing is known about it."""

    def __init__(self, service: str) -> None:
        super().__init__(service, "no_slot_free")


class NotAccepted(Exception):
    """The service refused to read what we sent; the same again cannot help."""

    def __init__(self, service: str, fault: str) -> None:
        self.service = service
        self.fault = fault
        super().__init__(f"{service}: {fault}")
