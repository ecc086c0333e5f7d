"""HTTP in, pages and JSON out: never talks to Temporal, never decides."""
