#!/usr/bin/env python3
"""Seconds of flow2pcap and of DuckDB for the same work over the same flow logs.

What is timed, each in a process of its own, two threads each, alternating, medians of three:

  queries  AWS's sixteen named queries of VPC flow logs (TopTalkers and so on), one after another;
           seconds are the sum of the sixteen. DuckDB reads the text with read_csv.
  export   the archive as Parquet with ZSTD, all columns: `flow2pcap export` and
           COPY (SELECT … FROM read_csv …) TO … (FORMAT parquet, COMPRESSION zstd).

What is not: correctness (tests/lake/differential.py), or the start of a server. Both engines start
anew for each query, as at a prompt, and read everything each time, as Athena does.

    compare.py target/release/flow2pcap ARCHIVE [--runs 3] [--only queries|export] [--query NAME]

ARCHIVE is a folder of version 5 text, plain (.log) or compressed (.log.gz); give it twice, once for
each form. `examples/generate --tree` makes one. Prints a table, and for each query both seconds.
Run it on a machine with nothing else to do. Needs Python 3.11 and duckdb.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

COLUMNS = {
    "version": "INTEGER", "account_id": "VARCHAR", "interface_id": "VARCHAR", "srcaddr": "VARCHAR", "dstaddr": "VARCHAR",
    "srcport": "INTEGER", "dstport": "INTEGER", "protocol": "BIGINT", "packets": "BIGINT", "bytes": "BIGINT",
    "start": "BIGINT", "end": "BIGINT", "action": "VARCHAR", "log_status": "VARCHAR", "vpc_id": "VARCHAR",
    "subnet_id": "VARCHAR", "instance_id": "VARCHAR", "tcp_flags": "INTEGER", "type": "VARCHAR", "pkt_srcaddr": "VARCHAR",
    "pkt_dstaddr": "VARCHAR", "region": "VARCHAR", "az_id": "VARCHAR", "sublocation_type": "VARCHAR", "sublocation_id": "VARCHAR",
    "pkt_src_aws_service": "VARCHAR", "pkt_dst_aws_service": "VARCHAR", "flow_direction": "VARCHAR", "traffic_path": "INTEGER",
}  # fmt: skip
ADMIN = "(8080, 8443, 8888, 9090, 9443, 10000)"
# The sixteen of https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-athena.html, for DuckDB.
# nullstr '-' makes `-` NULL, so that conditions on '-' are IS NOT NULL here.
QUERIES = {
    "accepted-traffic": "SELECT srcaddr, dstaddr, dstport, count(*) AS records, sum(packets) AS packets, sum(bytes) AS b FROM logs WHERE action = 'ACCEPT' AND protocol = 6 GROUP BY 1, 2, 3 ORDER BY b DESC LIMIT 50",
    "admin-port-traffic": f"SELECT ip, sum(bytes) AS b FROM (SELECT dstaddr AS ip, bytes FROM logs WHERE dstport IN {ADMIN} UNION ALL SELECT srcaddr, bytes FROM logs WHERE srcport IN {ADMIN}) GROUP BY ip ORDER BY b DESC LIMIT 10",
    "ipv4-traffic": "SELECT sum(bytes) FROM logs WHERE srcaddr LIKE '%.%'",
    "ipv6-traffic": "SELECT sum(bytes) FROM logs WHERE srcaddr LIKE '%:%'",
    "rejected-tcp-traffic": "SELECT srcaddr, dstaddr, dstport, count(*) AS records, sum(packets) FROM logs WHERE action = 'REJECT' AND protocol = 6 GROUP BY 1, 2, 3 ORDER BY records DESC LIMIT 50",
    "rejected-traffic": "SELECT srcaddr, dstaddr, protocol, count(*) AS records, sum(packets) FROM logs WHERE action = 'REJECT' GROUP BY 1, 2, 3 ORDER BY records DESC LIMIT 25",
    "ssh-rdp-traffic": "SELECT to_timestamp(start), interface_id, srcaddr, srcport, dstaddr, dstport, packets, bytes, action FROM logs WHERE srcport IN (22, 3389) OR dstport IN (22, 3389) ORDER BY start LIMIT 50",
    "top-talkers": "SELECT ip, sum(bytes) AS b FROM (SELECT dstaddr AS ip, bytes FROM logs UNION ALL SELECT srcaddr, bytes FROM logs) WHERE ip IS NOT NULL GROUP BY ip ORDER BY b DESC LIMIT 50",
    "top-talkers-packet-level": "SELECT ip, sum(bytes) AS b FROM (SELECT pkt_dstaddr AS ip, bytes FROM logs UNION ALL SELECT pkt_srcaddr, bytes FROM logs) WHERE ip IS NOT NULL GROUP BY ip ORDER BY b DESC LIMIT 50",
    "top-talking-instances": "SELECT instance_id, sum(bytes) AS b FROM logs WHERE instance_id IS NOT NULL GROUP BY 1 ORDER BY b DESC LIMIT 50",
    "top-talking-subnets": "SELECT subnet_id, sum(bytes) AS b FROM logs WHERE subnet_id IS NOT NULL GROUP BY 1 ORDER BY b DESC LIMIT 50",
    "top-tcp-traffic": "SELECT srcaddr, sum(packets), sum(bytes) AS b FROM logs WHERE protocol = 6 GROUP BY 1 ORDER BY b DESC LIMIT 50",
    "total-bytes-transferred": "SELECT srcaddr, dstaddr, sum(bytes) AS b FROM logs WHERE srcaddr IS NOT NULL GROUP BY 1, 2 ORDER BY b DESC LIMIT 50",
    "total-bytes-transferred-packet-level": "SELECT pkt_srcaddr, pkt_dstaddr, sum(bytes) AS b FROM logs WHERE pkt_srcaddr IS NOT NULL GROUP BY 1, 2 ORDER BY b DESC LIMIT 50",
    "traffic-frm-src-addr": "SELECT to_timestamp(start), interface_id, srcaddr, srcport, dstaddr, dstport, protocol, packets, bytes, action FROM logs WHERE srcaddr = '{source}' ORDER BY start LIMIT 100",
    "traffic-to-dst-addr": "SELECT to_timestamp(start), interface_id, srcaddr, srcport, dstaddr, dstport, protocol, packets, bytes, action FROM logs WHERE dstaddr = '{target}' ORDER BY start LIMIT 100",
}
PARAMETERS = {"traffic-frm-src-addr": "source", "traffic-to-dst-addr": "target"}
THREADS = 2


def source_of(files):
    """read_csv of DuckDB over the archive, with the types given, so that nothing is guessed."""
    columns = ", ".join(f"'{n}': '{t}'" for n, t in COLUMNS.items())
    listing = ", ".join(f"'{f}'" for f in files)
    return f"read_csv([{listing}], delim = ' ', header = true, nullstr = '-', auto_detect = false, columns = {{{columns}}})"


def duckdb_process(statement):
    """Seconds of a new Python process that runs one statement and fetches its rows; the import is not counted."""
    code = (
        "import duckdb, sys, time\n"
        "text = sys.stdin.read()\n"
        "began = time.perf_counter()\n"
        "db = duckdb.connect()\n"
        f"db.execute('SET threads = {THREADS}; SET enable_progress_bar = false')\n"
        "rows = db.execute(text).fetchall()\n"
        "print(time.perf_counter() - began, len(rows))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=statement, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("DuckDB: " + done.stderr.strip().splitlines()[-1])
    seconds, rows = done.stdout.split()
    return float(seconds), int(rows)


def flow2pcap_process(arguments):
    """Seconds of a whole process of flow2pcap, and the lines that it printed."""
    began = time.perf_counter()
    done = subprocess.run(arguments, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode != 0:
        sys.exit("flow2pcap: " + done.stderr.strip())
    return seconds, done.stdout.count("\n")


def busiest(source):
    """The addresses that the two queries with a parameter ask for."""
    import duckdb

    db = duckdb.connect()
    db.execute(f"SET threads = {THREADS}")
    return {
        "source": db.execute(f"SELECT srcaddr FROM {source} WHERE srcaddr IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1").fetchone()[0],
        "target": db.execute(f"SELECT dstaddr FROM {source} WHERE dstaddr IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1").fetchone()[0],
    }


def bench_queries(args, source):
    """Times the queries; returns the total seconds of both."""
    addresses = busiest(source)
    totals = [0.0, 0.0]
    print(f"{'query':40}{'flow2pcap':>10}{'DuckDB':>10}{'ratio':>8}")
    for name, text in QUERIES.items():
        if args.query and args.query != name:
            continue
        ours, theirs = [], []
        command = [args.binary, "query", name, str(args.archive), "--format", "csv", "--threads", str(THREADS)]
        if name in PARAMETERS:
            command += ["--set", f"address={addresses[PARAMETERS[name]]}"]
        statement = f"WITH logs AS (SELECT * FROM {source}) " + text.replace("{source}", addresses["source"]).replace("{target}", addresses["target"])
        for _ in range(args.runs):
            seconds, lines = flow2pcap_process(command)
            ours.append(seconds)
            seconds, rows = duckdb_process(statement)
            theirs.append(seconds)
            if lines - 1 != rows:
                sys.exit(f"{name}: flow2pcap gave {lines - 1} rows, DuckDB {rows}")
        a, b = statistics.median(ours), statistics.median(theirs)
        totals[0], totals[1] = totals[0] + a, totals[1] + b
        print(f"{name:40}{a:10.2f}{b:10.2f}{b / a:8.2f}", flush=True)
    print(f"{'all':40}{totals[0]:10.2f}{totals[1]:10.2f}{totals[1] / totals[0]:8.2f}")


def bench_export(args, source):
    """Times the writing of Parquet, into a folder that is removed after each run."""
    ours, theirs, sizes = [], [], [0, 0]
    for _ in range(args.runs):
        with tempfile.TemporaryDirectory(dir=args.scratch) as scratch:
            lake = pathlib.Path(scratch) / "lake"
            seconds, _ = flow2pcap_process([args.binary, "export", str(args.archive), "--table", "vpc_flow_logs", "-o", str(lake), "--threads", str(THREADS)])
            ours.append(seconds)
            sizes[0] = sum(f.stat().st_size for f in lake.rglob("*.parquet"))
            shutil.rmtree(lake)
            file = pathlib.Path(scratch) / "all.parquet"
            seconds, _ = duckdb_process(f"COPY (SELECT * FROM {source}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)")
            theirs.append(seconds)
            sizes[1] = file.stat().st_size
    a, b = statistics.median(ours), statistics.median(theirs)
    print(f"{'export to Parquet with ZSTD':40}{a:10.2f}{b:10.2f}{b / a:8.2f}   {sizes[0] / 1e6:.1f} MB and {sizes[1] / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("archive", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", choices=("queries", "export"))
    parser.add_argument("--query", choices=tuple(QUERIES), help="one query only")
    parser.add_argument("--scratch", help="folder for the Parquet files (default: the system's)")
    args = parser.parse_args()
    files = sorted(str(f) for f in args.archive.rglob("*") if f.name.endswith((".log", ".log.gz")))
    if not files:
        sys.exit(f"no .log or .log.gz under {args.archive}")
    size = sum(os.path.getsize(f) for f in files)
    print(f"{len(files)} files, {size / 1e6:.0f} MB ({'compressed' if files[0].endswith('gz') else 'text'}), {THREADS} threads, medians of {args.runs}, seconds")
    source = source_of(files)
    if args.only != "export":
        bench_queries(args, source)
    if args.only != "queries":
        bench_export(args, source)


if __name__ == "__main__":
    main()
