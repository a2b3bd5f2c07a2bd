"""Alembic's way in: the migrations run on the connection, and in the transaction, they are handed."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
