"""What can go wrong with a call, in the two kinds that matter: trying again may help, or it cannot."""


class GatewayFault(Exception):
    """The service did not answer, or not readably; trying again may help. Never carries what was answered."""

    def __init__(self, service: str, fault: str) -> None:
        self.service = service
        self.fault = fault
        super().__init__(f"{service}: {fault}")


class NotAccepted(Exception):
    """The service refused to read what we sent; the same again cannot help."""

    def __init__(self, service: str, fault: str) -> None:
        self.service = service
        self.fault = fault
        super().__init__(f"{service}: {fault}")
