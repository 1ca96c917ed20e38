"""Tests of flow2pcap_spark.py, with real executors.

    python3 -B integrations/spark/test_flow2pcap_spark.py FLOW2PCAP ARCHIVE

FLOW2PCAP is the program, ARCHIVE a generated archive of several hours. Needs pyspark and Java. The tests of the cluster
start executors as processes of their own (`local-cluster`), and compare the captures with those of one run.
"""

from __future__ import annotations

import contextlib
import io
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
import unittest.mock

from pyspark import SparkFiles

import flow2pcap_spark as job_file
from flow2pcap_spark import Folder, Job

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
SCRIPT = HERE / "flow2pcap_spark.py"
INCIDENT = ("testdata/incident", "testdata/bucket")

# A program that runs flow2pcap. In the first run with these words among its arguments, it then cuts what was written
# in half, and kills the executor that started it: for Spark the task is lost, and half of its output is there.
KILLER = """#!{python}
import os, pathlib, signal, subprocess, sys

def executor():
    process = os.getpid()
    while process > 1:
        command = pathlib.Path(f"/proc/{{process}}/cmdline").read_bytes()
        if b"CoarseGrainedExecutorBackend" in command:
            return process
        process = int(pathlib.Path(f"/proc/{{process}}/stat").read_text().rsplit(")", 1)[1].split()[1])
    sys.exit("no executor started this")

status = subprocess.run([{program!r}, *sys.argv[1:]]).returncode
if set({words!r}) <= set(sys.argv):
    try:
        os.close(os.open({flag!r}, os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        sys.exit(status)
    output = pathlib.Path(sys.argv[sys.argv.index("-o") + 1])
    for path in output.parent.glob(output.name.split(".pcapng")[0] + "*"):
        os.truncate(path, path.stat().st_size // 2)
    os.kill(executor(), signal.SIGKILL)
sys.exit(status)
"""


def contents(folder: pathlib.Path) -> dict[str, bytes]:
    """Returns the bytes of all files in a folder by their names."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Case(unittest.TestCase):
    """A test with a folder for temporary files."""

    program: str
    archive: str

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="flow2pcap-test-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def one_run(self, *arguments: str) -> dict[str, bytes]:
        """Returns what one run of convert writes."""
        folder = self.folder / "one"
        folder.mkdir()
        command = [self.program, "convert", "--quiet", *arguments, "-o", str(folder / "out.pcapng")]
        subprocess.run(command, cwd=TOP, check=True)
        return contents(folder)


class Arguments(unittest.TestCase):
    """The command line of the job."""

    def refused(self, *given: str) -> str:
        """Returns the message for a command line that is not right."""
        with contextlib.redirect_stderr(io.StringIO()) as said, self.assertRaises(SystemExit) as end:
            job_file.arguments(list(given))
        self.assertEqual(end.exception.code, 2)
        return said.getvalue()

    def test_options_are_divided_as_in_a_shell(self) -> None:
        given = ["--shards", "4", "--options=--filter 'port 443' --strict", "logs", "-o", "a.pcapng.zst"]
        found = job_file.arguments(given)
        self.assertEqual(found.options, ("--filter", "port 443", "--strict"))
        self.assertEqual((found.inputs, found.shards, found.surveys), (["logs"], 4, None))

    def test_what_cannot_work_is_refused(self) -> None:
        self.assertIn("OUT must end in .pcapng", self.refused("--shards", "4", "logs", "-o", "out.pcap"))
        self.assertIn("standard input", self.refused("--shards", "4", "-o", "out.pcapng", "-"))
        self.assertIn("no INPUT", self.refused("--shards", "4", "-o", "out.pcapng"))
        self.assertIn("--shards", self.refused("--shards", "0", "logs", "-o", "out.pcapng"))
        self.assertIn("--split", self.refused("--shards", "4", "--split", "size=1MB", "logs", "-o", "out.pcapng"))


class Indexes(unittest.TestCase):
    """The table of captures."""

    def test_rows_of_shards_add_up(self) -> None:
        head = "file,packets,bytes,file_bytes,first,last,connections\n"
        one = head + "a.pcapng,2,90,500,2026-03-14T02:15:04Z,2026-03-14T02:16:00.5Z,1\n"
        other = (
            head
            + "a.pcapng,3,120,600,2026-03-14T02:15:04.125Z,2026-03-14T02:16:00.25Z,2\n"
            + "b.pcapng,1,40,300,2026-03-14T03:00:00Z,2026-03-14T03:00:00Z,1\n"
        )
        self.assertEqual(
            job_file.add_indexes([other, one, head], {"a.pcapng": 1000, "b.pcapng": 300}),
            head
            + "a.pcapng,5,210,1000,2026-03-14T02:15:04Z,2026-03-14T02:16:00.5Z,3\n"
            + "b.pcapng,1,40,300,2026-03-14T03:00:00Z,2026-03-14T03:00:00Z,1\n",
        )


class Attempts(Case):
    """What a task leaves behind."""

    def job(self) -> Job:
        """Returns a job whose tasks run in this process, as on a worker."""
        files = self.folder / "files"
        files.mkdir()
        (files / "flow2pcap").symlink_to(os.path.abspath(self.program))
        worker = unittest.mock.patch.multiple(SparkFiles, _root_directory=str(files), _is_running_on_worker=True)
        worker.start()
        self.addCleanup(worker.stop)
        work = Folder(str(self.folder / "work"))
        work.create()
        return Job("flow2pcap", INCIDENT, (), (), 2, 1, None, 1, str(TOP), "out.pcapng", work)

    def test_two_attempts_of_a_shard_are_whole_and_apart(self) -> None:
        job = self.job()
        facts = [job_file.survey(job, 1)]
        attempts = [job_file.convert(job, facts, 1), job_file.convert(job, facts, 1)]
        self.assertNotEqual(attempts[0].folder, attempts[1].folder)
        captures = [contents(self.folder / "work" / attempt.folder) for attempt in attempts]
        self.assertEqual(captures[0], captures[1])
        self.assertEqual(list(captures[0]), ["out.pcapng"])
        other = job_file.convert(job, facts, 2)
        for attempt in attempts:
            [part] = job_file.parts_of([other, attempt])
            merged = job_file.merge(job, part)
            job.work.publish(merged.name, str(self.folder / "out.pcapng"))
            self.assertEqual((self.folder / "out.pcapng").read_bytes(), self.whole())
        self.assertEqual(list((self.folder / "files").glob("flow2pcap-*")), [])

    def whole(self) -> bytes:
        """Returns the capture of one run."""
        if not (self.folder / "one").exists():
            self.one_run(*INCIDENT)
        return (self.folder / "one" / "out.pcapng").read_bytes()

    def test_error_of_the_program_is_that_of_the_task(self) -> None:
        job = self.job()
        with self.assertRaises(job_file.TaskError) as raised:
            job_file.convert(job, ["none.json"], 1)
        message = job_file.message_of(raised.exception)
        self.assertRegex(message, r"^convert --shard 1/2 ended with status 2: error: cannot open .*none\.json")


class Cluster(Case):
    """Whole jobs."""

    def submit(
        self, master: str, program: str, *arguments: str, output: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Runs spark-submit, into the folder `out`."""
        (self.folder / "out").mkdir(exist_ok=True)
        temporary = self.folder / "temporary"
        temporary.mkdir()
        output = output or str(self.folder / "out" / "out.pcapng")
        settings = ["spark.ui.enabled=false", "spark.executor.memory=700m", f"spark.local.dir={temporary}"]
        options = [word for setting in settings for word in ("--conf", setting)]
        environment = {
            **os.environ,
            "PATH": f"{pathlib.Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYSPARK_PYTHON": sys.executable,
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_WORKER_DIR": str(self.folder / "workers"),
        }
        command = ["spark-submit", "--master", master, *options, str(SCRIPT), "--binary", program]
        command += [*arguments, "-o", output]
        # Spark writes what the job says to its own standard output.
        return subprocess.run(
            command, cwd=TOP, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=500
        )

    def cluster(self, program: str, *arguments: str, output: str | None = None) -> str:
        """Runs a job on two executors, which must succeed. Returns what Spark logged."""
        done = self.submit("local-cluster[2,1,700]", program, "--shards", "4", *arguments, output=output)
        self.assertEqual(done.returncode, 0, done.stdout[-8000:])
        return done.stdout

    def killer(self, *words: str) -> str:
        """Returns a program that kills an executor once."""
        path = self.folder / "killer"
        program = os.path.abspath(self.program)
        flag = str(self.folder / "killed")
        path.write_text(KILLER.format(python=sys.executable, program=program, words=words, flag=flag))
        path.chmod(0o755)
        return str(path)

    def assert_killed(self, log: str) -> None:
        """Asserts that the executor was killed, and that Spark saw it."""
        self.assertTrue((self.folder / "killed").exists())
        self.assertRegex(log, r"Lost executor \d+ on ")

    def assert_same(self, whole: dict[str, bytes]) -> None:
        """Asserts that the job has left what one run has written, and nothing else."""
        found = contents(self.folder / "out")
        self.assertEqual(sorted(found), sorted(whole))
        for name, capture in whole.items():
            self.assertTrue(found[name] == capture, name)
        self.assertEqual([path for path in (self.folder / "out").iterdir() if path.is_dir()], [])

    def test_hours_of_testdata_are_those_of_one_run(self) -> None:
        whole = self.one_run(*INCIDENT, "--split", "hour", "--events", "frames")
        self.assertGreater(len(whole), 2)
        self.cluster(self.program, "--split", "hour", "--options=--events frames", *INCIDENT)
        self.assert_same(whole)

    def test_executor_killed_while_it_converts_changes_nothing(self) -> None:
        whole = self.one_run(self.archive, "--split", "hour", "--detail", "control")
        self.assertGreater(len(whole), 2)
        own = ["--split", "hour", "--convert-options=--detail control", self.archive]
        log = self.cluster(self.killer("convert", "2/4"), *own)
        self.assert_killed(log)
        self.assert_same(whole)

    def test_executor_killed_while_it_merges_to_a_hadoop_file_system_changes_nothing(self) -> None:
        whole = self.one_run(self.archive)
        output = (self.folder / "out" / "out.pcapng").as_uri()
        log = self.cluster(self.killer("merge"), "--surveys", "1", self.archive, output=output)
        self.assert_killed(log)
        for path in (self.folder / "out").glob(".*.crc"):
            path.unlink()  # Hadoop's checksums
        self.assert_same(whole)

    def test_nothing_is_left_when_nothing_matches_or_a_run_fails(self) -> None:
        done = self.submit("local[2]", self.program, "--shards", "2", "--options=--port 1", *INCIDENT)
        self.assertEqual(done.returncode, 3, done.stdout[-8000:])
        self.assertIn("error: no record matches the filter", done.stdout)
        self.assert_same({})
        (self.folder / "temporary").rmdir()
        done = self.submit("local[2]", self.program, "--shards", "2", "testdata/none")
        self.assertEqual(done.returncode, 2, done.stdout[-8000:])
        self.assertRegex(done.stdout, r"(?m)^error: survey --shard \d/2 ended with status 2: error: .*testdata/none")
        self.assert_same({})


if __name__ == "__main__":
    Case.program = os.path.abspath(sys.argv.pop(1))
    Case.archive = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
