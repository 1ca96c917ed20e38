"""Random networks: connections packet by packet, and the records that ENIs would log of them.

Truth is kept per packet, so that every sum and every union is computed here without the tool's rules.
A world is `aligned` (all ENIs count in the same intervals, and no packet is near a border, so the union
over views is exact) or not (intervals and phases differ, so the union has bounds).
"""

import ipaddress
from collections import defaultdict
from dataclasses import dataclass

FIELDS = (
    "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action"
    " log-status vpc-id subnet-id instance-id tcp-flags type pkt-srcaddr pkt-dstaddr region az-id sublocation-type"
    " sublocation-id pkt-src-aws-service pkt-dst-aws-service flow-direction traffic-path ecs-cluster-arn"
    " ecs-cluster-name ecs-container-instance-arn ecs-container-instance-id ecs-container-id"
    " ecs-second-container-id ecs-service-name ecs-task-definition-arn ecs-task-arn ecs-task-id reject-reason"
    " resource-id encryption-status instance-tag instance-tag-2 interface-tag interface-tag-2 asg-tag asg-tag-2"
    " interface-type next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id"
    " next-hop-interface-type"
).split()
VERSIONS = {2: 14, 3: 21, 4: 25, 5: 29, 7: 39, 8: 40, 9: 41, 10: 42, 11: 54}
"""How many of the fields the AWS order of a version has; these orders need no header line."""

NEEDED = ["interface-id", "srcaddr", "dstaddr", "srcport", "dstport", "protocol", "packets", "bytes", "start", "end"]
MARGIN = 8.0  # seconds between packets and the borders of aligned intervals: over twice 2 s of clock, plus 1
SYN, FIN, RST, SYN_ACK = 2, 1, 4, 18


@dataclass(slots=True)
class Packet:
    time: float
    forward: bool
    size: int
    flag: int  # its part of tcp-flags


@dataclass
class Connection:
    protocol: int
    client: str
    server: str
    client_port: int
    server_port: int
    packets: list
    story: str
    rejected: bool = False


@dataclass
class Eni:
    name: str
    address: dict  # by IP version
    clock: int
    length: int
    phase: int
    whole: bool  # start and end are those of the interval
    missing: set
    layouts: list  # [(first interval, layout)], in order
    names: dict

    def layout(self, interval):
        return [layout for first, layout in self.layouts if interval >= first][-1]

    def interval(self, time):
        return int((time + self.clock - self.phase) // self.length)


@dataclass
class Row:
    """One record: its fields, and what only the truth knows of it."""

    values: dict
    layout: tuple
    eni: str
    view: tuple = ()
    connection: int = -1
    interval: int = 0
    first: float = 0.0  # true time of the first and the last second that it names
    last: float = 0.0
    packets: frozenset = frozenset()  # (connection, index) of each packet

    def cells(self):
        return [self.values.get(name, "-") for name in self.layout]

    def identity(self):
        return (self.eni, self.layout, tuple(self.cells()))

    def counts(self):
        return self.values.get("log-status", "OK") == "OK" and self.connection >= 0

    def tuple(self):
        """The directed five-tuple that packets of this record get, as docs/internals/rebuild.md says under Addresses."""
        def address(packet, plain):
            value = self.values[packet] if packet in self.layout else "-"
            return ipaddress.ip_address(value if value != "-" else self.values[plain]).packed

        number = int(self.values["protocol"])
        ports = (int(self.values["srcport"]), int(self.values["dstport"])) if number in (6, 17) else (0, 0)
        return (address("pkt-srcaddr", "srcaddr"), address("pkt-dstaddr", "dstaddr"), *ports, number)


@dataclass
class World:
    aligned: bool
    rows: list
    connections: list
    enis: list
    log_format: tuple = None  # the order to give with --format, where no file has a header

    def records(self):
        """Distinct records that count packets."""
        found = {}
        for row in self.rows:
            if row.counts():
                found.setdefault(row.identity(), row)
        return list(found.values())


def conversation(rng, base, span):
    """One connection's packets in causal order."""
    six = rng.random() < 0.25
    net = "2001:db8:{:x}::{:x}".format if six else "10.{}.7.{}".format
    client, server = net(rng.randrange(1, 200), rng.randrange(1, 250)), net(rng.randrange(201, 250), rng.randrange(1, 250))
    protocol = rng.choices([6, 17, 58 if six else 1, 47, 50, 132], [70, 14, 8, 3, 3, 2])[0]
    start = base + rng.random() * span
    ip = 40 if six else 20
    packets, now = [], start

    def step(low, high):
        nonlocal now
        now += low + rng.random() * (high - low)

    def send(forward, size, flag=0):
        packets.append(Packet(now, forward, size, flag))

    if protocol != 6:
        # Over IPv6 a packet has a byte after its header at least: docs/limits.md says why.
        head = ip + (8 if protocol in (17, 1, 58) else int(six))
        for _ in range(rng.choice([1, 1, 2, 5, 12])):
            send(True, head + rng.randrange(0, 900))
            if rng.random() < 0.8:
                step(0.0005, 0.4)
                send(False, head + rng.randrange(0, 1200))
            step(0.1, 60)
        ports = (rng.randrange(1024, 65536), rng.choice([53, 123, 443, 5000])) if protocol == 17 else (0, 0)
        return Connection(protocol, client, server, *ports, packets, "datagrams")

    story = rng.choices(["complete", "open", "reset", "unanswered", "rejected", "refused", "half-open", "midstream"],
                        [8, 2, 2, 1, 2, 1, 1, 2])[0]
    head = ip + rng.choice([20, 32])
    opening = ip + (40 if head == ip + 32 else rng.choice([20, 24, 28]))
    rejected = story == "rejected"
    if story in ("unanswered", "rejected", "half-open"):
        for number in range(rng.randrange(1, 6)):
            send(True, opening, SYN)
            if story == "half-open":
                step(0.001, 0.2)
                send(False, opening, SYN_ACK)
            now += 1 << number
    elif story == "refused":
        send(True, opening, SYN)
        step(0.001, 0.2)
        send(False, ip + 20, RST)
    else:
        if story != "midstream":
            send(True, opening, SYN)
            step(0.001, 0.3)
            send(False, opening, SYN_ACK)
            step(0.001, 0.3)
            send(True, head)
        pause = rng.choice([0.5, 5, 40, 90])
        for _ in range(rng.randrange(1, 12)):
            step(0.0001, 0.05)
            send(True, head + rng.randrange(1, 1400))
            for _ in range(rng.randrange(0, 4)):
                step(0.001, 0.3)
                send(False, head + rng.randrange(1, 1400))
                if rng.random() < 0.6:
                    step(0.0001, 0.1)
                    send(True, head)
            step(0.01, pause)
        if story == "complete":
            first = rng.random() < 0.5
            send(first, head, FIN)
            step(0.001, 0.3)
            send(not first, head, FIN)
            step(0.001, 0.3)
            send(first, head)
        elif story == "reset":
            send(rng.random() < 0.5, ip + 20, RST)
    if rng.random() < 0.04:  # segments as a network card with offload shows them; data in a SYN
        for packet in rng.sample(packets, min(len(packets), 3)):
            packet.size += rng.choice([1_000, 9_001, 20_000, 60_000])
    return Connection(6, client, server, rng.randrange(32768, 61000), rng.choice([22, 80, 443, 5432, 8080]), packets,
                      story, rejected)


def make_layouts(rng, log_format, longest):
    """The layout of one ENI's flow log, and perhaps another one from some interval on."""
    def one():
        if log_format:
            return log_format
        if rng.random() < 0.65:
            return tuple(FIELDS[:rng.choice(list(VERSIONS.values()))])
        return custom(rng)

    changes = [(-1 << 60, one())]
    if rng.random() < 0.3 and not log_format:
        changes.append((longest, one()))
    return changes


def custom(rng):
    """A column order of somebody's own: any order, any selection that still tells the sums."""
    extra = rng.sample([name for name in FIELDS if name not in NEEDED], rng.randrange(0, 30))
    names = NEEDED + extra
    if rng.random() < 0.7:
        names = list(dict.fromkeys(names + ["log-status", "action", "tcp-flags"]))
    if ("pkt-srcaddr" in names) != ("pkt-dstaddr" in names):
        names = list(dict.fromkeys(names + ["pkt-srcaddr", "pkt-dstaddr"]))
    rng.shuffle(names)
    return tuple(sorted(names)) if rng.random() < 0.2 else tuple(names)


def sightings(rng, connection, enis):
    """Who sees the connection: (ENI, pass, rewrite), with rewrite(forward) giving the addresses of a record."""
    six = 6 if ":" in connection.client else 4
    ends = (connection.client, connection.server, connection.client_port, connection.server_port)

    def plain(at_client):
        def rewrite(forward):
            source, target, from_port, to_port = ends if forward else (ends[1], ends[0], ends[3], ends[2])
            direction = "egress" if forward == at_client else "ingress"
            return source, target, from_port, to_port, source, target, direction
        return rewrite

    def middle(eni, near, outside=None):
        own = eni.address[six]

        def rewrite(forward):
            client, server, client_port, server_port = outside or ends
            if near:  # between the client and the appliance
                addresses = (client, own) if forward else (own, client)
            else:
                addresses = (own, server) if forward else (server, own)
            pair = (client, server) if forward else (server, client)
            ports = (client_port, server_port) if forward else (server_port, client_port)
            direction = "ingress" if forward == near else "egress"
            return *addresses, *ports, *pair, direction
        return rewrite

    chosen = rng.sample(enis, min(len(enis), rng.choice([1, 2, 2, 2, 3, 4])))
    found = []
    for place, eni in enumerate(chosen):
        if place < 2 and rng.random() < 0.7:
            found.append((eni, 0, plain(place == 0)))
        elif rng.random() < 0.5 or connection.protocol not in (6, 17):
            found += [(eni, 0, middle(eni, True)), (eni, 1, middle(eni, False))]
        else:
            outside = (eni.address[six], connection.server, rng.randrange(1024, 65536), connection.server_port)
            found += [(eni, 0, middle(eni, True)), (eni, 1, middle(eni, False, outside))]
    return found


def log(rng, number, connection, eni, passing, rewrite):
    """The records that one ENI writes of one connection."""
    groups = defaultdict(list)
    for index, packet in enumerate(connection.packets):
        interval = eni.interval(packet.time)
        if interval not in eni.missing:
            groups[interval, packet.forward].append(index)
    rows = []
    for (interval, forward), indices in groups.items():
        packets = [connection.packets[index] for index in indices]
        if eni.whole:
            start = eni.phase + interval * eni.length
            end = start + eni.length - 1
        else:
            start, end = (int(packets[side].time + eni.clock) for side in (0, -1))
        source, target, from_port, to_port, real_source, real_target, direction = rewrite(forward)
        flags = 0
        for packet in packets:
            flags |= packet.flag
        rejected = connection.rejected and direction == "ingress"
        layout = eni.layout(interval)
        values = dict(eni.names)
        values.update({
            "srcaddr": source, "dstaddr": target, "srcport": str(from_port), "dstport": str(to_port),
            "protocol": str(connection.protocol), "packets": str(len(packets)),
            "bytes": str(sum(packet.size for packet in packets)), "start": str(start), "end": str(end),
            "action": "REJECT" if rejected else "ACCEPT", "log-status": "OK", "tcp-flags": str(flags),
            "type": "IPv6" if ":" in source else "IPv4", "pkt-srcaddr": real_source, "pkt-dstaddr": real_target,
            "flow-direction": direction, "traffic-path": "1" if direction == "egress" else "-",
            "version": version(layout),
        })
        rows.append(Row(values, layout, eni.name, (eni.name, passing), number, interval, start - eni.clock,
                        end - eni.clock + 1, frozenset((number, index) for index in indices)))
    return rows


def version(layout):
    """The version column: the highest version among the fields, as AWS writes it."""
    highest = max(FIELDS.index(name) for name in layout) + 1
    return str(min(number for number, count in VERSIONS.items() if count >= highest))


def silence(rng, eni, intervals):
    """NODATA and SKIPDATA rows of an ENI."""
    rows = []
    for interval in intervals:
        status = "SKIPDATA" if interval in eni.missing else "NODATA"
        layout = eni.layout(interval)
        if "log-status" not in layout or rng.random() < 0.7:
            continue
        start = eni.phase + interval * eni.length
        values = {name: eni.names[name] for name in ("account-id", "interface-id")}
        values.update({"version": version(layout), "start": str(start), "end": str(start + eni.length - 1),
                       "log-status": status})
        rows.append(Row(values, layout, eni.name))
    return rows


def make(rng):
    """A random world of a few ENIs and up to some dozens of connections."""
    aligned = rng.random() < 0.6
    base = 1_700_000_000 + rng.randrange(0, 50_000_000)
    span = rng.choice([30, 300, 1200])
    length, phase = rng.choice([60, 60, 600]), base - rng.randrange(0, 600)
    log_format = custom(rng) if rng.random() < 0.12 else None
    enis = []
    for number in range(rng.choice([1, 2, 2, 3, 3, 4])):
        mine, own = (length, phase) if aligned else (rng.choice([60, 60, 600]), base - rng.randrange(0, 600))
        holes = rng.choice([0, 0, 0.2, 0.4, 0.7])
        missing = {k for k in range(-20, 80) if rng.random() < holes}
        middle = int((base + span / 2 - own) // mine)
        name = f"eni-{rng.getrandbits(68):017x}"
        names = {
            "account-id": "111122223333", "interface-id": name, "vpc-id": "vpc-0c5e8a7d2b914f630",
            "subnet-id": f"subnet-{number:017x}", "instance-id": f"i-{number:017x}" if rng.random() < 0.7 else "-",
            "region": "eu-central-1", "az-id": "euc1-az1",
        }
        enis.append(Eni(name, {4: f"10.250.{number}.10", 6: f"2001:db8:fa{number}::10"}, rng.randrange(-1, 2), mine, own,
                        rng.random() < 0.3, missing, make_layouts(rng, log_format, middle), names))
    count = rng.choice([1, 1, 2, 3, 5, 8, 15, 30])
    connections, taken = [], set()
    while len(connections) < count:
        found = conversation(rng, base, span)
        key = frozenset([(found.client, found.client_port), (found.server, found.server_port)])
        if key in taken:
            continue
        taken.add(key)
        if aligned:
            squeeze(found.packets, length, phase)
        connections.append(found)
    rows, intervals = [], defaultdict(set)
    outer = set()
    for number, connection in enumerate(connections):
        for eni, passing, rewrite in sightings(rng, connection, enis):
            real = rewrite(True)
            if passing == 1 and real[4] != connection.client:
                if (real[0], real[2]) in outer:
                    continue
                outer.add((real[0], real[2]))
            found = log(rng, number, connection, eni, passing, rewrite)
            rows += found
            for packet in connection.packets:
                intervals[eni.name].add(eni.interval(packet.time))
    for eni in enis:
        rows += silence(rng, eni, sorted(intervals[eni.name]))
    rows += [row for row in rows if rng.random() < rng.choice([0, 0, 0.05, 0.5])]
    return World(aligned, rows, connections, enis, log_format)


def squeeze(packets, length, phase):
    """Moves packets away from the borders of intervals, in order."""
    for packet in packets:
        interval, within = divmod(packet.time - phase, length)
        packet.time = phase + interval * length + MARGIN + within * (length - 2 * MARGIN) / length
