"""Attacks the real flow2pcap and compares with an independent truth; see fuzz/README.md."""

import argparse
import importlib
import multiprocessing
import os
import random
import shlex
import shutil
import signal
import sys
import time
import traceback
from collections import Counter

sys.dont_write_bytecode = True
import tool  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BINARY = os.path.normpath(os.path.join(HERE, "../../target/release/flow2pcap"))
KINDS = {"mutation": ("mutations", 80), "archive": ("archives", 13), "names": ("names", 4), "kill": ("kills", 2), "bomb": ("bombs", 1)}
"""Module of each kind, and how many of a hundred rounds it gets."""

EXAMPLES = """examples:
  python3 fuzz/attack
      A thousand rounds against target/release/flow2pcap.
  python3 fuzz/attack --rounds 10000 --jobs 2 --seed 7
      What a release has to pass.
  python3 fuzz/attack --only bomb
      Each bomb once.
  python3 fuzz/attack --only archive --first 4711 --rounds 1 --seed 7
      One round again: a find names its kind, round and seed.

Exit status: 0 no find; 1 finds, each with its inputs, command line and reason in a folder of its own; 2 wrong arguments.
"""

BENCH = None
OPTIONS = None


def kind_of(number):
    """The kind of a round: spread evenly, the same for everybody."""
    place = number * 37 % 100
    for kind, (_, share) in KINDS.items():
        place -= share
        if place < 0:
            return kind
    raise AssertionError("shares add up to 100")


def prepare(options, root):
    """Gives a worker process its own folder."""
    global BENCH, OPTIONS
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    OPTIONS = options
    BENCH = tool.Bench(options.binary, root)


def play(number):
    """Plays one round; returns its number, kind and finds, the first of each class with its folder."""
    kind = OPTIONS.only or kind_of(number)
    rng = random.Random(f"{OPTIONS.seed}/{kind}/{number}")
    module = importlib.import_module(KINDS[kind][0])
    try:
        BENCH.reset()
        found = module.attack(BENCH, rng) if kind != "bomb" else module.attack(BENCH, rng, number)
        return number, kind, [keep(kind, number, find, shrink) for find, shrink in found]
    except Exception:
        trace = traceback.format_exc()
        return number, kind, [("script-error", trace, "")]


def keep(kind, number, find, shrink):
    """Saves a find unless its class has enough of them; returns (slug, why, folder)."""
    folder = None
    for copy in range(OPTIONS.keep):
        path = os.path.join(OPTIONS.finds, f"{find.slug}-{copy + 1}")
        try:
            os.makedirs(path)
            folder = path
            break
        except FileExistsError:
            continue
    if folder is None:
        return find.slug, find.why, ""
    files, find = shrink()
    for name, data in files.items():
        path = os.path.join(os.fsencode(folder), b"work", os.fsencode(name))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
    command = "flow2pcap " + " ".join(shlex.quote(os.fsdecode(arg)) for arg in find.args)
    with open(os.path.join(folder, "reason.txt"), "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(f"{find.why!r}\n\npromise: {find.promise}\n\nin the folder work: {command}\n\n"
                   f"again: python3 fuzz/attack --only {kind} --first {number} --rounds 1 --seed {OPTIONS.seed}\n")
    return find.slug, find.why, folder


def parse():
    parser = argparse.ArgumentParser(prog="python3 fuzz/attack", description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, metavar="N", help="how many rounds [default: 1000; with --only bomb, each bomb once]")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="number of the first round [default: 0]")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="other seeds give other rounds [default: 1]")
    parser.add_argument("--binary", default=BINARY, metavar="PATH", help="what to attack [default: target/release/flow2pcap]")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="rounds at once [default: one for each core]")
    parser.add_argument("--only", choices=list(KINDS), help="only rounds of one kind")
    parser.add_argument("--finds", default="fuzz/artifacts/attack", metavar="FOLDER", help="where finds go [default: fuzz/artifacts/attack]")
    parser.add_argument("--keep", type=int, default=2, metavar="N", help="how many finds of one class are saved [default: 2]")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")
    options = parser.parse_args()
    if not os.access(options.binary, os.X_OK):
        parser.error(f"{options.binary} is no program; build it with cargo build --release, or name it with --binary")
    return options


def say(line):
    print(line, file=sys.stderr, flush=True)


def ended(*_):
    raise KeyboardInterrupt


def main():
    options = parse()
    os.makedirs(options.finds, exist_ok=True)
    if options.only == "bomb" and options.rounds is None:
        options.rounds = len(importlib.import_module("bombs").BOMBS)
    options.rounds = 1000 if options.rounds is None else options.rounds
    signal.signal(signal.SIGTERM, ended)
    classes, played, began = Counter(), Counter(), time.monotonic()
    root = tool.make_root()
    try:
        with multiprocessing.Pool(options.jobs, prepare, (options, root)) as pool:
            watch(pool, options, classes, played, began)
    except KeyboardInterrupt:
        say("ended early")
    finally:
        shutil.rmtree(root, ignore_errors=True)
    for slug, count in classes.most_common():
        print(f"{count:6} {slug}")
    print(f"{dict(played)} in {time.monotonic() - began:.0f} s")
    print(f"{sum(played.values())} rounds, {sum(classes.values())} finds")
    return 1 if classes else 0


def watch(pool, options, classes, played, began):
    """Plays the rounds, and counts and tells what comes back."""
    bad, said = 0, 0.0
    for number, kind, found in pool.imap_unordered(play, range(options.first, options.first + options.rounds)):
        played[kind] += 1
        bad += bool(found)
        for slug, why, folder in found:
            classes[slug] += 1
            if slug == "script-error":
                say(f"round {number} ({kind}): the attack itself failed\n{why}")
            elif folder:
                say(f"round {number} ({kind}): {slug}: {why[:300]!r}\n  {folder}")
        now = time.monotonic()
        if not options.quiet and now - said > 5:
            said, done = now, sum(played.values())
            say(f"{done} of {options.rounds} rounds, {bad} with finds, {done / (now - began):.1f} a second")


if __name__ == "__main__":
    sys.exit(main())
