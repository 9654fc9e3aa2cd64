"""Reads a whole database, behind row-level security."""

from psycopg import sql

from tests.cast import owner_connection


def everything(alias: str) -> list[str]:
    """Every row of every table of a database, as text (bytes in hex)."""
    with owner_connection(alias) as connection:
        tables = connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'"
        ).fetchall()
        rows = []
        for (table,) in tables:
            query = sql.SQL("SELECT t::text FROM {} t").format(sql.Identifier(table))
            rows += [row[0] for row in connection.execute(query).fetchall()]
    return rows
