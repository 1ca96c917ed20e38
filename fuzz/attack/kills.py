"""kill -9 and other signals at random moments: the output is whole or as it was before, and nothing stays.

After SIGKILL a `.part` file may stay until the next run that writes to the folder; after any other signal
nothing may.
"""

import gzip
import os
import random
import signal
import time

from tool import Find, laws

WHOLE = "The output is whole or as it was before, whatever ends the run"
REMOVED = "after SIGKILL it stays, and the next run that writes to the folder removes it"
MODE = 0o640  # of the files that a run replaces
_inputs = {}
_whole = {}


def archive(rng):
    """A log that takes some tenths of a second to convert; made once for each size and worker."""
    size = rng.choice([2_000, 2_000, 20_000])
    if size not in _inputs:
        made = random.Random(size)
        rows = ["version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status tcp-flags"]
        for number in range(size):
            start = 1_700_000_000 + made.randrange(7200)
            rows.append(f"3 1 eni-{number % 7} 10.0.{number >> 8 & 255}.{number & 255} 10.9.0.{number % 5} {1024 + number} 443 6 {made.randrange(1, 30)} 40000 {start} {start + 50} ACCEPT OK {made.choice([0, 2, 3])}")
        _inputs[size] = gzip.compress(("\n".join(rows) + "\n").encode(), 1)
    return size, _inputs[size]


def plan(rng):
    return rng.choice([["convert", "in", "-o", "out/c.pcapng"], ["convert", "in", "-o", "out/c.pcapng", "--detail", "exact", "--memory", "16MiB"],
                       ["convert", "in", "-o", "out/c.pcapng.zst"], ["convert", "in", "-o", "out/c.pcapng.gz"], ["report", "in", "-o", "out/c.html"],
                       ["convert", "in", "-o", "out/c.pcapng", "--split", "eni"], ["convert", "in", "-o", "out/c.pcapng", "--split", "connections=20"],
                       ["convert", "in", "-o", "out/c.pcapng", "--split", "connections=10"], ["convert", "in", "-o", "out/c.pcapng", "--split", "connections=5"],
                       ["convert", "in", "-o", "out/c.pcap"]])


def listing(bench):
    found = {}
    for name in os.listdir(bench.path("out")):
        with open(bench.path("out", name), "rb") as file:
            found[name] = file.read()
    return found


def attack(bench, rng):
    size, data = archive(rng)
    args = [*plan(rng), "-q"]
    bench.reset()
    os.makedirs(bench.path("in"))
    os.makedirs(bench.path("out"))
    with open(bench.path("in", "a.log.gz"), "wb") as file:
        file.write(data)
    key = (size, *args)
    if key not in _whole:
        began = time.monotonic()
        run = bench.run(*args, seconds=60)
        if run.status != 0:
            return wrapped(laws(run), data)
        _whole[key] = (listing(bench), time.monotonic() - began)
        for name in os.listdir(bench.path("out")):
            os.remove(bench.path("out", name))
    whole, took = _whole[key]
    before = {}
    if rng.random() < 0.5:
        before = {name: b"before " + name.encode() for name in whole}
        for name, content in before.items():
            with open(bench.path("out", name), "wb") as file:
                file.write(content)
            os.chmod(bench.path("out", name), MODE)
    if args[0] == "report":
        whole = {name: None for name in whole}  # the page may say how long it took
    number = rng.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
    late = rng.random() < 0.4  # renames happen at the very end
    delay = took * (0.8 + rng.random() * 0.4) if late else took * rng.random()
    began = time.monotonic()
    pid = bench.start(args)
    if before and rng.random() < 0.6:
        watch(bench, before, took, rng)
    else:
        time.sleep(delay)
    os.kill(pid, number)
    run = bench.wait(pid, args, began, 60)
    finds = []
    if run.status not in (0, -signal.SIGKILL, 128 + number, -number):
        finds.append(Find("kill-status", f"exit status {run.status} after signal {number}", args, "129, 130, 143: ended by SIGHUP, SIGINT or SIGTERM"))
    finds += state(bench, args, whole, before, run, number)
    again = bench.run(*args, seconds=60)
    if again.status != 0:
        finds.append(Find("kill-next-run", f"the next run: exit status {again.status}, {again.message()[-300:]}", args, REMOVED))
    after = listing(bench)
    stray = sorted(set(after) - set(whole) - set(before))
    if stray:
        finds.append(Find("kill-left", f"the next run left {stray[:4]}", args, REMOVED))
    for name, content in whole.items():
        if after.get(name) != content and content is not None:
            finds.append(Find("kill-next-bytes", f"{name} differs after the next run", args, "The same input gives the same bytes"))
            break
    modes = {name: os.stat(bench.path("out", name)).st_mode & 0o777 for name in before if name in after}
    if again.status == 0 and any(mode != MODE for mode in modes.values()):
        finds.append(Find("kill-mode", f"mode {MODE:o} of a file that was replaced became {set(map(oct, modes.values()))}", args, "a replaced file keeps its mode"))
    left = os.listdir(bench.temp)
    if left:
        finds.append(Find("kill-temp", f"in TMPDIR: {left[:3]}", args, "The files have no names, so that nothing remains of them, however a run ends"))
    return wrapped(finds, data)


def watch(bench, before, took, rng):
    """Waits until the first old file is replaced, and a moment more: the run is among its renames."""
    folder, last = bench.path("out"), time.monotonic() + took * 2
    inodes = {name: os.stat(os.path.join(folder, name)).st_ino for name in before}
    probe = rng.choice(list(before))
    while time.monotonic() < last:
        try:
            if os.stat(os.path.join(folder, probe)).st_ino != inodes[probe]:
                break
        except FileNotFoundError:
            break
    time.sleep(rng.choice([0, 0, 0.0001, 0.001]))


def wrapped(finds, data):
    return [(find, lambda find=find: ({"in/a.log.gz": data}, find)) for find in finds]


def state(bench, args, whole, before, run, number):
    """Each name in the output's folder holds what a whole run writes, or what it held before."""
    finds, found = [], listing(bench)
    fresh = 0
    for name, content in found.items():
        if name.startswith(".flow2pcap-"):
            if number != signal.SIGKILL:
                finds.append(Find("kill-part", f"{name} stays after signal {number}", args, "A run that fails or is interrupted removes that file"))
        elif name in before and content == before[name]:
            pass
        elif name in whole and (content == whole[name] or whole[name] is None and content.rstrip().endswith(b"</html>")):
            fresh += 1
        else:
            finds.append(Find("kill-half", f"{name} has {len(content)} bytes, neither old nor whole", args, WHOLE))
    missing = [name for name in before if name not in found]
    if missing and number == signal.SIGKILL and len(before) > 1:
        missing = []  # parts of --split are not promised if SIGKILL falls between their renames
    if missing:
        finds.append(Find("kill-old-gone", f"{missing[:3]} were there before and are gone", args, WHOLE))
    if number != signal.SIGKILL and run.status != 0 and fresh not in (0, len(whole)):
        finds.append(Find("kill-some-parts", f"{fresh} of {len(whole)} parts are new after signal {number}", args, "All parts appear at the end or none"))
    return finds
