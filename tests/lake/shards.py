"""Divides conversations among shards in Python and in DuckDB, as docs/scale.md says.

    python3 tests/lake/shards.py

Runs the two snippets of the page and compares them. `cargo test scale_page::` compares the one in Python with
`convert --shard`. Needs the package duckdb. Exit status 1 if something differs.
"""

import pathlib
import sys

import duckdb

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "scale.md"

RECORDS = [
    ("198.51.100.23", 51544, "10.0.1.20", 443, 6),
    ("10.0.0.1", 53, "9.0.0.1", 53, 17),
    ("10.0.0.1", 0, "10.0.0.2", 0, 1),
    ("10.0.0.1", 7, "10.0.0.2", 9, 132),
    ("2001:db8::2", 1, "2001:db8::10", 65535, 17),
    ("255.255.255.255", 65535, "0.0.0.0", 0, 255),
]


def snippet(language):
    """Returns the code of the page in this language."""
    return PAGE.read_text().split(f"```{language}\n")[1].split("\n```")[0]


def main():
    scope = {}
    exec(snippet("python"), scope)
    base = duckdb.connect()
    base.execute(
        "CREATE TABLE records (source VARCHAR, source_port INT, destination VARCHAR, "
        "destination_port INT, protocol INT)"
    )
    for record in RECORDS:
        base.execute("DELETE FROM records")
        base.execute("INSERT INTO records VALUES (?, ?, ?, ?, ?)", record)
        [(name, found)] = base.execute(snippet("sql")).fetchall()
        expected = scope["shard"](*record, 4)
        if found != expected:
            sys.exit(f"{name}: shard {found} in DuckDB, and {expected} in Python")
    print(f"{len(RECORDS)} conversations are in the same shards in DuckDB and in Python")


if __name__ == "__main__":
    main()
