"""What Alembic runs for every upgrade: the steps, on the connection that `store.schema` hands over.

There is no offline mode and no `alembic.ini`: `onething db upgrade` is the only way in, because it
alone holds the lock and states the rights afterwards.
"""

from alembic import context

from store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
# All missing steps in one transaction: an upgrade that fails leaves the database as it was.
with context.begin_transaction():
    context.run_migrations()
