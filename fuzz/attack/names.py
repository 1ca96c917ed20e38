"""Hostile names: of ENIs, accounts, files, folders and archive members, and the commands that are printed.

Every command or option line that the tool prints is read by bash: it must parse, it must run nothing
but itself, and the real tool must take it back.
"""

import io
import os
import re
import subprocess
import tarfile
import zipfile

import mutations
from tool import CONTROL, Find, Shrinking, folder_finds, inside, laws

EVIL = ["$(touch marker)", "`touch marker`", "';touch${IFS}marker;'", '";touch marker;"', "|touch${IFS}marker", "&touch${IFS}marker&", "\\';touch marker;\\'",
        "$(touch${IFS}marker)", "'$(touch${IFS}marker)'", "a b", "*", "~", "#x", "!!", "--filter", "-o", "a\nb", "a\ttouch marker", "\x1b[31mred", "\x1b]0;title\x07",
        "\x9b31m", "\u202ereversed", "\u200bhidden", "\ufeff", "\x7f", "\r", "%s%n", "{a,b}", "<b>", "</script><script>alert(1)</script>",
        "=cmd|'/C calc'!A0", "other", "unknown", "\u2028", "é" * 40, "x" * 300, "..", "con:", '"', "'", "\\", "=1+1", "+1", "@SUM(1)", "(", ")", "${x}", "'\"'", "and", "or not"]
COLUMNS = ("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status vpc-id"
           " subnet-id instance-id tcp-flags region flow-direction").split()
PROMPT = re.compile(r"^\s*(--[a-z-]+ .*?)\s+leaves about [\d,]+")
GIVEN = re.compile(r"(?:columns: |give )(--(?:format|columns) .*)$")
WHOLE = re.compile(r"\b(flow2pcap (?:convert|inspect|diagnose|metrics|report|setup) .*)$")
STUB = """#!/bin/bash
printf '%s\\0' "$@" >>"$ARGV_FILE"
"""
PROMISE = "every command that is printed is quoted for a shell, or left out"


def evil(rng, blanks=True):
    word = rng.choice(EVIL)
    if rng.random() < 0.3:
        word = rng.choice(["eni-", "", "i-1"]) + word + rng.choice(EVIL)
    return word if blanks else re.sub(r"[\s]", "", word) or "x"


def records(rng):
    """Text with names that are hostile in some columns; enough connections for narrowing to be offered."""
    chosen = {name: evil(rng, False) for name in rng.sample(["account-id", "interface-id", "vpc-id", "subnet-id", "instance-id", "region"], rng.randrange(1, 5))}
    if rng.random() < 0.15:
        chosen["interface-id"] = rng.choice(["other", "unknown", "=cmd|'/Ccalc'!A0", "+1"])
    rows = [" ".join(COLUMNS)]
    story = rng.randrange(3)
    for number in range(rng.choice([3, 12, 40])):
        values = {"version": "5", "account-id": "111122223333", "interface-id": "eni-0a1b2c3d4e5f60718" if number % 3 else "eni-2", "srcaddr": f"10.0.0.{number % 9 + 1}",
                  "dstaddr": "10.1.0.5", "srcport": str(2000 + number), "dstport": "5432", "protocol": "6", "packets": "1", "bytes": "60",
                  "start": str(1_700_000_000 + number), "end": str(1_700_000_005 + number), "action": ["REJECT", "ACCEPT", "REJECT"][story], "log-status": "OK",
                  "vpc-id": "vpc-1", "subnet-id": "subnet-1", "instance-id": "i-1", "tcp-flags": "2", "region": "eu-central-1", "flow-direction": "ingress"}
        if number % 3 or rng.random() < 0.5:
            values.update(chosen)
        rows.append(" ".join(values[name] for name in COLUMNS))
    rows.append(f"5 1 {evil(rng, False)} - - - - - - - 1700000000 1700000060 - SKIPDATA - - - - - -")
    rows.append(f"5 1 {evil(rng, False)} 10.0.0.1 nonsense{evil(rng, False)} 1 2 6 1 60 1700000000 1700000060 ACCEPT OK - - - 2 - -")
    return ("\n".join(rows) + "\n").encode("utf-8", "surrogateescape")


def member(rng):
    """A file name: no slash at its ends, and not hidden."""
    name = evil(rng).replace("\0", "").replace("/", "_").lstrip(".")
    return (name or "x")[:60] + rng.choice(["", ".log", ".gz", ".json"])


def unknown(rng):
    """A text with an unknown column order, whose columns end up in a message."""
    return (" ".join([evil(rng, False) or "x" for _ in range(rng.randrange(2, 16))]) + "\n").encode("utf-8", "surrogateescape") * 3


def files(rng):
    data = records(rng) if rng.random() < 0.85 else unknown(rng)
    name = member(rng)
    if rng.random() < 0.4:
        name = os.path.join(member(rng), name)
    if rng.random() < 0.3:
        out = io.BytesIO()
        inner = [(member(rng), data), (member(rng), b"\x1f\x8b broken"), ("good.log", mutations.GOOD)]
        if rng.random() < 0.5:
            with zipfile.ZipFile(out, "w") as packed:
                for one, content in dict(inner).items():
                    packed.writestr(one, content)
        else:
            with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as packed:
                for one, content in inner:
                    info = tarfile.TarInfo(one)
                    info.size = len(content)
                    packed.addfile(info, io.BytesIO(content))
        data = out.getvalue()
    found = {"good.log": mutations.GOOD, name: data}
    if rng.random() < 0.5:
        found[member(rng)] = rng.choice([b"\x1f\x8b\x08\x00 broken", b"PAR1 broken PAR1", b"{\"a\":", b"\x00\x01\x02"])
    return found


def plan(rng):
    return [["convert", "in", "-o", "out.pcapng", "--max-packets", "2"], ["convert", "in", "-o", "out.pcapng", *(["--json"] if rng.random() < 0.5 else [])],
            ["convert", "in", "-o", "out.pcapng", "--split", "eni"],
            ["inspect", "in", *(["--json"] if rng.random() < 0.3 else [])],
            ["metrics", "in", "--by", rng.choice(["eni", "vpc,subnet", "eni,action", "srcsubnet"]), "--format", rng.choice(["table", "csv", "json", "openmetrics", "cloudwatch"]),
             *(["--top", "1"] if rng.random() < 0.4 else [])],
            ["metrics", "in", "--by", "eni", "--top", "1", "--format", rng.choice(["openmetrics", "csv"])],
            ["diagnose", "in", *(["--json"] if rng.random() < 0.3 else [])], ["report", "in", "-o", "out.html"]]


def commands(text):
    """The commands and options among what was printed, without what is said after them."""
    hits = (pattern.search(line) for line in text.splitlines() for pattern in (PROMPT, GIVEN, WHOLE))
    return [hit.group(1) for hit in hits if hit]


def try_command(bench, run, command):
    """Runs a printed command in bash with a stub in place of the tool; then gives its words to the real tool."""
    folder = os.path.join(bench.root, "shell")
    os.makedirs(folder, exist_ok=True)
    stub, argv = os.path.join(folder, "flow2pcap"), os.path.join(folder, "argv")
    if not os.path.exists(stub):
        with open(stub, "w", encoding="ascii") as file:
            file.write(STUB)
        os.chmod(stub, 0o755)
    for name in ("marker", "argv"):
        if os.path.exists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
    script = command if command.startswith("flow2pcap ") else "flow2pcap convert in -o out.pcapng " + command
    environment = {"PATH": folder + ":/usr/bin:/bin", "ARGV_FILE": argv, "LANG": "C.UTF-8"}
    raw = script.encode("utf-8", "surrogateescape").replace(b"\0", b"")
    result = subprocess.run(["/bin/bash", "-c", raw], cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=10, check=False)
    if os.path.exists(os.path.join(folder, "marker")):
        return Find(f"names-shell-runs-{run.args[0]}", f"bash ran what a name holds: {command!r}", run.args, PROMISE)
    if result.returncode or not os.path.exists(argv):
        return Find(f"names-shell-syntax-{run.args[0]}", f"bash: {result.stderr.decode('utf-8', 'replace')[-200:]!r} in {command!r}", run.args, PROMISE)
    with open(argv, "rb") as file:
        words = [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    if "…" in command:
        return None
    again = bench.run(*words)
    if again.status == 2 and re.search(r"invalid value|unexpected argument|Usage:|unrecognized", again.message()):
        return Find(f"names-not-taken-back-{run.args[0]}", f"{command!r}: {again.message()[:300]!r}", run.args, "the filters that would help are named")
    return None


def examine(bench, made, plan_):
    bench.reset()
    for name, data in made.items():
        path = os.path.join(os.fsencode(bench.path("in")), os.fsencode(name))
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(data)
        except (IsADirectoryError, NotADirectoryError, FileExistsError):
            continue  # one drawn name is a folder of another
    finds = []
    for args in plan_:
        is_json = "--json" in args or "json" in args
        run = bench.run(*args)
        finds += laws(run, json_out=is_json)
        finds += folder_finds(run, bench, args[args.index("-o") + 1] if "-o" in args and "--split" not in args else "none")
        text = run.message() + ("" if is_json else run.out.decode("utf-8", "replace"))
        for command in dict.fromkeys(commands(text)):
            if find := try_command(bench, run, command):
                finds.append(find)
        if args[0] == "metrics" and "csv" in args and run.status == 0:
            finds += cells(run)
        if "openmetrics" in args and run.status == 0:
            finds += series(run)
        if args[0] == "report" and run.status == 0:
            finds += mutations.page(bench, run)
        if "--split" in args and run.status == 0:
            finds += parts(bench, run)
        for name in os.listdir(bench.work):
            if name != "in" and os.path.isfile(bench.path(name)):
                os.remove(bench.path(name))
        outside = [name for name in os.listdir(bench.root) if name not in ("work", "temp", "out", "err", "shell")]
        if outside:
            finds.append(Find("names-outside", f"written outside of the output's folder: {outside}", run.args, "no name, no path is trusted"))
    return finds


def cells(run):
    """No cell of a table begins with what a spreadsheet takes for a formula."""
    for line in run.out.decode("utf-8", "replace").splitlines()[1:]:
        for cell in re.findall(r'(?:^|,)"?([=+@\t\r][^,]*)', line):
            return [Find("names-formula", f"a spreadsheet takes this for a formula: {cell[:100]!r}", run.args, "a name in a table is text")]
    return []


def series(run):
    """No two samples of one metric, one set of labels and one time."""
    seen = set()
    for line in run.out.decode("utf-8", "replace").splitlines():
        if line.startswith("#"):
            continue
        name, _, moment = line.rpartition(" ")
        key = (name.rpartition(" ")[0], moment)
        if key in seen:
            return [Find("names-openmetrics-twice", f"two samples: {line[:200]!r}", run.args, "openmetrics has gauges with the time at which their stretch begins")]
        seen.add(key)
    return []


def parts(bench, run):
    """The names of parts and the table of them are text as well."""
    for name in os.listdir(bench.work):
        if CONTROL.search(name):
            return [Find("names-part", f"control or invisible character in the part's name {name!r}", run.args, "--split: a table to choose by")]
    with open(bench.path("out.csv"), encoding="utf-8", errors="surrogateescape") as file:
        table = file.read()
    if hit := CONTROL.search(table):
        return [Find("names-index", f"U+{ord(hit.group()):04X} in out.csv", run.args, "--split: a table to choose by")]
    return []


def attack(bench, rng):
    made, chosen = files(rng), plan(rng)
    finds = examine(bench, made, chosen)
    return [(find, lambda find=find: shrink(bench, made, find)) for find in finds]


def shrink(bench, made, find):
    """Without the lines and files that it does not need."""
    seen = Shrinking(find, lambda candidate: examine(bench, candidate, [find.args]), tries=2000)
    if not seen.shows(made):
        return inside(made), find
    made = seen.without_files(made)
    for name in list(made):
        lines = made[name].split(b"\n")
        for number in range(len(lines) - 1, 0, -1):
            fewer = lines[:number] + lines[number + 1:]
            if seen.shows({**made, name: b"\n".join(fewer)}):
                lines = fewer
                made = {**made, name: b"\n".join(lines)}
    return inside(made), seen.best
