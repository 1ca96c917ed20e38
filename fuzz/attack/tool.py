"""Runs the real binary and checks what must hold for every run, whatever the input.

This module knows exit statuses, text, JSON, time and memory. It knows nothing about flow logs.
"""

import json
import os
import re
import resource
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass, field

DOCUMENTED = {0, 1, 2}
"""Exit statuses that docs/limits.md lists for runs that no signal ended."""

SECONDS = 20
"""A run on a small input that takes more CPU time than this is a find, however busy the machine is."""

PATIENCE = 6
"""How many times as long a run may last by the clock: one that waits for ever takes no CPU time."""

CONTROL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f"  # C0 but newline, DEL, C1
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]"
)
"""Characters that no text for a person may hold: controls, bidirectional and invisible ones."""


@dataclass
class Run:
    """One run of the tool: `status` is the exit status, or minus the signal that ended it."""

    args: list
    status: int
    out: bytes
    err: bytes
    seconds: float
    rss: int  # bytes, peak
    timed_out: bool

    def json(self):
        return json.loads(self.out)

    def message(self):
        return self.err.decode("utf-8", "replace")


@dataclass
class Find:
    """A promise that was broken: `slug` names its class, `why` says what was seen and expected."""

    slug: str
    why: str
    args: list = field(default_factory=list)
    promise: str = ""


class Shrinking:
    """Makes inputs smaller as long as they show the same find; `best` is the newest one that was seen."""

    def __init__(self, find, examine, tries=300):
        self.best, self.examine, self.tries = find, examine, tries

    def shows(self, files):
        """Whether these files show it too. They do not once all tries are used."""
        if self.tries <= 0:
            return False
        self.tries -= 1
        found = next((found for found in self.examine(files) if found.slug == self.best.slug), None)
        self.best = found or self.best
        return found is not None

    def without_files(self, files):
        """The files without those that it does not need; at least one is left."""
        for name in list(files):
            fewer = {key: value for key, value in files.items() if key != name}
            if fewer and self.shows(fewer):
                files = fewer
        return files


def inside(files):
    """The files where the saved command line looks for them."""
    return {os.path.join("in", name): data for name, data in files.items()}


def make_root():
    """A folder for all workers, in memory where the system has such a place."""
    memory = "/dev/shm"
    fits = os.path.isdir(memory) and os.access(memory, os.W_OK)
    return tempfile.mkdtemp(prefix="flow2pcap-attack-", dir=memory if fits else None)


class Bench:
    """A folder to work in, with the binary and an environment that is the same everywhere."""

    def __init__(self, binary, root):
        self.root = tempfile.mkdtemp(dir=root)
        self.binary = os.path.abspath(binary)
        self.work = os.path.join(self.root, "work")
        self.temp = os.path.join(self.root, "temp")
        self.reset()
        self.environment = {
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "TMPDIR": self.temp,
            "HOME": self.root,
        }

    def reset(self):
        """Empties the work folder."""
        for folder in (self.work, self.temp):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(folder)

    def path(self, *parts):
        return os.path.join(self.work, *parts)

    def start(self, args, address_space=None, stdin=None, seconds=SECONDS):
        """Starts the tool in the work folder and returns its process id."""
        out, err = os.path.join(self.root, "out"), os.path.join(self.root, "err")
        pid = os.fork()
        if pid:
            return pid
        try:
            os.chdir(self.work)
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            for number, place in ((1, out), (2, err)):
                os.dup2(os.open(place, flags, 0o600), number)
            os.dup2(os.open(stdin or "/dev/null", os.O_RDONLY), 0)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))
            resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 30, 4 << 30))
            if address_space:
                resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            os.execve(self.binary, [b"flow2pcap", *map(os.fsencode, args)], self.environment)
        finally:
            os._exit(127)

    def wait(self, pid, args, began, seconds):
        """Waits for the process, ends it if it takes too long, and collects what it printed."""
        late = []

        def too_late(*_):
            late.append(True)
            os.kill(pid, signal.SIGKILL)

        before = signal.signal(signal.SIGALRM, too_late)
        signal.setitimer(signal.ITIMER_REAL, seconds * PATIENCE)
        try:
            _, raw, usage = os.wait4(pid, 0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
        with open(os.path.join(self.root, "out"), "rb") as file:
            out = file.read()
        with open(os.path.join(self.root, "err"), "rb") as file:
            err = file.read()
        status = os.waitstatus_to_exitcode(raw)
        if status == -signal.SIGXCPU:
            late.append(True)
        # The system counts what this program had when it forked as a peak of the tool.
        own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak = usage.ru_maxrss if usage.ru_maxrss > own + (8 << 10) else 0
        return Run(list(args), status, out, err, time.monotonic() - began, peak << 10, bool(late))

    def run(self, *args, address_space=None, stdin=None, seconds=SECONDS):
        """Runs the tool to its end."""
        began = time.monotonic()
        pid = self.start(args, address_space, stdin, seconds)
        return self.wait(pid, args, began, seconds)


def laws(run, statuses=DOCUMENTED, rss=None, seconds=SECONDS, json_out=False, text_out=True):
    """The finds of one run: what docs/limits.md guarantees for any input."""
    finds = []

    def find(slug, why, promise):
        finds.append(Find(f"{run.args[0]}-{slug}", why, run.args, promise))

    message = run.message()
    last = message.strip().splitlines()[-1:] or [""]
    if run.timed_out:
        find("timeout", f"no end after {seconds} s of CPU time, or {seconds * PATIENCE} s by the clock", "Bad input is counted and costs no other record")
    elif "panicked" in message:
        place = re.search(r"panicked at ([^\s]+?):\d+:\d+", message)
        find("panic-" + (place.group(1).replace("/", "-") if place else "somewhere"), message[-600:],
             "Exit status: 0, 1 or 2")
    elif run.status not in statuses:
        find(f"status{run.status}", f"exit status {run.status}; last line: {last[0][-300:]}", "Exit status: 0, 1 or 2")
    elif run.status == 1 and "--strict" not in run.args:
        find("status1-without-strict", "exit status 1 without --strict", "1: done, but --strict found …")
    elif run.status == 2 and not message.strip():
        find("silent-failure", "exit status 2 without a message", "Bad input gets a message")
    if rss and run.rss > rss:
        find("memory", f"peak memory {run.rss >> 20} MiB, allowed {rss >> 20} MiB", "Memory does not grow with the archive")
    finds += text_finds(run, message, "stderr")
    if text_out or json_out:
        finds += text_finds(run, run.out.decode("utf-8", "surrogateescape"), "json" if json_out else "stdout")
    if json_out and run.status in (0, 1) and not run.timed_out:
        try:
            json.loads(run.out)
        except ValueError as error:
            find("json", f"stdout is no JSON: {error}", "--json: the same as JSON")
    return finds


def text_finds(run, text, where):
    """Control, bidirectional and invisible characters, and what is not UTF-8, in a text for a person."""
    finds = []
    hit = CONTROL.search(text)
    if hit:
        around = text[max(0, hit.start() - 60):hit.end() + 40]
        finds.append(Find(f"{run.args[0]}-control-{where}", f"U+{ord(hit.group()):04X} in {where}: {around!r}", run.args,
                          "no control, bidirectional or invisible character reaches the terminal"))
    if re.search("[\udc80-\udcff]", text):
        finds.append(Find(f"{run.args[0]}-not-utf8-{where}", f"{where} is not UTF-8", run.args, "text is UTF-8"))
    return finds


def folder_finds(run, bench, output, inputs=()):
    """What a failed run left behind, and temporary files of any run."""
    finds = []
    names = {os.path.relpath(os.path.join(at, name), bench.work)
             for at, _, files in os.walk(bench.work) for name in files}
    parts = sorted(name for name in names if os.path.basename(name).startswith(".flow2pcap-"))
    if parts:
        finds.append(Find(f"{run.args[0]}-part-left", f"left beside the output: {parts[:3]}", run.args,
                          "A run that fails or is interrupted removes that file"))
    if run.status not in (0, 1) and output in names:
        finds.append(Find(f"{run.args[0]}-output-after-failure", f"{output} exists after exit status {run.status}",
                          run.args, "2: failed; no output"))
    left = os.listdir(bench.temp)
    if left:
        finds.append(Find(f"{run.args[0]}-temp-left", f"left in TMPDIR: {left[:3]}", run.args,
                          "The files have no names, so that nothing remains of them"))
    return finds
