"""Converts an archive of flow logs on a Spark cluster, for the bytes that one run of flow2pcap writes.

    spark-submit flow2pcap_spark.py --binary flow2pcap --shards 16 --split hour /mnt/AWSLogs -o /mnt/out.pcapng

Three stages, each with one task for each run of flow2pcap:

1. `flow2pcap survey --shard i/n` writes what a run must know of the whole archive: the facts.
2. `flow2pcap convert --facts ... --shard i/n` writes the packets of a part of the connections.
3. `flow2pcap merge` puts the shards of a capture together. With --split hour or eni, every part is a task.

Spark runs a task again when its executor dies, and may run it twice at once (speculation). So each attempt
writes under a name of its own in a work folder beside OUT, and Spark counts one attempt. What the others
wrote is never read. At the end, the driver renames the merged captures to their names and removes the work
folder.

This is not a reader of flow logs. Nothing is shuffled: every run reads all inputs, and uses the records of
its own connections. docs/scale.md says what that costs. Needs Python 3.9 or later and Linux or macOS on all
machines; pyspark is the only package.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import ctypes
import functools
import io
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from pyspark import SparkConf, SparkContext, SparkFiles
from pyspark.find_spark_home import _find_spark_home

URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:/")
CAPTURE = re.compile(r".*\.pcapng(\.gz|\.zst)?")
# Before the message of a task, so that the driver finds it in what Spark reports.
MARK = "flow2pcap: "
NOTHING_MATCHES = 3

Item = TypeVar("Item")
Result = TypeVar("Result")


class TaskError(Exception):
    """A run of flow2pcap, or of Hadoop's shell, that failed. Spark runs its task again."""

    def __init__(self, message: str) -> None:
        super().__init__(MARK + message)


@dataclass(frozen=True)
class Folder:
    """A work folder that all machines reach under the same path: a local disk, NFS, EFS, /dbfs.

    Names are relative to the folder. Programs read and write in it, so nothing is copied.
    """

    path: str

    def create(self) -> None:
        """Creates the folder, which must be new."""
        os.makedirs(self.path)

    def place(self, name: str, scratch: str) -> str:
        """Returns the local path where a program writes what gets this name."""
        return os.path.join(self.path, name)

    def keep(self, local: str, name: str) -> None:
        """Stores what was written at a place under its name."""

    def fetch(self, name: str, scratch: str) -> str:
        """Returns the local path of what has this name."""
        return os.path.join(self.path, name)

    def publish(self, name: str, final: str) -> None:
        """Renames a file to its final path, in place of what is there. Only the driver does."""
        os.replace(os.path.join(self.path, name), final)

    def remove(self) -> None:
        """Removes the folder, also while an attempt that does not count still writes there."""
        shutil.rmtree(self.path, ignore_errors=True)


@dataclass(frozen=True)
class HadoopFolder:
    """A work folder in a file system that only Hadoop reaches: s3a://, hdfs://, abfss://, gs://.

    Executors copy files with Hadoop's shell, because Python has no way to the JVM there. The driver has one.
    """

    path: str
    # The configuration of the driver, which has what spark.hadoop.* says. It may hold credentials.
    configuration: str

    def create(self) -> None:
        """Creates the folder."""
        system, path = self._on_driver("")
        system.mkdirs(path)

    def place(self, name: str, scratch: str) -> str:
        """Returns the local path where a program writes what gets this name."""
        return os.path.join(scratch, name)

    def keep(self, local: str, name: str) -> None:
        """Stores what was written at a place under its name, which no other attempt has."""
        self._shell("-put", pathlib.Path(local).as_uri(), f"{self.path}/{name}")

    def fetch(self, name: str, scratch: str) -> str:
        """Returns the local path of a copy of what has this name."""
        local = os.path.join(scratch, uuid.uuid4().hex + "-" + os.path.basename(name))
        # Without a file of checksums beside the copy.
        self._shell("-get", f"{self.path}/{name}", pathlib.Path(local).as_uri())
        return local

    def publish(self, name: str, final: str) -> None:
        """Renames a file to its final path, in place of what is there. Only the driver does."""
        system, source = self._on_driver("/" + name)
        target = _hadoop_path(final)
        system.delete(target, False)
        if not system.rename(source, target):
            raise TaskError(f"cannot rename {self.path}/{name} to {final}")

    def remove(self) -> None:
        """Removes the folder."""
        system, path = self._on_driver("")
        system.delete(path, True)

    def _on_driver(self, name: str) -> tuple[Any, Any]:
        """Returns the file system and the path of a name, as objects of the driver's JVM."""
        path = _hadoop_path(self.path + name)
        return path.getFileSystem(SparkContext.getOrCreate()._jsc.hadoopConfiguration()), path

    def _shell(self, *arguments: str) -> None:
        """Runs a command of Hadoop's shell, `hadoop fs`, from what Spark itself has if need be."""
        with scratch_folder() as scratch:
            pathlib.Path(scratch, "core-site.xml").write_text(self.configuration, encoding="utf-8")
            command = [*_hadoop_command(scratch), *arguments]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if done.returncode != 0:
            raise TaskError(f"hadoop fs {shlex.join(arguments)} failed: {reason(done.stderr)}")


def _hadoop_path(uri: str) -> Any:
    """Returns a path of Hadoop in the driver's JVM."""
    jvm: Any = SparkContext.getOrCreate()._jvm
    return jvm.org.apache.hadoop.fs.Path(uri)


def _hadoop_command(folder: str) -> list[str]:
    """Returns the start of a command of Hadoop's shell, with the configuration in this folder."""
    if shutil.which("hadoop"):
        return ["hadoop", "fs", "-conf", os.path.join(folder, "core-site.xml")]
    home = os.environ.get("JAVA_HOME")
    java = os.path.join(home, "bin", "java") if home else "java"
    # Connectors that came with --packages are beside the files that Spark has brought.
    jars = [os.path.join(_find_spark_home(), "jars", "*"), os.path.join(files_root(), "*")]
    return [java, "-cp", os.pathsep.join([folder, *jars]), "org.apache.hadoop.fs.FsShell"]


@dataclass(frozen=True)
class Job:
    """What the tasks of a job have in common."""

    program: str  # the name under which Spark brings it to executors
    inputs: tuple[str, ...]
    options: tuple[str, ...]  # of survey and convert
    convert_options: tuple[str, ...]
    shards: int
    surveys: int
    split: str | None
    threads: int
    directory: str  # where relative paths begin
    name: str  # of the capture: out.pcapng
    work: Folder | HadoopFolder


@dataclass(frozen=True)
class Shard:
    """The attempt to convert a shard that Spark counts."""

    status: int
    folder: str  # its name in the work folder
    captures: tuple[str, ...]
    index: str | None  # with --split: its table of captures, CSV


@dataclass(frozen=True)
class Merged:
    """The attempt to merge a capture that Spark counts."""

    capture: str
    name: str  # in the work folder
    size: int  # bytes


def reason(text: str) -> str:
    """Returns the line of a program's messages that says why it failed."""
    lines = [line.strip() for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("at ")]  # where Java was
    errors = [line for line in lines if line.startswith("error:")]
    return (errors or lines or ["it said nothing"])[-1]


def files_root() -> str:
    """Returns the folder of this executor where Spark puts files, on the disk of spark.local.dir."""
    return os.path.abspath(SparkFiles.getRootDirectory())


@contextlib.contextmanager
def scratch_folder() -> Iterator[str]:
    """Yields a folder for temporary files, on the disk where Spark itself puts them."""
    with tempfile.TemporaryDirectory(prefix="flow2pcap-", dir=files_root()) as folder:
        yield folder


def _end_with_worker() -> None:
    """Lets Linux end this process when the Python that started it ends, as in a task that Spark kills."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def run(job: Job, scratch: str, arguments: Iterable[str]) -> int:
    """Runs flow2pcap. Returns its status: 0, 1 (--strict found something) or 3 (nothing matches)."""
    arguments = list(arguments)
    done = subprocess.run(
        [os.path.join(files_root(), job.program), *arguments],
        cwd=job.directory if os.path.isdir(job.directory) else scratch,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=_end_with_worker,
    )
    if done.returncode not in (0, 1, NOTHING_MATCHES):
        said = reason(done.stderr.decode("utf-8", "replace"))
        raise TaskError(f"{shlex.join(arguments[:3])} ended with status {done.returncode}: {said}")
    return done.returncode


def reading(job: Job, scratch: str) -> list[str]:
    """Returns the arguments that survey and convert share."""
    own = ["--quiet", "--temp-dir", scratch, "--threads", str(job.threads)]
    # A name that begins with a dash is a path too.
    return [*own, *job.options, "--", *job.inputs]


def survey(job: Job, number: int) -> str:
    """Surveys one shard. Returns the name of its facts."""
    with scratch_folder() as scratch:
        name = f"facts-{number}.{uuid.uuid4().hex}.json"
        local = job.work.place(name, scratch)
        run(job, scratch, ["survey", "--shard", f"{number}/{job.surveys}", "--facts", local, *reading(job, scratch)])
        job.work.keep(local, name)
        return name


def convert(job: Job, facts: list[str], number: int) -> Shard:
    """Converts one shard, into a folder of its own."""
    with scratch_folder() as scratch:
        name = f"shard-{number}.{uuid.uuid4().hex}"
        local = job.work.place(name, scratch)
        os.mkdir(local)
        own = ["convert", "--shard", f"{number}/{job.shards}", "-o", os.path.join(local, job.name)]
        if job.split:
            own += ["--split", job.split]
        for fact in facts:
            own += ["--facts", job.work.fetch(fact, scratch)]
        status = run(job, scratch, [*own, *job.convert_options, *reading(job, scratch)])
        shard = written(status, name, pathlib.Path(local))
        job.work.keep(local, name)
        return shard


def written(status: int, name: str, folder: pathlib.Path) -> Shard:
    """Returns what one run of convert has left in its folder."""
    captures = sorted(path.name for path in folder.iterdir() if CAPTURE.fullmatch(path.name))
    indexes = [path.read_text(encoding="utf-8") for path in folder.glob("*.csv")]
    return Shard(status, name, tuple(captures), indexes[0] if indexes else None)


def merge(job: Job, part: tuple[str, list[str]]) -> Merged:
    """Merges the shards of one capture."""
    capture, folders = part
    with scratch_folder() as scratch:
        # The end of the name says how to compress it.
        name = f"merged.{uuid.uuid4().hex}.{capture}"
        local = job.work.place(name, scratch)
        shards = [job.work.fetch(f"{folder}/{capture}", scratch) for folder in folders]
        run(job, scratch, ["merge", "-o", local, "--quiet", *shards])
        size = os.path.getsize(local)
        job.work.keep(local, name)
        return Merged(capture, name, size)


def parts_of(shards: Iterable[Shard]) -> list[tuple[str, list[str]]]:
    """Returns each capture with the folders of the shards that have packets for it, by name."""
    parts: dict[str, list[str]] = {}
    for shard in shards:
        for capture in shard.captures:
            parts.setdefault(capture, []).append(shard.folder)
    return sorted(parts.items())


def instant(text: str) -> tuple[str, str]:
    """Returns a time of the index so that it can be compared: 02:15:04Z is before 02:15:04.125Z."""
    seconds, _, fraction = text.rstrip("Z").partition(".")
    return seconds, fraction


def add_indexes(indexes: Iterable[str], sizes: dict[str, int]) -> str:
    """Adds up the tables of captures of all shards, for merged captures of these sizes in bytes.

    A connection is in one shard, so the connections of a capture are the sum too.
    """
    rows: dict[str, dict[str, str]] = {}
    columns: list[str] = []
    for index in indexes:
        table = csv.DictReader(io.StringIO(index))
        columns = list(table.fieldnames or columns)
        for row in table:
            before = rows.setdefault(row["file"], row)
            if before is not row:
                for column in ("packets", "bytes", "connections"):
                    before[column] = str(int(before[column]) + int(row[column]))
                before["first"] = min(before["first"], row["first"], key=instant)
                before["last"] = max(before["last"], row["last"], key=instant)
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for name in sorted(rows):
        writer.writerow({**rows[name], "file_bytes": sizes[name]})
    return text.getvalue()


def tasks(context: SparkContext, title: str, items: list[Item], task: Callable[[Item], Result]) -> list[Result]:
    """Runs a task for each item on the executors. Returns the results in the order of the items."""
    context.setJobDescription(f"flow2pcap {title}")
    return context.parallelize(items, len(items)).map(task).collect()


def write_index(job: Job, shards: Iterable[Shard], merged: list[Merged]) -> str:
    """Writes the table of all captures into the work folder. Returns its name there."""
    indexes = [shard.index for shard in shards if shard.index]
    text = add_indexes(indexes, {one.capture: one.size for one in merged})
    with scratch_folder() as scratch:
        local = job.work.place("index.csv", scratch)
        pathlib.Path(local).write_text(text, encoding="utf-8")
        job.work.keep(local, "index.csv")
    return "index.csv"


def convert_all(context: SparkContext, job: Job, folder: str) -> int:
    """Runs the stages, and puts the captures into `folder`. Returns the exit status."""
    surveys = list(range(1, job.surveys + 1))
    facts = tasks(context, "survey", surveys, functools.partial(survey, job))
    numbers = list(range(1, job.shards + 1))
    shards = tasks(context, "convert", numbers, functools.partial(convert, job, facts))
    parts = parts_of(shards)
    if any(shard.status == NOTHING_MATCHES for shard in shards) or not parts:
        print("error: no record matches the filter", file=sys.stderr)
        return NOTHING_MATCHES
    merged = tasks(context, "merge", parts, functools.partial(merge, job))
    published = {one.capture: one.name for one in merged}
    if job.split:
        published[job.name.rsplit(".pcapng", 1)[0] + ".csv"] = write_index(job, shards, merged)
    for name, written_as in sorted(published.items()):
        job.work.publish(written_as, f"{folder}/{name}")
    what = "1 capture" if len(merged) == 1 else f"{len(merged)} captures"
    print(f"output       {folder}/{job.name}, {what} of {job.shards} shards", file=sys.stderr)
    return max(shard.status for shard in shards)


def options_of(text: str) -> tuple[str, ...]:
    """Divides options as a shell does."""
    return tuple(shlex.split(text))


def positive(text: str) -> int:
    """Reads a number of shards."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def arguments(given: list[str]) -> argparse.Namespace:
    """Reads the command line, and ends the program with a message if it is not right."""
    parser = argparse.ArgumentParser(
        prog="flow2pcap_spark.py",
        description="Converts flow logs on a Spark cluster, for the bytes that one run of flow2pcap writes.",
    )
    parser.add_argument("inputs", nargs="*", metavar="INPUT", help="file, folder or URL that every executor reads")
    parser.add_argument(
        "-o", "--output", required=True, metavar="OUT",
        help="capture, .pcapng, optionally with .gz or .zst, in a folder that all machines share or at a URI of Hadoop",
    )
    parser.add_argument("--binary", default="flow2pcap", help="the program; Spark copies it to the executors")
    parser.add_argument("--shards", type=positive, required=True, help="number of runs that share the conversion")
    parser.add_argument("--surveys", type=positive, help="number of runs that share the survey [default: --shards]")
    parser.add_argument("--split", choices=["hour", "eni"], help="write one capture for each hour or ENI, and an index")
    parser.add_argument(
        "--options", type=options_of, default=(), metavar="OPTIONS",
        help="options of survey and convert, in one argument: --options='--from 2026-03-14 --events frames'",
    )
    parser.add_argument(
        "--convert-options", type=options_of, default=(), metavar="OPTIONS",
        help="options of convert alone, in one argument: --convert-options='--detail control'",
    )
    found = parser.parse_args(given)
    if not CAPTURE.fullmatch(os.path.basename(found.output)):
        parser.error("OUT must end in .pcapng, .pcapng.gz or .pcapng.zst")
    if "-" in found.inputs:
        parser.error("standard input cannot be read by several runs")
    if not found.inputs and "--paths-from" not in found.options:
        parser.error("no INPUT, and no --paths-from in --options")
    return found


def program_file(binary: str) -> str:
    """Returns the path or URI from which Spark copies the program."""
    if URI.match(binary):
        return binary
    path = shutil.which(binary)
    if path is None:
        raise TaskError(f"{binary} is not a program on the driver")
    return os.path.abspath(path)


def work_folder(context: SparkContext, folder: str, name: str) -> Folder | HadoopFolder:
    """Returns the work folder of this job, beside its output."""
    path = f"{folder}/.{name}.{context.applicationId}"
    if not URI.match(folder):
        return Folder(path)
    jvm: Any = context._jvm
    text = jvm.java.io.StringWriter()
    context._jsc.hadoopConfiguration().writeXml(text)
    return HadoopFolder(path, text.toString())


def job_of(context: SparkContext, found: argparse.Namespace, folder: str) -> Job:
    """Returns the job of a command line, and lets Spark copy the program."""
    program = program_file(found.binary)
    context.addFile(program)
    name = os.path.basename(found.output)
    return Job(
        program=os.path.basename(program),
        inputs=tuple(found.inputs),
        options=found.options,
        convert_options=found.convert_options,
        shards=found.shards,
        surveys=found.surveys or found.shards,
        split=found.split,
        threads=int(context.getConf().get("spark.task.cpus", "1")),
        directory=os.getcwd(),
        name=name,
        work=work_folder(context, folder, name),
    )


def message_of(error: Exception) -> str | None:
    """Returns the message of a task that failed, out of what Spark reports, or none."""
    found = re.findall(re.escape(MARK) + r"(.*)", str(error))
    return found[0] if found else None


@contextlib.contextmanager
def spark() -> Iterator[SparkContext]:
    """Yields Spark's context. Stops it if this program has started it: notebooks and Glue have their own."""
    before = SparkContext._active_spark_context
    context = before or SparkContext(conf=SparkConf().setAppName("flow2pcap"))
    try:
        yield context
    finally:
        if before is None:
            context.stop()


def run_job(context: SparkContext, found: argparse.Namespace) -> int:
    """Runs the job of a command line. Returns the exit status."""
    output = found.output if URI.match(found.output) else os.path.abspath(found.output)
    folder = os.path.dirname(output)
    try:
        job = job_of(context, found, folder)
        job.work.create()
        try:
            return convert_all(context, job, folder)
        finally:
            job.work.remove()
    except Exception as error:
        message = str(error) if isinstance(error, OSError) else message_of(error)
        if message is None:
            raise
        print(f"error: {message}", file=sys.stderr)
        return 2


def main(given: list[str]) -> int:
    """Runs the program. Returns the exit status of flow2pcap: 0, 1, 2 or 3."""
    found = arguments(given)
    with spark() as context:
        return run_job(context, found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
