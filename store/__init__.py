"""Everything Postgres: one write path that locks, decides, appends, projects and writes the outbox in one transaction."""
