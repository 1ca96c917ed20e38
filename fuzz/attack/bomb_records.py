"""Bombs of plain text: long names, wide headers, very many records, and numbers and times beyond all measure."""

from bomb_files import HEADER, MIB, RECORD, Plan, bomb, save


@bomb
def wide_header(folder, rng):
    """A header line of a hundred thousand columns, and one with every name many times."""
    save(folder, "a.log", HEADER.strip(), b" ", b" ".join(b"c%d" % number for number in range(100_000)), b"\n", RECORD)
    save(folder, "b.log", HEADER.strip(), b" extra" * 100_000, b"\n", RECORD)
    save(folder, "c.csv", b'"' + HEADER.strip().replace(b" ", b'","') + b'"', b"\n", b'"2' + b"\n" * 1_000_000)


@bomb
def long_names(folder, rng):
    """Names of 70,000 characters in every column that has names."""
    names = HEADER.strip() + b" vpc-id subnet-id instance-id region az-id reject-reason instance-tag\n"
    rows = []
    for number in range(200):
        long = (b"n%03d" % number) + rng.choice([b"x", "é".encode()]) * 35_000
        cells = [b"11", b"1", b"eni-1", b"10.0.0.1", b"10.0.0.%d" % number, b"1000", b"443", b"6", b"1", b"60", b"1600000000", b"1600000001", b"REJECT", b"OK",
                 b"vpc-1", b"subnet-1", b"i-1", b"r", b"az", b"-", b"t"]
        for column in rng.sample([1, 2, 14, 15, 16, 17, 18, 19, 20], 2):
            cells[column] = long
        rows.append(b" ".join(cells))
    save(folder, "a.log", names, b"\n".join(rows), b"\n")
    return Plan(commands=every(["--by", "eni", "--format", "table"]))


def every(metrics):
    """All subcommands, for bombs that are about what is printed."""
    memory = ["--memory", "64MiB"]
    return [["convert", "in", "-o", "out.pcapng", "--comments", "all", *memory], ["inspect", "in"], ["inspect", "in", "--json"], ["metrics", "in", *metrics, *memory],
            ["diagnose", "in", *memory], ["report", "in", "-o", "out.html", *memory]]


@bomb
def one_long_eni(folder, rng):
    long = b"e" * rng.choice([65_535, 65_536, 70_000, 1_000_000])
    save(folder, "a.log", HEADER, RECORD.replace(b"eni-1", long))
    return Plan(commands=every(["--by", "eni", "--format", rng.choice(["table", "csv", "openmetrics"])]))


@bomb
def many_enis(folder, rng):
    save(folder, "a.log", HEADER, *(RECORD.replace(b"eni-1", b"eni-%d" % number).replace(b"10.0.0.1 ", b"10.1.%d.%d " % (number >> 8, number & 255)) for number in range(50_000)))
    return Plan(rss=320 * MIB)


def rows(count, line):
    """`count` records as blocks of text."""
    block = []
    for number in range(count):
        block.append(line(number))
        if len(block) == 10_000:
            yield "".join(block).encode()
            block = []
    yield "".join(block).encode()


FLAGS = HEADER.strip() + b" tcp-flags\n"


@bomb
def same_second(folder, rng):
    """Records that all begin in one second: nothing can be written before all are known."""
    count, packets = rng.choice([(200_000, 50), (1_000_000, 1), (500_000, 3)])
    save(folder, "a.log", FLAGS, *rows(count, lambda n: f"5 1 eni-1 10.0.{n >> 16 & 255}.{n >> 8 & 255} 10.1.{n & 255}.2 {n % 60000 + 1000} 443 6 {packets} {packets * 100} 1600000000 1600000059 ACCEPT OK 3\n"))
    return Plan(seconds=60, commands=[["convert", "in", "-o", "out.pcapng", "--memory", "64MiB"], ["metrics", "in", "--once", "--memory", "64MiB"]])


@bomb
def steady_rate(folder, rng):
    """2,000 records a second for 300 seconds, all of connections that have begun."""
    save(folder, "a.log", FLAGS, *rows(600_000, lambda n: f"5 1 eni-1 10.0.{n >> 16 & 255}.{n >> 8 & 255} 10.1.{n & 255}.2 {n % 60000 + 1000} 443 6 20 2000 {1600000000 + n // 2000} {1600000059 + n // 2000} ACCEPT OK {n % 4}\n"))
    return Plan(seconds=60, commands=[["convert", "in", "-o", "out.pcapng", "--memory", "64MiB"]])


@bomb
def one_conversation(folder, rng):
    """A million records of one five-tuple: rebuilt whole, or refused with what it takes."""
    proto = rng.choice([6, 17])
    save(folder, "a.log", FLAGS, *rows(rng.choice([100_000, 600_000]), lambda n: f"5 1 eni-1 10.0.0.1 10.0.0.2 1000 443 {proto} 3 300 {1600000000 + n} {1600000059 + n} ACCEPT OK 0\n"))
    return Plan(may_refuse=True, seconds=60, commands=[["convert", "in", "-o", "out.pcapng", "--memory", "64MiB"], ["diagnose", "in", "--memory", "64MiB"]])


@bomb
def many_views(folder, rng):
    """One conversation seen by 20,000 ENIs."""
    save(folder, "a.log", FLAGS, *rows(20_000, lambda n: f"5 1 eni-{n} 10.0.0.1 10.0.0.2 1000 443 6 3 300 {1600000000 + n % 7} {1600000009 + n % 50} ACCEPT OK 0\n"))


@bomb
def opens_again(folder, rng):
    """One five-tuple opened and closed two hundred thousand times."""
    save(folder, "a.log", FLAGS, *rows(200_000, lambda n: f"5 1 eni-1 10.0.0.1 10.0.0.2 1000 443 6 3 180 {1600000000 + n * 2} {1600000001 + n * 2} ACCEPT OK {(2, 1, 4, 3)[n % 4]}\n"))
    return Plan(may_refuse=True, seconds=60)


@bomb
def huge_counts(folder, rng):
    numbers = [9_000_000, 4_194_305, 2 ** 31, 2 ** 32, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1]
    lines = [f"5 1 eni-{n % 3} 10.0.{n}.1 10.0.0.2 {1000 + n} 443 {rng.choice([6, 17, 1])} {rng.choice(numbers)} {rng.choice([0, 60, 2 ** 40, 2 ** 63, 2 ** 64 - 1])} {start} {start + rng.choice([0, 59])} {rng.choice(['ACCEPT', 'REJECT'])} OK {rng.choice([0, 2, 3, 7, 18, 255])}\n"
             for n, start in enumerate([1600000000] * 12)]
    save(folder, "a.log", FLAGS, "".join(lines).encode())
    return Plan(commands=[["convert", "in", "-o", "out.pcapng", "--memory", "64MiB"], ["convert", "in", "-o", "out.pcapng", "--detail", "control", "--memory", "64MiB"], ["inspect", "in", "--json"],
                          ["metrics", "in", "--measure", "packets,bytes", "--every", "1m", "--format", "json"], ["diagnose", "in"], ["report", "in", "-o", "out.html"]])


@bomb
def exact_of_nine_million(folder, rng):
    save(folder, "a.log", FLAGS, f"5 1 eni-1 10.0.0.1 10.0.0.2 4000 443 {rng.choice([6, 17])} {rng.choice([9_000_000, 2 ** 40])} 900000000 1600000000 1600000059 ACCEPT OK 0\n".encode())
    return Plan(seconds=60, rss=1500 * MIB, commands=[["convert", "in", "-o", "out.pcapng", "--detail", "exact"]])


@bomb
def times_apart(folder, rng):
    """Two records 290 years apart: silence is 0 in every stretch between them."""
    save(folder, "a.log", HEADER, RECORD.replace(b"1600000000 1600000001", b"1 2"), RECORD.replace(b"1600000000 1600000001", b"9200000000 9200000001"),
         RECORD.replace(b"1600000000 1600000001", b"5 9200000000"))
    return Plan(rss=512 * MIB, commands=[["metrics", "in", "--every", rng.choice(["30s", "1m", "1h", "1d"]), "--format", how, "--memory", "64MiB"] for how in ("csv", "json", "table", "openmetrics")]
                + [["convert", "in", "-o", "out.pcapng", "--split", "hour"], ["convert", "in", "-o", "out.pcapng"], ["diagnose", "in"], ["report", "in", "-o", "out.html"], ["inspect", "in"]])


@bomb
def many_sums(folder, rng):
    """A million different sums for metrics, and more paths than diagnose keeps."""
    save(folder, "a.log", FLAGS, *rows(400_000, lambda n: f"5 1 eni-1 {n >> 16 & 255}.{n >> 8 & 255}.{n & 255}.9 10.{n >> 8 & 255}.{n & 255}.2 {n % 60000 + 1000} {n % 65536} 6 1 60 {1600000000 + n // 50} {1600000000 + n // 50} {('REJECT', 'ACCEPT')[n % 2]} OK 2\n"))
    return Plan(seconds=60, commands=[["metrics", "in", "--by", "srcaddr,dstaddr,dstport", "--every", "1m", "--memory", "64MiB"], ["diagnose", "in", "--memory", "64MiB"], ["report", "in", "-o", "out.html", "--memory", "64MiB"]])
