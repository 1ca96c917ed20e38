"""Deals the records of a world to files: which rows are in which file, under which name, in which wrapper."""

import os
import random
from dataclasses import dataclass

import world as worlds
import wrappers

HEADERLESS = {tuple(worlds.FIELDS[:count]) for count in worlds.VERSIONS.values()}
"""Orders of columns that need no header line."""


@dataclass
class Entry:
    """One file: its name, its rows, and the seed of its wrapper, so that fewer rows can be wrapped alike."""

    name: str
    rows: list
    seed: int
    plain: bool = False


@dataclass
class Package:
    """The files of a world; `archive` is the seed of the zip or tar around them, if there is one."""

    entries: list
    archive: object = None

    def files(self, world):
        found = {}
        for entry in self.entries:
            rng = random.Random(entry.seed)
            found[entry.name] = headed(entry.rows, world, rng) if entry.plain else one_file(entry.rows, world, rng)
        if self.archive is not None:
            found = {"archive.bin": wrappers.archive(list(found.items()), random.Random(self.archive))}
        return found

    def delivered(self):
        return [row for entry in self.entries for row in entry.rows]


def pack(world, rng):
    """Deals the rows of a world to files, in random order; some files are delivered twice."""
    rows = list(world.rows)
    if rng.random() < 0.8:
        rng.shuffle(rows)
    groups, by_eni, parts = {}, rng.random() < 0.5, rng.choice([1, 1, 2, 4])
    for row in rows:
        groups.setdefault((row.layout, row.eni if by_eni else "", rng.randrange(parts)), []).append(row)
    order = list(groups.values())
    rng.shuffle(order)
    entries = [Entry(name(rng, number), group, rng.getrandbits(32)) for number, group in enumerate(order)]
    if rng.random() < 0.1:
        again = rng.choice(entries)
        entries.append(Entry("again-" + os.path.basename(again.name), again.rows, again.seed))
    if len(entries) > 1 and not world.log_format and rng.random() < 0.2:
        entries = [Entry("merged.log", [row for group in order for row in group], rng.getrandbits(32), True)]
    return Package(entries, rng.getrandbits(32) if rng.random() < 0.15 else None)


def headed(rows, world, rng):
    """Rows as text; those of another layout follow after a header line of their own."""
    groups = {}
    for row in rows:
        groups.setdefault(row.layout, []).append(row)
    texts = [wrappers.lines(group, rng, not world.log_format) for group in groups.values()]
    return b"".join(text.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n") + b"\n" for text in texts)


def name(rng, number):
    """A name for a file: AWS's own, an export's, or any."""
    style = rng.randrange(4)
    if style == 0:
        return (f"AWSLogs/111122223333/vpcflowlogs/eu-central-1/2026/03/14/111122223333_vpcflowlogs_eu-central-1_"
                f"fl-0a1b2c3d4e5f60718_20260314T0215Z_{number:08x}.log.gz")
    if style == 1:
        return f"export/eni-{number:08x}-all/000000.gz"
    return f"{rng.choice(['', 'a/', 'b/c/'])}part{number}{rng.choice(['', '.log', '.json', '.txt'])}"


def one_file(group, world, rng):
    """A group of rows in a random wrapper that its layout allows."""
    known = group[0].layout in HEADERLESS and any(row.counts() for row in group)
    kinds = [kind for kind in wrappers.TEXT + wrappers.JSON
             if (kind in wrappers.KEYED and not world.log_format) or (kind not in wrappers.KEYED and (known or world.log_format))]
    weights = [8 if kind in ("text", "plain") else 1 for kind in kinds]
    kind = rng.choices(kinds, weights)[0]
    data = wrappers.wrap(kind, group, rng)
    return data if kind == "subscription" and rng.random() < 0.5 else wrappers.compress(data, rng)


def place(bench, files):
    """Writes the files into the folder `in`."""
    for relative, data in files.items():
        path = bench.path("in", relative)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
