"""Memory of the cluster: SQLAlchemy Core, Alembic, compare-and-set revisions and the lease."""
