"""Order and patience: deterministic; believes events, asks activities, and invents no state of its own."""
