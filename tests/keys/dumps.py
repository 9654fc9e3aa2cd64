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


def holding(clear: str | bytes, *aliases: str) -> list[str]:
    """The rows of these databases that hold a text, as it is or its bytes in hex.

    A list to compare with [], not one text to look in: pytest compares two texts for minutes when one is a whole database.
    """
    hexed = (clear.encode() if isinstance(clear, str) else clear).hex()
    texts = [hexed, clear] if isinstance(clear, str) else [hexed]
    return [row for alias in aliases for row in everything(alias) if any(text in row for text in texts)]
