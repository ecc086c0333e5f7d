"""The long-running processes: the Temporal worker and the relay that tells workflows what happened."""
