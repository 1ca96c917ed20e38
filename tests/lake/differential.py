#!/usr/bin/env python3
"""Runs the same questions through `flow2pcap query` and through DuckDB, and compares all rows.

What it is: a differential test. `archive.py` writes a bucket as AWS delivers it, and at the same
time the rows of the tables, from the same values. flow2pcap reads the bucket; DuckDB gets the
tables. Each entry of `queries/*.toml` has the text for Athena, as AWS's pages print it, and, where
DuckDB's dialect differs, the same question by hand. Two engines, two readers, two authors.

What it is not: a test of speed (see benches/query/compare.py), or of the messages.

    differential.py target/debug/flow2pcap [--rows 20000] [--only NAME] [--engine-only] [--keep DIR]

An entry:

    name      unique
    from      where the text is from
    athena    for flow2pcap; `named = "top-talkers"` instead runs a named query, with `params`
    duckdb    for DuckDB; absent: the same text
    mode      "rows": the same rows in any order (default)
              "ordered": in this order too
              "top": `athena` ends in ORDER BY … LIMIT n, and rows may tie. `duckdb` has the same
                   order without the limit; `limit` and `key` (columns from 0) say how it is cut.
                   The keys must agree row by row, and every row must be one of DuckDB's.
              "some": `athena` has a LIMIT without an order: any `limit` rows of DuckDB's
    rel       relative tolerance of numbers with a fraction (default 1e-9)
    star      `athena` is SELECT *: columns are compared by name, those of DuckDB only
    json      columns (from 0) that hold JSON: compared as values
    known     why flow2pcap differs here on purpose: reported, but no failure

In all texts, {d1} {d2} {d3} are the three days (2026-02-27), {s1} {s2} {s3} the same with slashes,
{host} an address with much traffic, {client} a peer of it, {eni} an interface.
Exit status 1 if anything differs. Needs Python 3.11, duckdb, pyarrow.
"""

import argparse
import collections
import datetime as dt
import decimal
import ipaddress
import json
import math
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import tomllib

import duckdb

import archive

HERE = pathlib.Path(__file__).parent
OPTIONS = {"name", "from", "athena", "named", "params", "duckdb", "mode", "rel", "star", "json", "known", "limit", "key"}


# ---------------------------------------------------------------------------------------------
# The two engines


def engine(tables):
    """DuckDB over the rows, with Trino's arithmetic and clock, and the views that AWS's texts name."""
    db = duckdb.connect()
    db.execute("SET TimeZone = 'UTC'")
    db.execute("SET integer_division = true")
    for name, table in tables.items():
        db.register(f"arrow_{name}", table)
        db.execute(f"CREATE TABLE {name} AS SELECT * FROM arrow_{name}")
    db.execute("CREATE VIEW alb_logs AS FROM alb_access_logs")
    db.execute('CREATE VIEW flow_logs AS SELECT * REPLACE (to_timestamp(start) AS start, to_timestamp("end") AS "end") FROM vpc_flow_logs')
    # The one thing that DuckDB lacks: IPADDRESS of Trino. IPv4 is ::ffff:a.b.c.d in its order.
    # https://trino.io/docs/current/language/types.html#ipaddress
    db.create_function("ip_in", ip_in, ["VARCHAR", "VARCHAR"], "BOOLEAN")
    db.create_function("ip_order", ip_order, ["VARCHAR"], "VARCHAR")
    return db


def ip_in(network, address):
    """contains(network, CAST(address AS IPADDRESS)): false where the families differ."""
    net, ip = ipaddress.ip_network(network, strict=False), ipaddress.ip_address(address)
    return net.version == ip.version and ip in net


def ip_order(address):
    """A text that sorts as IPADDRESS does."""
    ip = ipaddress.ip_address(address)
    return f"{int(ip) | (0xFFFF << 32 if ip.version == 4 else 0):032x}"


def ask_duckdb(db, text):
    """The rows and the column names."""
    cursor = db.execute(text)
    return [tuple(r) for r in cursor.fetchall()], [d[0] for d in cursor.description]


class Refused(Exception):
    """flow2pcap ended with an error."""


def ask_flow2pcap(binary, entry, fill, bucket):
    """The rows and the column names, from JSON lines: in them NULL and empty text differ."""
    if "named" in entry:
        what = [entry["named"]]
        for key, value in entry.get("params", {}).items():
            what += ["--set", f"{key}={fill(value)}"]
    else:
        what = [fill(entry["athena"])]
    done = subprocess.run([binary, "query", *what, str(bucket), "--format", "jsonl"], capture_output=True, text=True)
    if done.returncode not in (0, 3):  # 3: the result has no rows
        raise Refused(done.stderr.strip() or f"exit status {done.returncode}")
    # Not `splitlines`: it also cuts at U+2028 and others, which may be inside of a text.
    parsed = [json.loads(line, object_pairs_hook=Pairs) for line in done.stdout.split("\n") if line]
    names = [k for k, _ in parsed[0].items] if parsed else []
    return [tuple(plain(v) for _, v in row.items) for row in parsed], names


class Pairs:
    """A JSON object with its order, and with names that come twice."""

    def __init__(self, items):
        self.items = items


def plain(value):
    """A value inside of a row: objects are dictionaries again."""
    if isinstance(value, Pairs):
        return {k: plain(v) for k, v in value.items}
    return [plain(v) for v in value] if isinstance(value, list) else value


# ---------------------------------------------------------------------------------------------
# Comparison


def instant(text):
    """An instant or a time of day without a zone, from any of the usual ways to print it."""
    text = text.strip().replace(" UTC", "Z")
    text = re.sub(r"(\.\d{6})\d+", r"\1", text)
    try:
        value = dt.datetime.fromisoformat(text)
    except ValueError:
        return text
    return value.astimezone(dt.timezone.utc).replace(tzinfo=None) if value.tzinfo else value


def settle(value, like=None):
    """A value in the form that is compared. `like` is a value of DuckDB's in the same column."""
    if isinstance(value, str) and isinstance(like, dt.datetime):
        return settle(instant(value))
    if isinstance(value, str) and isinstance(like, dt.date):
        return value[:10]
    if isinstance(value, dt.datetime):
        value = value.astimezone(dt.timezone.utc).replace(tzinfo=None) if value.tzinfo else value
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        inner = like if isinstance(like, dict) else {}
        # A struct whose fields are all NULL and a NULL struct read the same in Athena.
        fields = {k.lower(): settle(v, inner.get(k)) for k, v in value.items()}
        fields = {k: v for k, v in fields.items() if v is not None}
        return dict(sorted(fields.items())) or None
    if isinstance(value, list):
        inner = like[0] if isinstance(like, list) and like else None
        return [settle(v, inner) for v in value]
    return value


def same(a, b, rel):
    """Whether two settled values are the same."""
    numbers = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in (a, b))
    if numbers and a != b:
        # Integers are exact, unless the function itself is only an estimate.
        exact = isinstance(a, int) and isinstance(b, int) and rel <= 1e-6
        return not exact and math.isclose(a, b, rel_tol=rel, abs_tol=1e-12)
    if numbers:
        return True
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(same(x, y, rel) for x, y in zip(a, b))
    return type(a) is type(b) and a == b


def same_row(a, b, rel):
    return len(a) == len(b) and all(same(x, y, rel) for x, y in zip(a, b))


def order(row):
    """A key that puts equal rows in equal places, whatever the last digits of a fraction."""
    return repr([f"{v:.6g}" if isinstance(v, float) else v for v in row])


def likes(rows, width):
    """For each column a value that is not NULL, if there is one."""
    found = [None] * width
    for row in rows:
        for i, v in enumerate(row):
            if found[i] is None and v is not None:
                found[i] = v
    return found


def settled(rows, like, json_columns):
    out = []
    for row in rows:
        out.append(tuple(settle(json.loads(v) if i in json_columns and isinstance(v, str) else v, like[i] if i < len(like) else None) for i, v in enumerate(row)))
    return out


def compare(entry, got, got_names, want, want_names):
    """None where all rows agree, else what differs first."""
    if entry.get("star") and got:
        missing = [n for n in want_names if n not in got_names]
        if missing:
            return f"columns are missing: {', '.join(missing)}"
        at = [got_names.index(n) for n in want_names]
        got = [tuple(row[i] for i in at) for row in got]
    like, columns, rel = likes(want, len(want_names)), entry.get("json", []), entry.get("rel", 1e-9)
    got, want = settled(got, like, columns), settled(want, like, columns)
    if got and len(got[0]) != len(want_names):
        return f"{len(got[0])} columns {got_names}, expected {len(want_names)} {want_names}"
    mode, limit = entry.get("mode", "rows"), entry.get("limit")
    if mode in ("top", "some"):
        return compare_some(entry, got, want, rel, mode, limit)
    if len(got) != len(want):
        return f"{len(got)} rows, expected {len(want)}" + first_surplus(got, want)
    if mode == "rows":
        got, want = sorted(got, key=order), sorted(want, key=order)
    for i, (a, b) in enumerate(zip(got, want)):
        if not same_row(a, b, rel):
            return f"row {i + 1}\n      flow2pcap {a}\n      expected  {b}"
    return None


def first_surplus(got, want):
    """The first row that only one of the two has."""
    a, b = collections.Counter(map(order, got)), collections.Counter(map(order, want))
    text = ""
    for title, rest in (("flow2pcap", a - b), ("expected ", b - a)):
        for row in list(rest)[:1]:
            text += f"\n      only {title} {row}"
    return text


def compare_some(entry, got, want, rel, mode, limit):
    """Rows that a LIMIT cut out of DuckDB's."""
    if len(got) != min(limit, len(want)):
        return f"{len(got)} rows, expected {min(limit, len(want))} of {len(want)}" + ("" if want else " (none!)")
    if mode == "top":
        for i, (a, b) in enumerate(zip(got, want)):
            for c in entry["key"]:
                if not same(a[c], b[c], rel):
                    return f"row {i + 1} is out of order\n      flow2pcap {a}\n      expected  {b}"
    left = collections.Counter(map(order, want))
    for i, row in enumerate(got):
        if left[order(row)] > 0:
            left[order(row)] -= 1
        elif rel <= 1e-6 or not any(same_row(row, other, rel) for other in want):
            return f"row {i + 1} is not in the table (or too often)\n      flow2pcap {row}\n      such as   {want[i]}"
    return None


# ---------------------------------------------------------------------------------------------


def entries():
    """All queries, checked for misspelt options and for names that come twice."""
    found = []
    for file in sorted((HERE / "queries").glob("*.toml")):
        for entry in tomllib.loads(file.read_text())["query"]:
            unknown = set(entry) - OPTIONS
            assert not unknown, f"{file.name}: {entry.get('name')}: {unknown}"
            assert ("athena" in entry) != ("named" in entry), f"{file.name}: {entry['name']}: athena or named"
            found.append(entry)
    names = collections.Counter(e["name"] for e in found)
    assert max(names.values()) == 1, names.most_common(3)
    return found


def filler(bucket, last_day):
    """A function that puts days, addresses and interfaces into a text."""
    days = [last_day - dt.timedelta(days=archive.DAYS - 1 - i) for i in range(archive.DAYS)]
    pairs = collections.Counter((r["srcaddr"], r["dstaddr"], r["interface_id"]) for r in bucket.flow if r["dstport"] == 443 and "." in r["srcaddr"] and not r["srcaddr"].startswith(("10.", "172.")) and not r["dstaddr"].startswith("52."))
    client, host, eni = pairs.most_common(1)[0][0]
    words = {"host": host, "client": client, "eni": eni}
    for i, day in enumerate(days, 1):
        words[f"d{i}"], words[f"s{i}"] = day.isoformat(), day.strftime("%Y/%m/%d")
    return lambda text: re.sub(r"\{(\w+)\}", lambda m: words.get(m[1], m[0]), text)


def listed(binary):
    """The names of `query --list`: the first word of each line that looks like one."""
    done = subprocess.run([binary, "query", "--list"], capture_output=True, text=True)
    return {m[1] for m in re.finditer(r"^\s*([a-z0-9]+(?:-[a-z0-9]+)+)\b", done.stdout, re.M)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary", help="flow2pcap, built with the feature `sql`")
    parser.add_argument("--rows", type=int, default=6000, help="flow log records, about; a build without optimization takes seconds for each query")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--odd", action="store_true", help="flow logs with three formats (see archive.py)")
    # Not in the future, and all three days within a week of today: the pages count back from today.
    parser.add_argument("--last-day", type=dt.date.fromisoformat, default=dt.datetime.now(dt.timezone.utc).date() - dt.timedelta(days=2))
    parser.add_argument("--only", help="queries whose name has this part")
    parser.add_argument("--engine-only", action="store_true", help="run DuckDB's side only and print how many rows it gives")
    parser.add_argument("--keep", help="write the bucket into this folder and leave it there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = pathlib.Path(args.keep or scratch)
        bucket = archive.write(root, args.rows, args.last_day, args.seed, args.odd)
        tables = bucket.tables()
        db, fill = engine(tables), filler(bucket, args.last_day)
        print("  ".join(f"{n} {t.num_rows}" for n, t in tables.items()), f" last day {args.last_day}", flush=True)
        todo = [e for e in entries() if not args.only or args.only in e["name"]]
        status = 0 if args.only == "export" else run(args, db, fill, root, todo)
        if not args.engine_only and (not args.only or args.only == "export"):
            status |= run_export(args, db, root)
        sys.exit(status)


def run(args, db, fill, root, todo):
    """Runs and compares; returns the exit status."""
    failed = known = 0
    for entry in todo:
        text = fill(entry.get("duckdb") or entry["athena"])
        try:
            want, want_names = ask_duckdb(db, text)
        except duckdb.Error as error:
            print(f"BROKEN {entry['name']}: DuckDB: {str(error).splitlines()[0]}", flush=True)
            failed += 1
            continue
        if not want:
            print(f"BROKEN {entry['name']}: no row is expected, which proves nothing: use more --rows", flush=True)
            failed += 1
            continue
        if args.engine_only:
            print(f"{len(want):7} {entry['name']}  {want[0] if want else ''}"[:200])
            continue
        began = time.monotonic()
        try:
            got, got_names = ask_flow2pcap(args.binary, entry, fill, root)
            problem = compare(entry, got, got_names, want, want_names)
        except Refused as error:
            problem = f"refused: {error}"
        took = time.monotonic() - began
        word = "ok" if problem is None else "known" if "known" in entry else "DIFFERS"
        known, failed = known + (word == "known"), failed + (word == "DIFFERS")
        print(f"{word:8}{entry['name']:44}{len(want):7} rows {took:6.2f} s", flush=True)
        if problem:
            print(f"    {problem}" + (f"\n      known: {entry['known']}" if word == "known" else ""), flush=True)
    if not args.engine_only and not args.only:
        absent = listed(args.binary) - {e.get("named") for e in todo}
        if absent:
            print(f"DIFFERS named queries without a counterpart here: {', '.join(sorted(absent))}")
            failed += 1
    print(f"{len(todo)} queries, {failed} differ, {known} differ as known")
    return 1 if failed else 0


def run_export(args, db, root):
    """Compares the tables that `export` writes, all rows of the columns of AWS's DDL, by DuckDB itself."""
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        lake = pathlib.Path(scratch) / "lake"
        done = subprocess.run([args.binary, "export", str(root), "-o", str(lake), "--quiet"], capture_output=True, text=True)
        if done.returncode != 0:
            print(f"DIFFERS export: {done.stderr.strip()}")
            return 1
        for name, schema in (("vpc_flow_logs", archive.FLOW), ("alb_access_logs", archive.ALB), ("cloudtrail_logs", archive.TRAIL)):
            problem = compare_export(db, lake, name, [c for c in schema.names if c not in ("date", "day", "year", "month")])
            failed += problem is not None
            print(f"{'ok' if problem is None else 'DIFFERS':8}export {name}" + (f"\n    {problem}" if problem else ""), flush=True)
    return 1 if failed else 0


def compare_export(db, lake, name, columns):
    """What differs between a table of the lake and the rows of the archive, if anything."""
    try:
        source = f"read_parquet('{lake}/{name}/**/*.parquet', hive_partitioning = true, hive_types = {{'account': VARCHAR}})"
        have = {r[0] for r in db.execute(f"DESCRIBE FROM {source}").fetchall()}
        missing = [c for c in columns if c not in have]
        if missing:
            return f"columns are missing: {', '.join(missing)}"
        # Compared as text: a struct or a list then has one form, and types have been compared already.
        text = ", ".join(f'CAST("{c}" AS VARCHAR) AS "{c}"' for c in columns)
        for title, a, b in (("only export  ", source, name), ("only expected", name, source)):
            rows = db.execute(f"SELECT {text} FROM {a} EXCEPT ALL SELECT {text} FROM {b} LIMIT 1").fetchall()
            if rows:
                return f"{title} {rows[0]}"
    except duckdb.Error as error:
        return str(error).splitlines()[0]
    return None


if __name__ == "__main__":
    main()
