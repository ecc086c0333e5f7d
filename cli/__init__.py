"""The `onething` command: everything a person at a terminal does, and every process that is started."""
