"""Writes the files of each bomb. BUILDERS has one function a bomb, by its name."""

import base64
import gzip
import io
import json
import os
import struct
import subprocess
import tarfile
import zipfile
from dataclasses import dataclass

import parquet
import wrappers

RECORD = b"2 111122223333 eni-1 10.0.0.1 10.0.0.2 1000 443 6 1 60 1600000000 1600000001 ACCEPT OK\n"
HEADER = b"version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n"
MIB = 1 << 20
BUILDERS = {}


@dataclass
class Plan:
    """What a bomb may take, and what it must not cost."""

    rss: int = 256 * MIB  # 64 MiB of --memory, and what docs/limits.md adds to it
    seconds: int = 20  # of CPU time
    beside: bool = True  # a good file is beside the bomb, and must be read
    may_refuse: bool = False
    addresses: int = 0  # limit of address space, if it is not the usual one
    commands: object = None


def bomb(make):
    BUILDERS[make.__name__] = make
    return make


def save(folder, name, *parts):
    with open(os.path.join(folder, name), "wb") as file:
        for part in parts:
            file.write(part)


def packed(folder, name, rng, parts):
    """Saves the parts, compressed as they come; without keeping them whole."""
    if wrappers.ZSTD and rng.random() < 0.5:
        with open(os.path.join(folder, name), "wb") as file:
            with subprocess.Popen([wrappers.ZSTD, "-q", "-1", "-c"], stdin=subprocess.PIPE, stdout=file) as child:
                for part in parts:
                    child.stdin.write(part)
                child.stdin.close()
    else:
        with gzip.open(os.path.join(folder, name), "wb", 1) as file:
            for part in parts:
                file.write(part)


def many(part, size):
    """`size` bytes, made of `part`."""
    block = part * max(1, MIB // len(part))
    while size > 0:
        yield block[:size]
        size -= len(block)


def tar_head(name, size, kind):
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)[:512]


def tar_member(name, data):
    return tar_head(name, len(data), b"0") + data + b"\0" * (-len(data) % 512)


@bomb
def tar_long_name(folder, rng):
    size, kind = rng.choice([1 << 20, 64 << 20, 200 << 20]), rng.choice([b"L", b"K", b"x", b"g"])
    fill = rng.choice([b"\0", b"a", b"13 path=abcd\n"])
    packed(folder, "a.tar.gz", rng, [tar_head("././@LongLink", size, kind), *many(fill, size), b"\0" * (-size % 512),
                                     tar_member("a.log", RECORD), b"\0" * 1024])


@bomb
def tar_claims(folder, rng):
    """Sizes that nothing bears out, in the header and in PAX."""
    record = b"size=%d\n" % (1 << rng.choice([40, 62, 63]))
    record = b"%d %s" % (len(record) + 3, record)
    head = bytearray(tar_head("a.log", 0, b"0"))
    head[124:136] = rng.choice([b"\x80" + b"\x7f" * 11, b"\xff" * 12, b"\x80" + b"\0" * 3 + b"\x7f" + b"\xff" * 7, b"77777777777\0"])
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    save(folder, "a.tar", bytes(head), RECORD)
    save(folder, "b.tar", tar_head("x", len(record), b"x"), record.ljust(512, b"\0"), tar_member("a.log", RECORD), b"\0" * 1024)
    save(folder, "c.tar", tar_head("x", 1 << 33, rng.choice([b"L", b"x", b"S", b"D"])), b"a" * 2048)


@bomb
def tar_headers_without_end(folder, rng):
    """Long-name headers one after another, a million members, or empty members."""
    unit = rng.choice([tar_head("././@LongLink", 10, b"L") + b"longname".ljust(512, b"\0"), tar_member("a.log", b""),
                       tar_head("x", 12, b"g") + b"12 path=abc\n".ljust(512, b"\0")])
    packed(folder, "a.tar.gz", rng, [*many(unit * 64, 200 * MIB // len(unit) * len(unit)), tar_member("a.log", RECORD), b"\0" * 1024])


@bomb
def zip_inflates(folder, rng):
    with zipfile.ZipFile(os.path.join(folder, "a.zip"), "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name in ("a.log", "b.log"):
            with file.open(name, "w") as member:
                for part in many(rng.choice([b"\0", b"\n", b"a", b"{", b" "]), rng.choice([64, 300]) * MIB):
                    member.write(part)


@bomb
def zip_of_many(folder, rng):
    with zipfile.ZipFile(os.path.join(folder, "a.zip"), "w") as file:
        for number in range(60_000):
            file.writestr(zipfile.ZipInfo(f"{number}-{'n' * rng.choice([1, 200])}"), RECORD if number % 1000 == 0 else b"")


@bomb
def zip_names(folder, rng):
    """Names of 65,535 bytes, a comment as long, and members that share their data."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for number in range(200):
            file.writestr("n" * 65_000 + f"{number:05}", RECORD)
        file.comment = b"PK\x05\x06" * 16_000
    save(folder, "a.zip", out.getvalue())


@bomb
def zip_claims(folder, rng):
    """A directory that claims entries, sizes and places that are not there."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("a.log", RECORD)
    data = out.getvalue()
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    for number in range(12):
        broken = bytearray(data)
        place = rng.choice([at + 20, at + 24, at + 28, at + 30, at + 42, end + 8, end + 10, end + 12, end + 16])
        broken[place:place + 4] = struct.pack("<I", rng.choice([0xFFFFFFFF, 0x7FFFFFFF, 0xFFFF, 1 << 24]))
        save(folder, f"{number}.zip", bytes(broken))
    wide = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, 1 << 40, 1 << 40, 1 << 50, 0) + struct.pack("<IIQI", 0x07064B50, 0, len(data), 1)
    save(folder, "w.zip", data[:end], wide, b"PK\x05\x06" + b"\xff" * 16 + b"\0\0")


@bomb
def stream_inflates(folder, rng):
    """A gigabyte of one character in some kilobytes or a megabyte."""
    packed(folder, "a.gz", rng, many(rng.choice([b"\0", b"\n", b"a", b" ", b"[", b"{", b'"', b"\xff", b"a b\n", b"\r"]), 600 * MIB))


@bomb
def members_without_end(folder, rng):
    """Two million empty members or frames."""
    empty = rng.choice([gzip.compress(b"", mtime=0), b"\x28\xb5\x2f\xfd\x20\x00\x01\x00\x00", b"\x50\x2a\x4d\x18\0\0\0\0"])
    save(folder, "a.gz", *many(empty * 1000, len(empty) * 2_000_000), rng.choice([b"", gzip.compress(RECORD)]))


@bomb
def compressed_in_compressed(folder, rng):
    data = RECORD
    for _ in range(rng.choice([4, 5, 50])):
        data = gzip.compress(data, 1)
    save(folder, "a.gz", data)
    inner = gzip.compress(b"".join(many(b"\0", 100 * MIB)), 9)
    save(folder, "b.gz", gzip.compress(gzip.compress(inner)))


@bomb
def zstd_windows(folder, rng):
    """Frame headers that ask for windows of up to 3.75 TiB, contents of 2^64 bytes, and skipped frames of 4 GiB."""
    for number, window in enumerate((0xFF, 0xA8, 0x98, 0x58)):
        save(folder, f"{number}.zst", b"\x28\xb5\x2f\xfd\x00" + bytes([window]) + b"\x03\x00\x00" + b"a" + b"\xff" * 16)
    save(folder, "c.zst", b"\x28\xb5\x2f\xfd\xe0" + b"\xff" * 8 + struct.pack("<I", (1 << 3 | 2) << 0)[:3] + b"a")
    save(folder, "s.zst", b"\x50\x2a\x4d\x18\xff\xff\xff\xff")
    rle = struct.pack("<I", (131072 << 3) | 2)[:3] + b"\n"
    save(folder, "r.zst", b"\x28\xb5\x2f\xfd\x00\x58", rle * 8000, struct.pack("<I", 1)[:3])


def parquet_bomb(what):
    def make(folder, rng):
        for number in range(1 if what.startswith("millions") else 3):
            save(folder, f"{number}.parquet", parquet.hostile(rng)[what]())
        return Plan(rss=420 * MIB)
    make.__name__ = "parquet " + what
    return make


for _what in parquet.NAMES:
    bomb(parquet_bomb(_what))


@bomb
def json_deep(folder, rng):
    depth = rng.choice([10_000, 1_000_000])
    opening, closing = rng.choice([(b"[", b"]"), (b'{"a":', b"}"), (b'{"message":[', b"]}"), (b'{"Records":[', b"]}"), (b'{"events":[', b"]}")])
    save(folder, "a.json", opening * depth, b"1", closing * depth)
    save(folder, "b.json", opening * depth)


@bomb
def json_in_strings(folder, rng):
    """Messages in messages: the escapes double with each."""
    data = RECORD.decode().strip()
    for _ in range(rng.choice([4, 12, 16])):
        data = json.dumps({rng.choice(["message", "Message", "data"]): data})
    save(folder, "a.json", data.encode())


@bomb
def json_large(folder, rng):
    """An object near and over 64 MiB: one string, many keys, many numbers."""
    size = rng.choice([40, 63, 80]) * MIB
    inner = rng.choice([b'"' + b"a" * size + b'"', b"[" + b"1," * (size // 2) + b"1]", b"{" + b'"k":1,' * (size // 6) + b'"k":1}', b'"' + b"\\u0041" * (size // 6) + b'"',
                        b"[" + b"{}," * (size // 3) + b"{}]", b"[" + b"[]," * (size // 3) + b"[]]"])
    save(folder, "a.json", b'{"message":', inner, b"}\n", b'{"message":"', RECORD.strip(), b'"}\n')
    return Plan(rss=420 * MIB)


@bomb
def base64_in_event(folder, rng):
    # Each brace is a broken record of its own, of which the tool counts some 40 million a second.
    part, size = rng.choice([(b"\0", 300), (b"{", 200), (b" ", 300)])
    inner = base64.b64encode(gzip.compress(b"".join(many(part, size * MIB)), 9))
    save(folder, "a.json", b'{"awslogs":{"data":"', inner, b'"}}')
    save(folder, "b.json", b'{"Records":[{"kinesis":{"data":"', inner, b'"}}]}')


@bomb
def endless_line(folder, rng):
    part = rng.choice([b"a", b" ", b"\t", b"a ", b"10.0.0.1 ", b'"', b",", b"2 111122223333 eni-1 ", b"\xff", b"1"])
    save(folder, "a.log", rng.choice([b"", HEADER]), *many(part, 150 * MIB))


@bomb
def many_files(folder, rng):
    for number in range(100_000):
        if number % 1000 == 0:
            os.makedirs(os.path.join(folder, str(number // 1000)))
        save(os.path.join(folder, str(number // 1000)), f"{number}.log", RECORD if number % 500 == 0 else rng.choice([b"", HEADER]))
    return Plan(seconds=60, commands=[["convert", "in", "-o", "out.pcapng", "--memory", "64MiB"], ["inspect", "in"]])


@bomb
def folders_and_specials(folder, rng):
    """Loops of links, deep folders, a pipe nobody writes to, links to devices."""
    at = folder
    for number in range(120):
        at = os.path.join(at, "deep")
        os.mkdir(at)
    save(at, "a.log", RECORD)
    os.symlink(folder, os.path.join(folder, "loop"))
    os.symlink("nowhere", os.path.join(folder, "broken"))
    os.symlink("self", os.path.join(folder, "self"))
    os.mkfifo(os.path.join(folder, "pipe"))
    os.symlink("/dev/zero", os.path.join(folder, "zero"))
    os.symlink("/proc/self/mem", os.path.join(folder, "mem"))
    os.symlink("/dev/stdin", os.path.join(folder, "stdin"))


@bomb
def little_space(folder, rng):
    """Too little address space ends with a message, not with an abort."""
    save(folder, "a.log", HEADER, RECORD * 20_000)
    space = rng.choice([16, 24, 32, 48, 64, 96, 128, 160, 200, 260]) * MIB
    return Plan(addresses=space, may_refuse=True, commands=[["convert", "in", "-o", "out.pcapng"], ["inspect", "in"], ["diagnose", "in"], ["convert", "in", "-o", "out.pcapng.zst"], ["metrics", "in"]])


@bomb
def arguments(folder, rng):
    """Options that ask for much: deep filters, long orders, times and sizes beyond any number."""
    deep = rng.choice([1_000, 30_000, 100_000])
    filters = ["(" * deep, "(" * deep + "tcp" + ")" * min(deep, 120_000 - deep), "not " * min(deep, 30_000) + "tcp", "tcp and " * 10_000 + "tcp", "host " + "1" * 100_000, "port " + "9" * 400,
               "packets > " + "9" * 400, "net 0.0.0.0/999", "portrange 1-" + "9" * 30, "!" * deep + "tcp", "\x1b[31m", "flags " + "syn," * 20_000]
    chosen = [["inspect", "in", "--filter", text] for text in filters]
    chosen += [["convert", "in", "-o", "out.pcapng", *more] for more in (
        ["--threads", "100000"], ["--threads", "0"], ["--max-per-record", "0"], ["--max-per-record", "18446744073709551615"], ["--memory", "99999999TiB"], ["--memory", "16MiB"],
        ["--from", "-99999999999999h"], ["--from", "99999999999999999999"], ["--to", "-1"], ["--from", "9999-12-31"], ["--split", "size=0"], ["--split", "size=1"], ["--split", "connections=0"],
        ["--max-packets", "0"], ["--temp-dir", "/nonexistent"], ["--format", "${a} " * 20_000], ["--format", "\x1b[31m \u202e"], ["--eni", "\x1b[31m"], ["--host", "\u202e1"])]
    chosen += [["metrics", "in", *more] for more in (["--every", "0s"], ["--every", "99999999999d"], ["--every", "1ns"], ["--top", "18446744073709551615"], ["--top", "0"], ["--namespace", "\x1b[31m", "--format", "cloudwatch"])]
    chosen += [["convert", "\x1b[31m", "-o", "out.pcapng"], ["convert", "in", "-o", "no\x1b[31m/such/out.pcapng"], ["convert", "in", "-o", "in/good.log"], ["setup", "\x1b[31m", "-d", "s3://a"],
               ["\x1b[31m"], ["convert", "--\x1b[31m"], ["setup", "vpc-12345678", "-d", "s3://\x1b[31m"]]
    return Plan(commands=rng.sample(chosen, 14), may_refuse=True, beside=False)


