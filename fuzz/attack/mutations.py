"""Mutations of every file in testdata, through all subcommands.

There is no truth about what a broken file means. What must hold: the exit status, no panic, clean text,
JSON that parses, a capture that a strict reader reads, fates that add up, two subcommands that count the
same lines, nothing left behind, and the one good record beside the broken file.
"""

import gzip
import ipaddress
import json
import os
import re

import archives
import captures
import packages
import world as worlds
from tool import Find, Shrinking, folder_finds, inside, laws

TESTDATA = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../testdata"))
GOOD = (b"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"
        b"2 111122223333 eni-0fffffffffffffff1 192.0.2.199 192.0.2.200 4999 443 6 1 60 1773454600 1773454601 ACCEPT OK\n")
GOOD_TUPLE = (ipaddress.ip_address("192.0.2.199").packed, ipaddress.ip_address("192.0.2.200").packed, 4999, 443, 6)
MEMORY = 700 << 20
"""What a run on some kilobytes may take: 64 MiB for an object, 256 MiB for pages of Parquet, and as much again."""

NUMBERS = [b"0", b"-1", b"-0", b"00", b"+1", b"1e3", b"1.5", b"NaN", b"inf", b"1e400", b"65535", b"65536", b"2147483647",
           b"2147483648", b"4294967295", b"4294967296", b"9223372036854775807", b"9223372036854775808", b"18446744073709551615",
           b"18446744073709551616", b"9223372036", b"9223372036854", b"253402300800", b"9" * 400, b"-", b"", b"null", b"0x10"]
WORDS = [b"\x1b[31m", b"\x1b]0;x\x07", b"\xc2\x9b31m", b"\xe2\x80\xae", b"\xe2\x80\x8b", b"\xef\xbb\xbf", b"\x00", b"\r", b"\x0b", b"\x7f",
         b"\xff\xfe", b"\xf4\x90\x80\x80", b"\xed\xa0\x80", b"'", b'"', b"\\", b"$(touch marker)", b"`touch marker`", b"=cmd|' /C calc'!A0",
         b"<script>", b"%s%n", b"other", b"unknown", b"../../x", b"::", b"::ffff:10.0.0.1", b"255.255.255.255", b"0.0.0.0", b"ACCEPT",
         b"REJECT", b"NODATA", b"SKIPDATA", b"OK", b"\xe2\x80\xa8", b"\xd8\x9c", b"${srcaddr}", b"version", b"start", b"[" * 200, b'{"a":' * 200]
_base = []


def base():
    """The files of testdata: [(name, bytes)]."""
    if not _base:
        for at, _, names in sorted(os.walk(TESTDATA)):
            for name in sorted(names):
                if name not in ("README.md", ".gitattributes"):
                    with open(os.path.join(at, name), "rb") as file:
                        _base.append((name, file.read()))
    return _base


def mutate(rng, data):
    """One to a few changes."""
    if data[:2] == b"\x1f\x8b" and rng.random() < 0.6:
        try:
            return gzip.compress(mutate(rng, gzip.decompress(data)), 1)
        except (OSError, EOFError):
            pass
    for _ in range(rng.choice([1, 1, 1, 2, 3, 8])):
        textual = b"\n" in data[:4096] and b"\0" not in data[:256] or data[:1] in (b"{", b"[")
        how = rng.choice(TEXTUAL if textual and rng.random() < 0.75 else BINARY)
        data = how(rng, data)
    return data


def place(rng, data):
    return rng.randrange(len(data) + 1)


def flip(rng, data):
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 30])):
        if out:
            out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def poke(rng, data):
    out = bytearray(data)
    for _ in range(rng.choice([1, 1, 3])):
        if out:
            out[rng.randrange(len(out))] = rng.choice([0, 1, 0x7F, 0x80, 0xFF, 10, 13, 27, 32, rng.randrange(256)])
    return bytes(out)


def truncate(rng, data):
    return data[:place(rng, data)]


def cut(rng, data):
    at = place(rng, data)
    return data[:at] + data[at + rng.choice([1, 2, 8, 100, 1000]):]


def repeat(rng, data):
    at = place(rng, data)
    chunk = data[at:at + rng.choice([1, 4, 50, 500])]
    return data[:at] + chunk * rng.choice([2, 3, 20, 300]) + data[at:]


def splice(rng, data):
    other = rng.choice(base())[1]
    at, from_other = place(rng, data), place(rng, other)
    return data[:at] + other[from_other:from_other + rng.choice([10, 100, 5000])] + (data[at:] if rng.random() < 0.5 else b"")


def append(rng, data):
    return data + rng.choice(base())[1]


def widen(rng, data):
    """Overwrites a few bytes with a length or a varint that claims much."""
    at = place(rng, data)
    claim = rng.choice([b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\xff" * 9 + b"\x01", b"\x80" * 10, b"\x00" * 4, b"\xf9\xff\xff\xff\x0f"])
    return data[:at] + claim + data[at + len(claim):]


def insert(rng, data):
    at = place(rng, data)
    return data[:at] + rng.choice(WORDS) + data[at:]


def tokens(rng, data, make):
    """Replaces one or more words of the text."""
    spans = [match.span() for match in re.finditer(rb"[^\s,:\"{}\[\]]+", data[:200_000])]
    if not spans:
        return data
    for start, end in sorted(rng.sample(spans, min(len(spans), rng.choice([1, 1, 1, 3]))), reverse=True):
        data = data[:start] + make(data[start:end]) + data[end:]
    return data


def number(rng, data):
    return tokens(rng, data, lambda _: rng.choice(NUMBERS))


def word(rng, data):
    return tokens(rng, data, lambda old: rng.choice([rng.choice(WORDS), old + rng.choice(WORDS), rng.choice(WORDS) + old]))


def long(rng, data):
    return tokens(rng, data, lambda old: (old or b"x") * rng.choice([20, 1000, 7000, 70_000]) if len(data) < 1 << 20 else old)


def shuffle(rng, data):
    lines = data.split(b"\n")
    rng.shuffle(lines)
    return b"\n".join(lines)


def line(rng, data):
    """Doubles, drops or moves a line."""
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    how = rng.randrange(3)
    if how == 0:
        lines.insert(rng.randrange(len(lines)), lines[at])
    elif how == 1:
        del lines[at]
    else:
        lines[at:at + 1] = [lines[at]] * rng.choice([2, 50])
    return b"\n".join(lines)


def columns(rng, data):
    """Swaps, doubles or drops a column in all lines or in one."""
    lines = [one.split(b" ") for one in data.split(b"\n")]
    some = lines if rng.random() < 0.5 else [rng.choice(lines)]
    first, second, how = rng.randrange(30), rng.randrange(30), rng.randrange(3)
    for cells in some:
        if max(first, second) < len(cells):
            if how == 0:
                cells[first], cells[second] = cells[second], cells[first]
            elif how == 1:
                cells.insert(first, cells[second])
            else:
                del cells[first]
    return b"\n".join(b" ".join(cells) for cells in lines)


def borrow(rng, data):
    """Puts a line of another text among these."""
    lines, other = data.split(b"\n"), rng.choice(base())[1].split(b"\n")
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(other))
    return b"\n".join(lines)


BINARY = [flip, flip, poke, truncate, cut, repeat, splice, append, widen, insert]
TEXTUAL = [number, number, word, word, long, shuffle, line, columns, borrow, insert, flip, truncate, repeat]


def sources(rng):
    """What to mutate: a file of testdata, or an archive of a random world's files."""
    if rng.random() < 0.9:
        return rng.choice(base())
    world = worlds.make(rng)
    files = packages.pack(world, rng).files(world) if world.rows else {}
    name, data = rng.choice(list(files.items())) if files else rng.choice(base())
    return os.path.basename(name), data


def plan(rng):
    """Command lines: every subcommand once."""
    convert = ["convert", "in", "-o", "out.pcapng", "--json"]
    convert += ["--detail", rng.choice(["exact", "control"])] if rng.random() < 0.2 else []
    convert += ["--vantage", "all"] if rng.random() < 0.2 else []
    convert += ["--comments", rng.choice(["all", "none"])] if rng.random() < 0.2 else []
    convert += ["--max-packets", "3"] if rng.random() < 0.08 else []
    convert += ["--addresses", "interface"] if rng.random() < 0.1 else []
    convert += ["--memory", "16MiB"] if rng.random() < 0.1 else []
    convert += ["--strict"] if rng.random() < 0.1 else []
    if rng.random() < 0.3:
        convert.remove("--json")
    metrics = ["metrics", "in", "--format", rng.choice(["table", "csv", "json", "openmetrics", "cloudwatch"]),
               "--by", ",".join(rng.sample(["protocol", "action", "eni", "vpc", "subnet", "srcaddr", "dstaddr", "dstport", "srcsubnet",
                                            "dstsubnet", "direction"], rng.choice([1, 1, 2]))),
               "--every", rng.choice(["15m", "1h", "1d"])]
    metrics += ["--once"] if rng.random() < 0.3 else []
    metrics += ["--top", "2"] if rng.random() < 0.3 else []
    return [convert, ["inspect", "in", *(["--json"] if rng.random() < 0.6 else [])], metrics,
            ["diagnose", "in", *(["--json"] if rng.random() < 0.4 else [])], ["report", "in", "-o", "out.html"]]


def examine(bench, files, commands):
    """Runs the commands on the files; returns the finds."""
    bench.reset()
    packages.place(bench, files)
    finds, answers = [], {}
    for args in commands:
        kind = args[0]
        output = {"convert": "out.pcapng", "report": "out.html"}.get(kind)
        lines = kind == "metrics" and args[3] == "cloudwatch"
        is_json = "--json" in args or (kind == "metrics" and args[3] == "json")
        run = bench.run(*args)
        finds += laws(run, rss=MEMORY, json_out=is_json)
        if not run.timed_out:
            finds += folder_finds(run, bench, output or "none")
        if run.status in (0, 1) and not any("json" in find.slug for find in finds):
            if is_json:
                answers[kind] = run.json()
            if lines:
                finds += requests(run)
            if kind in answers and "--strict" in args:
                finds += strict(run, answers[kind])
            if kind == "convert":
                finds += capture(bench, run, answers.get("convert"))
            elif kind == "report":
                finds += page(bench, run)
        if output and os.path.exists(bench.path(output)):
            os.remove(bench.path(output))
    return finds + agree(answers, commands)


def strict(run, answer):
    """--strict ends with 1 if a record does not parse or a file is damaged, and only then."""
    bad = archives.sum_skipped(answer["records"]) > 0 or bool(answer["input"]["damaged"])
    if (run.status == 1) == bad:
        return []
    return [Find("convert-strict", f"exit status {run.status}, skipped {answer['records']['skipped']}, damaged {answer['input']['damaged']}",
                 run.args, "1: done, but --strict found lines that do not parse or damaged files")]


def requests(run):
    """Each line of --format cloudwatch is a JSON object."""
    for one in run.out.splitlines():
        try:
            json.loads(one)
        except ValueError as error:
            return [Find("metrics-cloudwatch", f"{error}: {one[:200]!r}", run.args, "a request on each line")]
    return []


def capture(bench, run, summary):
    """What holds of a capture whatever it was made of."""
    with open(bench.path("out.pcapng"), "rb") as file:
        data = file.read()
    if len(data) > 20 << 20:
        return []
    try:
        read = captures.read(data)
    except captures.Broken as error:
        return [Find("convert-capture", str(error), run.args, "One pcapng section, nanoseconds, in order of time")]
    finds = []
    if not any(seen.tuple == GOOD_TUPLE for seen in read.packets):
        finds.append(Find("convert-good-record-lost", "the record of good.log is not in the capture", run.args,
                          "Bad input is counted and costs no other record"))
    for text in read.texts:
        hit = re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
        if hit:
            finds.append(Find("convert-capture-control", f"U+{ord(hit.group()):04X} in a name or comment: {text[:200]!r}", run.args,
                              "names and comments of the capture are text"))
            break
    if summary:
        told = summary["packets"]
        sums = (len(read.packets), sum(seen.length for seen in read.packets))
        if sums != (told["written"], told["bytes_written"]):
            finds.append(Find("convert-summary", f"in the file {sums}, in the summary {told}", run.args, "packets written of packets logged"))
    return finds


def page(bench, run):
    """What holds of every page of report."""
    with open(bench.path("out.html"), "rb") as file:
        data = file.read()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return [Find("report-not-utf8", str(error), run.args, "What the archive says is text on the page")]
    finds = []
    if "</html>" not in text[-20:]:
        finds.append(Find("report-cut", f"the page ends {text[-60:]!r}", run.args, "The page appears when it is whole"))
    if re.search(r"<script>\s*<|<(img|iframe|object|embed)\b", text):
        finds.append(Find("report-markup", "markup of the archive is markup on the page", run.args, "What the archive says is text on the page"))
    hit = re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    if hit:
        finds.append(Find("report-control-page", f"U+{ord(hit.group()):04X} on the page: {text[max(0, hit.start() - 60):hit.end() + 30]!r}",
                          run.args, "no control or bidirectional character in any text output"))
    return finds


def agree(answers, commands):
    """convert and inspect read the same lines, and every line has one fate."""
    finds = []
    for kind, answer in answers.items():
        if kind == "metrics":
            continue
        records = answer["records"]
        parts = ("headers", "blank", "control", "told", "duplicates", "told_elsewhere", "filtered", "undecided", "no_data", "skip_data")
        total = sum(records[part] for part in parts) + archives.sum_skipped(records)
        if total != records["lines"]:
            finds.append(Find(f"{kind}-fates-sum", f"fates add up to {total}, lines {records['lines']}: {records}",
                              next(args for args in commands if args[0] == kind), "the fates add up to the lines read"))
    if "convert" in answers and "inspect" in answers:
        left, right = answers["convert"]["records"], answers["inspect"]["records"]

        def numbers(records):
            return {"lines": records["lines"], "records": records["told"] + records["duplicates"] + records["told_elsewhere"],
                    "no_data": records["no_data"], "skip_data": records["skip_data"], "headers": records["headers"],
                    "skipped": archives.sum_skipped(records)}
        if numbers(left) != numbers(right):
            finds.append(Find("agree-convert-inspect", f"convert {numbers(left)}, inspect {numbers(right)}", commands[0],
                              "inspect tells what an archive holds before you convert it"))
        for key in ("left_out", "damaged", "files"):
            if answers["convert"]["input"][key] != answers["inspect"]["input"][key]:
                finds.append(Find(f"agree-{key}", f"convert {answers['convert']['input'][key]}, inspect {answers['inspect']['input'][key]}",
                                  commands[0], "inspect tells what an archive holds before you convert it"))
    return finds


def attack(bench, rng):
    """One round: one to three mutated files beside a good one, through every subcommand."""
    files = {"good.log": GOOD}
    for number in range(rng.choice([1, 1, 1, 2, 3])):
        name, data = sources(rng)
        files[f"{number}-{name}"] = mutate(rng, data) if number == 0 or rng.random() < 0.6 else data
    commands = plan(rng)
    finds = examine(bench, files, commands)
    return [(find, lambda find=find: shrink(bench, files, commands, find)) for find in finds]


def shrink(bench, files, commands, find):
    """Fewer and shorter files that show the same find; returns (files, find)."""
    commands = commands if find.slug.startswith("agree") else [find.args]
    seen = Shrinking(find, lambda candidate: examine(bench, candidate, commands))
    if not seen.shows(files):
        return inside(files), find
    if "timeout" in find.slug:
        seen.tries = 4
    files = seen.without_files(files)
    for name in list(files):
        size = max(1, len(files[name]) // 2)
        while size and seen.tries > 0:
            at = 0
            while at < len(files[name]) and seen.tries > 0:
                shorter = {**files, name: files[name][:at] + files[name][at + size:]}
                if seen.shows(shorter):
                    files = shorter
                else:
                    at += size
            size //= 2
    return inside(files), seen.best
