"""Reads what `flow2pcap export` wrote with the programs that people read it with.

    python3 tests/lake/read_back.py FLOW2PCAP INPUT...

Exports the inputs in each form, reads the folder with DuckDB, pyarrow, DataFusion and Spark, and compares
the rows, packets and bytes of each action with sums made here from the text itself. Needs the packages
duckdb, pyarrow and datafusion. Spark is left out where pyspark or Java is missing. The inputs are flow logs as text, with header lines; other logs beside
them are only counted by the readers, which must agree. Exit status 1 if something differs.
"""

import collections
import functools
import gzip
import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import datafusion
import duckdb
import pyarrow
import pyarrow.compute
import pyarrow.dataset
import pyarrow.ipc
import pyarrow.parquet

FLOW_LOGS = "vpc_flow_logs"


def texts(inputs):
    """Yields the text of each file of flow logs."""
    for name in inputs:
        path = pathlib.Path(name)
        paths = sorted(path.rglob("*")) if path.is_dir() else [path]
        for path in paths:
            if not path.is_file():
                continue
            data = path.read_bytes()
            if data[:2] == b"\x1f\x8b":
                data = gzip.decompress(data)
            text = data.decode()
            if "srcaddr" in text.partition("\n")[0].split():
                yield text


def expected(inputs):
    """Sums of the text: by action, rows, packets and bytes."""
    sums = collections.defaultdict(lambda: [0, 0, 0])
    for text in texts(inputs):
        lines = text.splitlines()
        names = lines[0].split()
        for line in lines[1:]:
            row = dict(zip(names, line.split()))
            if not row or row.get("srcaddr") == "srcaddr":
                continue
            number = lambda name: int(row[name]) if row.get(name, "-") != "-" else 0
            action = row.get("action", "-")
            of = sums[action]
            of[0] += 1
            of[1] += number("packets")
            of[2] += number("bytes")
    return {action: tuple(of) for action, of in sums.items()}


SQL = """SELECT action, count(*), coalesce(sum(packets), 0), coalesce(sum(bytes), 0)
         FROM {} GROUP BY action"""


def as_sums(rows):
    return {action: (int(n), int(packets), int(size)) for action, n, packets, size in rows}


def by_duckdb(lake, form):
    function = {"parquet": "read_parquet", "csv": "read_csv", "jsonl": "read_json"}[form]
    files = f"{lake}/{FLOW_LOGS}/**/*.{form}*"
    table = f"{function}('{files}', hive_partitioning = true)"
    return as_sums(duckdb.sql(SQL.format(table)).fetchall())


def by_pyarrow(lake, form):
    """Sums without SQL, of the data set as pandas would read it."""
    kind = {"parquet": "parquet", "csv": "csv", "arrow": "arrow", "jsonl": "json"}[form]
    if kind == "json":
        return None
    data = pyarrow.dataset.dataset(f"{lake}/{FLOW_LOGS}", format=kind, partitioning="hive")
    table = data.to_table(columns=["action", "packets", "bytes"])
    if kind == "csv":
        # An empty cell of text is not null there.
        none = pyarrow.compute.equal(table["action"], "")
        action = pyarrow.compute.if_else(none, pyarrow.scalar(None, pyarrow.string()), table["action"])
        table = table.set_column(0, "action", action)
    sums = table.group_by("action").aggregate([([], "count_all"), ("packets", "sum"), ("bytes", "sum")])
    rows = sums.to_pylist()
    names = ("action", "count_all", "packets_sum", "bytes_sum")
    return as_sums(tuple(row[name] or (0 if name != "action" else None) for name in names) for row in rows)


def by_datafusion(lake, form):
    if form != "parquet":
        return None
    context = datafusion.SessionContext()
    context.register_parquet(
        "logs",
        f"{lake}/{FLOW_LOGS}/",
        table_partition_cols=[(name, pyarrow.string()) for name in partitions(lake)],
    )
    rows = []
    for batch in context.sql(SQL.format("logs")).collect():
        rows += zip(*[column.to_pylist() for column in batch.columns])
    return as_sums(rows)


def by_spark(lake, form):
    session = spark_session()
    if session is None or form == "arrow":
        return None
    folder = f"{lake}/{FLOW_LOGS}"
    read = session.read
    table = {
        "parquet": lambda: read.parquet(folder),
        "csv": lambda: read.csv(folder, header=True, inferSchema=True),
        "jsonl": lambda: read.json(folder),
    }[form]()
    table.createOrReplaceTempView("logs")
    return as_sums(tuple(row) for row in session.sql(SQL.format("logs")).collect())


@functools.cache
def spark_session():
    """A session in this process and two threads, or None where Spark cannot run."""
    if importlib.util.find_spec("pyspark") is None or shutil.which("java") is None:
        print("Spark: NOT CHECKED: needs pyspark from PyPI and a Java runtime")
        return None
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("read_back")
    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
    }
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def partitions(lake):
    """The names of the partition columns."""
    path = next(pathlib.Path(lake, FLOW_LOGS).rglob("*.parquet"))
    folders = path.relative_to(pathlib.Path(lake, FLOW_LOGS)).parts[:-1]
    return [folder.partition("=")[0] for folder in folders]


def rows_of_tables(lake):
    """Rows of every table, as DuckDB and pyarrow count them; they must agree."""
    counts = {}
    for folder in sorted(path for path in pathlib.Path(lake).iterdir() if path.is_dir()):
        by_pyarrow = pyarrow.dataset.dataset(folder, partitioning="hive").count_rows()
        counted = f"SELECT count(*) FROM read_parquet('{folder}/**/*.parquet')"
        by_duckdb = duckdb.sql(counted).fetchall()[0][0]
        assert by_pyarrow == by_duckdb, (folder.name, by_pyarrow, by_duckdb)
        counts[folder.name] = by_pyarrow
    return counts


def check_dates(lake):
    """Every row of a day's folder begins near that day: it is the day of the delivery."""
    files = f"{lake}/{FLOW_LOGS}/**/*.parquet"
    wrong = duckdb.sql(
        f"""SELECT count(*) FROM read_parquet('{files}', hive_partitioning = true)
            WHERE abs(date_diff('day', CAST(make_timestamp(start * 1000000) AS DATE), CAST(date AS DATE))) > 1"""
    ).fetchall()[0][0]
    assert wrong == 0, f"{wrong} rows in the folder of another day"


def check_order(lake):
    """Row groups are in order of time, and their statistics are exact."""
    for path in pathlib.Path(lake, FLOW_LOGS).rglob("*.parquet"):
        file = pyarrow.parquet.ParquetFile(path)
        latest = None
        for index in range(file.num_row_groups):
            group = file.metadata.row_group(index)
            names = [group.column(at).path_in_schema for at in range(group.num_columns)]
            for at, name in enumerate(names):
                values = file.read_row_group(index, columns=[name]).column(0)
                bounds = pyarrow.compute.min_max(values).as_py()
                found = group.column(at).statistics
                assert found.null_count == values.null_count, (path, name)
                if bounds["min"] is not None and found.has_min_max:
                    assert (found.min, found.max) == (bounds["min"], bounds["max"]), (path, name)
            start = file.read_row_group(index, columns=["start"]).column(0).drop_null().to_pylist()
            assert start == sorted(start), path
            assert latest is None or not start or latest <= start[0], path
            latest = start[-1] if start else latest


def main():
    program, *inputs = sys.argv[1:]
    want = expected(inputs)
    assert want, "the inputs have no flow log"
    forms = [
        ("parquet", []),
        ("parquet", ["--layout", "aws", "--compression", "snappy"]),
        ("parquet", ["--compression", "gzip"]),
        ("parquet", ["--compression", "none"]),
        ("csv", []),
        ("jsonl", ["--compression", "gzip"]),
        ("arrow", []),
    ]
    for form, options in forms:
        with tempfile.TemporaryDirectory() as folder:
            lake = os.path.join(folder, "lake")
            command = [program, "export", "--quiet", "--format", form, *options, "-o", lake, *inputs]
            subprocess.run(command, check=True)
            read = []
            for by in (by_duckdb, by_pyarrow, by_datafusion, by_spark):
                found = by(lake, form) if not (form == "arrow" and by is by_duckdb) else None
                if found is None:
                    continue
                assert found == want, f"{form} {options}, {by.__name__}: {found} instead of {want}"
                read.append(by.__name__.removeprefix("by_"))
            if form == "parquet":
                check_order(lake)
                counts = rows_of_tables(lake)
                if not options:
                    check_dates(lake)
            print(f"{form} {' '.join(options)}: {', '.join(read)} agree with the text")
    print(f"rows: {counts}; sums of rows, packets and bytes: {want}")


main()
