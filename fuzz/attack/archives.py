"""Random archives against an independent sum.

A world is logged, wrapped, split into files and converted in several ways. Sums, unions, order within
connections, equality of bytes and what the subcommands say of it are compared with the world's truth.
"""

import ipaddress
import os
import random
from dataclasses import dataclass

import captures
import truth
import world as worlds
from packages import Entry, Package, pack, place
from tool import Find, folder_finds, laws

ALL = ("convert", "in", "--detail", "exact", "--json", "-q")
PACKET_PROMISE = "--vantage all: each packet appears once for each ENI that logged it"
UNION_PROMISE = "Vantage: where it has a gap of time and another view has records there, these fill it"
AGREE_PROMISE = "--once counts each packet once, as convert writes it; inspect counts records as they were logged"
SAME_PROMISE = "The same input gives the same bytes for any number of threads, any memory and any order of inputs"


class Judge:
    """One archive and all that is asked of it; `finds` collects what is broken."""

    def __init__(self, bench, world, files, delivered, rng):
        self.bench, self.world, self.rng = bench, world, rng
        self.files, self.delivered = files, delivered
        self.extra = ("--format", " ".join(world.log_format)) if world.log_format else ()
        self.finds = []

    def find(self, slug, why, run, promise):
        self.finds.append(Find(f"archive-{slug}", why, run.args, promise))

    def run(self, *args, output=None, json_out=True):
        """Runs the tool, which must succeed."""
        run = self.bench.run(*args, *self.extra)
        self.finds += laws(run, json_out=json_out)
        self.finds += folder_finds(run, self.bench, output or "none")
        if run.status != 0:
            self.find("refused", f"exit status {run.status}: {run.message()[:500]}", run, "What it reads")
            return None
        return run

    def capture(self, output, *args):
        """Converts, and reads the capture strictly; None if either fails."""
        run = self.run(*args, "-o", output, output=output)
        if run is None:
            return None, None
        with open(self.bench.path(output), "rb") as file:
            data = file.read()
        try:
            capture = captures.read(data)
        except captures.Broken as error:
            self.find("capture", str(error), run, "One pcapng section, nanoseconds, in order of time")
            return None, None
        summary = run.json()
        written = (len(capture.packets), sum(seen.length for seen in capture.packets))
        told = (summary["packets"]["written"], summary["packets"]["bytes_written"])
        if written != told:
            self.find("summary", f"packets and bytes in the file {written}, in the summary {told}", run, "packets written of packets logged")
        for text in capture.texts:
            if any(ord(char) < 32 and char != "\n" for char in text):
                self.find("capture-control", f"control character in a comment or name: {text!r}", run, "text is text")
        fates(self, run, summary)
        return capture, summary

    def compare(self, run, capture, wanted, slug, promise):
        """Packets and bytes for each directed tuple, exactly."""
        for got, want, unit in zip(capture.sums(), wanted, ("packets", "bytes")):
            for who in got.keys() | want.keys():
                if got[who] != want[who]:
                    self.find(slug, f"{captures.show(who)}: {got[who]} {unit}, by the records {want[who]}"
                              f" (all tuples: {sum(got.values())} of {sum(want.values())})", run, promise)
                    return

    def judge(self):
        rng, bench = self.rng, self.bench
        capture, summary = self.capture("all.pcapng", *ALL, "--vantage", "all")
        if capture is None:
            return
        run = Asked(ALL + ("--vantage", "all", "-o", "all.pcapng") + self.extra)
        self.compare(run, capture, truth.as_logged(self.world), "sums", PACKET_PROMISE)
        self.records(run, summary)
        capture, summary = self.capture("auto.pcapng", *ALL)
        if capture is None:
            return
        run = Asked(ALL + ("-o", "auto.pcapng") + self.extra)
        self.bounds(run, capture)
        self.order(run, capture)
        if summary["packets"]["written"] != summary["packets"]["logged"]:
            self.find("exact-less", f"{summary['packets']}", run, "exact: every logged packet")
        self.same(rng)
        self.agree(summary)
        self.split(capture, rng)
        self.narrow(rng)

    def records(self, run, summary):
        """The fates of records with all views: no other view has their packets, and duplicates are counted."""
        want = len(self.world.records())
        duplicates = sum(row.counts() for row in self.delivered) - want
        silent = len(self.delivered) - sum(row.counts() for row in self.delivered)
        records = summary["records"]
        got = (records["told"], records["duplicates"], records["no_data"] + records["skip_data"], sum_skipped(records))
        if got != (want, duplicates, silent, 0):
            self.find("fates", f"told, duplicates, NODATA and SKIPDATA, skipped: {got}, by the records {(want, duplicates, silent, 0)}",
                      run, "Every line has exactly one fate")

    def bounds(self, run, capture):
        packets, _ = capture.sums()
        wanted = truth.bounds(self.world)
        for who, (lowest, highest) in wanted.items():
            # A record that is partly in a gap is an estimate: see docs/internals/rebuild.md.
            highest += 0 if self.world.aligned else 2 + highest // 4
            if not lowest <= packets[who] <= highest:
                slug = "lost" if packets[who] < lowest else "twice"
                self.find(f"{slug}-{'aligned' if self.world.aligned else 'phased'}",
                          f"{captures.show(who)}: {packets[who]} packets, by the union of the views {lowest} to {highest};"
                          f" in all {sum(packets.values())}, union {sum(high for _, high in wanted.values())}", run, UNION_PROMISE)
                return
        for who in packets:
            if who not in wanted:
                self.find("invented", f"{captures.show(who)} is in no record", run, UNION_PROMISE)
                return

    def order(self, run, capture):
        """SYN, then SYN-ACK, then data, in connections that no view misses a part of."""
        whole = set()
        for number, connection in enumerate(self.world.connections):
            rows = [row for row in self.world.records() if row.connection == number]
            views = {row.view for row in rows}
            complete = all(sum(len(row.packets) for row in rows if row.view == view) == len(connection.packets) for view in views)
            if complete and connection.protocol == 6 and connection.story in ("complete", "open", "reset"):
                whole |= {truth.pair(row.tuple()) for row in rows}
        first = {}
        for index, seen in enumerate(capture.packets):
            key = truth.pair(seen.tuple)
            if key not in whole:
                continue
            part = "data" if seen.payload else {2: "syn", 18: "syn-ack"}.get(seen.flags & 18, None)
            if part:
                first.setdefault(key, {}).setdefault(part, index)
        for key, at in first.items():
            if "syn" in at and not at["syn"] < at.get("syn-ack", 1 << 60) or at.get("data", 1 << 60) < max(at.get("syn", -1), at.get("syn-ack", -1)):
                self.find("order", f"{key}: first packets of each kind at {at}", run, "SYN, SYN-ACK, the initiator's ACK and request")
                return

    def same(self, rng):
        """The same bytes for other threads, less memory, and another order of the inputs."""
        with open(self.bench.path("auto.pcapng"), "rb") as file:
            reference = file.read()
        paths = [os.path.join("in", relative) for relative in self.files]
        options = ["--detail", "exact", "-q", "--json", "-o", "again.pcapng"]
        shuffled = rng.sample(paths, len(paths))
        tries = [["convert", "in", "--threads", rng.choice(["1", "3", "7"]), "--memory", "16MiB", *options],
                 ["convert", *shuffled, *options], ["convert", *reversed(paths), "--threads", "2", *options]]
        outputs = []
        for args in tries:
            run = self.run(*args, output="again.pcapng")
            if run is None:
                return
            with open(self.bench.path("again.pcapng"), "rb") as file:
                outputs.append(file.read())
        if outputs[0] != reference:
            self.find("bytes-threads", "other bytes with --threads and --memory", Asked(tries[0]), SAME_PROMISE)
        if outputs[1] != outputs[2]:
            self.find("bytes-order", "other bytes for another order of the inputs", Asked(tries[1]), SAME_PROMISE)

    def agree(self, exact):
        """inspect, metrics, diagnose, report and convert agree on what they all count."""
        logged = {"records": sum(row.counts() for row in self.delivered)}
        for field in ("packets", "bytes"):
            logged[field] = sum(int(row.values[field]) for row in self.delivered if row.counts())
        run = self.run("inspect", "in", "--json", "-q")
        if run and run.json()["logged"] != logged:
            self.find("inspect", f"logged {run.json()['logged']}, by the records {logged}", run, AGREE_PROMISE)
        every = self.rng.choice(["30s", "1m", "15m", "1h", "1d"])
        shape = ("--measure", "packets,bytes,records", "--every", every, "-q")
        by = self.rng.choice(["action", "eni", "protocol", "srcaddr,dstport", "direction", "dstsubnet", "vpc,subnet"])
        run = self.metrics(*shape, "--by", by)
        if run and totals(run.json()) != logged:
            self.find("metrics", f"by {by} {totals(run.json())}, by the records {logged}", run, AGREE_PROMISE)
        once = {"packets": exact["packets"]["logged"], "bytes": exact["packets"]["bytes_logged"]}
        by = self.rng.choice(["action", "eni", "protocol", "srcaddr", "outcome"])
        run = self.metrics("--once", "--measure", "packets,bytes", "--by", by, "--every", every, "-q")
        if run:
            found = totals(run.json())
            if {key: found.get(key, 0) for key in once} != once:
                self.find("once", f"metrics --once by {by} {found}, convert {once}", run, AGREE_PROMISE)
        run = self.run("diagnose", "in", "--json", "-q")
        if run:
            found = run.json()
            if found["attempts"] != sum(found["symptoms"].values()):
                self.find("diagnose", f"attempts {found['attempts']}, symptoms {found['symptoms']}", run, AGREE_PROMISE)
            fates(self, run, found)
        run = self.run("convert", "in", "-q", "--json", "-o", "compact.pcapng", output="compact.pcapng")
        if run:
            found = run.json()["packets"]
            if found["bytes_written"] != once["bytes"] or found["logged"] != once["packets"]:
                self.find("compact", f"compact {found}, exact {once}", run, "Bytes add up in all three")
        if self.rng.random() < 0.3:
            self.report()

    def metrics(self, *args):
        """`metrics` as JSON: its --format says how to print, so the order of columns needs another name."""
        columns = ("--columns", self.extra[1]) if self.extra else ()
        saved, self.extra = self.extra, ()
        run = self.run("metrics", "in", *args, *columns, "--format", "json")
        self.extra = saved
        return run

    def report(self):
        run = self.run("report", "in", "-q", "-o", "page.html", output="page.html", json_out=False)
        if run is None:
            return
        with open(self.bench.path("page.html"), encoding="utf-8") as file:
            page = file.read()
        diagnosed = self.run("diagnose", "in", "--json", "-q")
        attempts = diagnosed and diagnosed.json()["attempts"]
        if attempts is not None and f"{attempts:,} attempt" not in page:
            self.find("report", f"the page does not say {attempts:,} attempts", run, "report writes all of it into one HTML file")

    def narrow(self, rng):
        """--only-matching keeps the matching records alone."""
        if rng.random() < 0.5:
            return
        row = rng.choice(self.world.records())
        source, _, _, _, number = row.tuple()
        host = str(ipaddress.ip_address(source))
        option, matches = rng.choice([
            (("--host", host), lambda one: host in addresses(one)),
            (("--protocol", str(number)), lambda one: one.values["protocol"] == str(number)),
            (("--eni", row.eni), lambda one: one.eni == row.eni),
            (("--filter", f"not eni {row.eni}"), lambda one: one.eni != row.eni),
            (("--filter", f"packets > {row.values['packets']}"), lambda one: int(one.values["packets"]) > int(row.values["packets"])),
            (("--filter", f"src host {host} and proto {number}"), lambda one: host in addresses(one, ("srcaddr", "pkt-srcaddr")) and one.values["protocol"] == str(number)),
        ])
        rows = [one for one in self.world.rows if one.counts() and matches(one)]
        args = (*ALL, "--vantage", "all", "--only-matching", *option)
        if not rows:
            return
        capture, _ = self.capture("some.pcapng", *args)
        if capture:
            wanted = truth.as_logged(worlds.World(self.world.aligned, rows, self.world.connections, self.world.enis))
            self.compare(Asked(args + ("-o", "some.pcapng") + self.extra), capture, wanted, "narrowed", "--only-matching keeps the matching records alone")

    def split(self, capture, rng):
        """The parts of --split have the packets of the one capture, each once."""
        if rng.random() < 0.7:
            return
        how = rng.choice(["eni", "hour", "connections=1", "connections=3", "size=2KiB"])
        run = self.run("convert", "in", "--detail", "exact", "-q", "--json", "--split", how, "-o", "part.pcapng")
        if run is None:
            return
        packets = octets = None
        for file in sorted(os.listdir(self.bench.work)):
            if not (file.startswith("part-") and file.endswith(".pcapng")):
                continue
            with open(self.bench.path(file), "rb") as opened:
                try:
                    sums = captures.read(opened.read()).sums()
                except captures.Broken as error:
                    self.find("split-capture", f"{file}: {error}", run, "each a capture of its own")
                    return
            packets = sums[0] if packets is None else packets + sums[0]
            octets = sums[1] if octets is None else octets + sums[1]
        if packets is not None and (packets, octets) != capture.sums():
            self.find("split", f"parts by {how} do not add up to the capture", run, "Together the parts have the packets of the one capture, each once")


def addresses(row, names=("srcaddr", "dstaddr", "pkt-srcaddr", "pkt-dstaddr")):
    """The addresses that a record names, of the packet and of the ENI."""
    return {str(ipaddress.ip_address(row.values[name])) for name in names if name in row.layout}


def fates(judge, run, summary):
    """Every line has exactly one fate, and the fates add up to the lines read."""
    records = summary["records"]
    parts = ("headers", "blank", "control", "told", "duplicates", "told_elsewhere", "filtered", "undecided", "no_data", "skip_data")
    total = sum(records[part] for part in parts) + sum_skipped(records)
    if total != records["lines"]:
        judge.find("fates-sum", f"fates add up to {total}, lines {records['lines']}", run, "Every line has exactly one fate, and the fates add up to the lines read")


def sum_skipped(records):
    return sum(reason["count"] for reason in records["skipped"].values())


def totals(answer):
    """The sums of all series of `metrics --format json`."""
    found = {}
    for table in answer["tables"]:
        for series in table["series"]:
            for key, value in series["total"].items():
                found[key] = found.get(key, 0) + value
            for key in series["total"]:
                if sum(point["values"][key] for point in series["points"]) != series["total"][key]:
                    found["points of " + key] = "do not add up"
    return found


@dataclass
class Asked:
    """Stands for a run in a find: only its arguments matter."""

    args: tuple


def examine(bench, world, package, seed):
    """Asks everything of one archive; returns the finds and its files."""
    bench.reset()
    files = package.files(world)
    place(bench, files)
    judge = Judge(bench, world, files, package.delivered(), random.Random(seed))
    judge.judge()
    return judge.finds, files


def attack(bench, rng):
    """One round: returns finds and what saves each."""
    seed = rng.getrandbits(32)
    world = worlds.make(rng)
    if not world.records():
        return []
    package = pack(world, rng)
    finds, _ = examine(bench, world, package, seed)
    return [(find, lambda find=find: shrink(bench, world, package, seed, find)) for find in finds]


def shrink(bench, world, package, seed, find):
    """Fewer files and records that show the same find, in plain text if that shows it too; returns (files, find)."""
    best = None

    def shows(candidate):
        nonlocal best
        small = worlds.World(world.aligned, candidate.delivered(), world.connections, world.enis, world.log_format)
        if not small.records():
            return False
        found, files = examine(bench, small, candidate, seed)
        for one in found:
            if one.slug == find.slug:
                best = {os.path.join("in", relative): data for relative, data in files.items()}, one
                return True
        return False

    shows(package)
    for simple in (Package(package.entries), Package([Entry(f"{number}.log", entry.rows, 1, True) for number, entry in enumerate(package.entries)])):
        if shows(simple):
            package = simple
    for entry in list(package.entries):
        fewer = Package([one for one in package.entries if one is not entry], package.archive)
        if fewer.entries and shows(fewer):
            package = fewer
    for key in (lambda row: row.connection, lambda row: row.interval, lambda row: row.view, id):
        values = list(dict.fromkeys(key(row) for row in package.delivered()))
        for value in values[:80]:
            entries = [Entry(entry.name, [row for row in entry.rows if key(row) != value], entry.seed, entry.plain) for entry in package.entries]
            fewer = Package([entry for entry in entries if entry.rows], package.archive)
            if fewer.entries and shows(fewer):
                package = fewer
    return best or ({}, find)
