"""Bombs: small or simple inputs that ask for much time, memory, stack or room.

Each runs with `--memory 64MiB` under a limit of address space that a good run does not need. It must end
in time with a documented exit status and bounded memory, and cost the good file beside it nothing.
"""

import os
import re

import bomb_records  # fills BUILDERS as well
import captures
import mutations
from bomb_files import BUILDERS, Plan
from tool import Find, folder_finds, laws

ADDRESSES = 2 << 30
"""Limit of address space: a good run at 64 MiB takes about 0.4 GiB."""

assert bomb_records
BOMBS = list(BUILDERS)
BOUND = "Memory does not grow with the archive"
COST = "Bad input is counted and costs no other record; only a file whose columns cannot be told ends the run"


def commands(plan, rng):
    """The subcommands that the bomb runs through."""
    memory = ["--memory", "64MiB"]
    every = [["convert", "in", "-o", "out.pcapng", *memory], ["inspect", "in"], ["metrics", "in", "--format", "json", *memory],
             ["metrics", "in", "--once", "--by", "eni", "--format", "csv", *memory], ["diagnose", "in", *memory],
             ["report", "in", "-o", "out.html", *memory], ["convert", "in", "-o", "out.pcapng", "--detail", "exact", "--vantage", "all", *memory]]
    if plan.commands is not None:
        return plan.commands
    return [every[0], *rng.sample(every[1:], 2)]


def judge(bench, plan, args):
    """Runs one command and checks it against the plan's limits."""
    run = bench.run(*args, address_space=plan.addresses or ADDRESSES, seconds=plan.seconds)
    finds = laws(run, rss=plan.rss, seconds=plan.seconds, text_out=len(run.out) < 5 << 20)
    output = args[args.index("-o") + 1] if "-o" in args and "--split" not in args else "none"
    if not run.timed_out:
        finds += folder_finds(run, bench, output)
    if run.status == 2 and plan.beside and not allowed(run, plan):
        finds.append(Find(f"{args[0]}-refused", f"exit status 2 beside a good file: {run.message()[-400:]}", run.args, COST))
    if run.status == 0 and output == "out.pcapng" and plan.beside and os.path.getsize(bench.path(output)) < 30 << 20:
        with open(bench.path(output), "rb") as file:
            try:
                capture = captures.read(file.read())
                if not any(seen.tuple == mutations.GOOD_TUPLE for seen in capture.packets):
                    finds.append(Find(f"{args[0]}-good-record-lost", "the record of good.log is not in the capture", run.args, COST))
            except captures.Broken as error:
                finds.append(Find(f"{args[0]}-capture", str(error), run.args, "One pcapng section, nanoseconds, in order of time"))
    for name in os.listdir(bench.work):
        if name != "in":
            os.remove(bench.path(name))
    return finds


def allowed(run, plan):
    """Refusals that docs/limits.md documents: a file of no known columns, and a conversation that does not fit."""
    return plan.may_refuse or "column order is unknown" in run.message()


def attack(bench, rng, number):
    name = BOMBS[number % len(BOMBS)]
    os.makedirs(bench.path("in"))
    with open(bench.path("in", "good.log"), "wb") as file:
        file.write(mutations.GOOD)
    plan = BUILDERS[name](bench.path("in"), rng) or Plan()
    if not plan.beside:
        os.remove(bench.path("in", "good.log"))
    finds = []
    for args in commands(plan, rng):
        for find in judge(bench, plan, args):
            find.slug = "bomb-" + re.sub(r"\W+", "-", name) + "-" + find.slug
            finds.append(find)
    kept = inputs(bench) if finds else {}
    return [(find, lambda find=find: (kept, find)) for find in finds]


def inputs(bench, most=2 << 20):
    """The files of the bomb, if they are small; the round makes the others again."""
    found, total = {}, 0
    for at, _, names in os.walk(bench.path("in")):
        for name in names:
            path = os.path.join(at, name)
            if os.path.isfile(path) and not os.path.islink(path) and total + os.path.getsize(path) < most and len(found) < 50:
                total += os.path.getsize(path)
                with open(path, "rb") as file:
                    found[os.path.relpath(path, bench.work)] = file.read()
    return found
