"""Compares the packets of a converted capture with those of the capture that its logs came from.

P is a directed five-tuple, C one in both directions. Each share goes from 0 to 1.

packets    P whose number of packets is exact
bytes      P whose sum of bytes is exact
streams    TCP C with the true number of connections, as Wireshark counts them
handshake  true handshakes whose first three packets are SYN, SYN-ACK and the initiator's next packet
teardown   TCP connections with a FIN or RST whose FINs and RSTs come from the true sides, in the true
           order of first appearance
order      pairs of packets, one from each direction, in the true order; the mean over C, chance is 0.5
quiet      TCP C that Wireshark flags nothing in, of those in which it flagged nothing before
intime     packets at most one second outside the span of their true direction
"""

import collections

from flows import ACK, FIN, RST, SYN, TCP

NAMES = "packets bytes streams handshake teardown order quiet intime".split()


def directed(p):
    return p.source, p.destination, p.protocol


def both(p):
    return min(p.source, p.destination), max(p.source, p.destination), p.protocol


def grouped(packets, key):
    groups = collections.defaultdict(list)
    for p in packets:
        groups[key(p)].append(p)
    return groups


def connections(packets):
    """Returns the connections of a conversation, in order of their first packets."""
    return sorted(grouped(packets, lambda p: p.stream).values(), key=lambda packets: packets[0].time)


def has_handshake(packets):
    if len(packets) < 3:
        return False
    syn, answer, third = packets[:3]
    return (syn.flags & (SYN | ACK) == SYN and answer.flags & (SYN | ACK) == SYN | ACK
            and answer.source == syn.destination and third.source == syn.source and not third.flags & SYN)


def teardown(packets):
    """Returns the sides and kinds of FINs and RSTs, in order of first appearance."""
    found = []
    for p in packets:
        for flag in (FIN, RST):
            if p.flags & flag and (p.source, flag) not in found:
                found.append((p.source, flag))
    return found


def misplaced(true, made, forward):
    """Returns the pairs of one packet from each direction in another order, and all pairs."""
    def before(packets):
        places, other = [], 0
        for p in packets:
            if directed(p) == forward:
                places.append(other)
            else:
                other += 1
        return places, other
    (a, n), (b, m) = before(true), before(made)
    count, most = min(len(a), len(b)), min(n, m)
    return sum(abs(min(x, most) - min(y, most)) for x, y in zip(a[:count], b[:count])), count * most


class Shares:
    """Counts of what is right, by share."""

    def __init__(self):
        self.right = collections.Counter()
        self.all = collections.Counter()

    def count(self, name, right, of=1):
        self.right[name] += right
        self.all[name] += of

    def add(self, other):
        self.right.update(other.right)
        self.all.update(other.all)

    def text(self, name):
        return f"{self.right[name] / self.all[name]:.3f}" if self.all[name] else "-"


def compare(true, made):
    shares = Shares()
    of_true, of_made = grouped(true, directed), grouped(made, directed)
    for key, packets in of_true.items():
        found = of_made.get(key, [])
        shares.count("packets", len(found) == len(packets))
        shares.count("bytes", sum(p.length for p in found) == sum(p.length for p in packets))
        first, last = min(p.time for p in packets) - 1, max(p.time for p in packets) + 2
        in_time = sum(int(first) <= p.time <= last for p in found)
        shares.count("intime", in_time, max(len(found), len(packets)))
    for _ in of_made.keys() - of_true.keys():
        shares.count("packets", 0)
        shares.count("bytes", 0)
    of_true, of_made = grouped(true, both), grouped(made, both)
    for key, packets in of_true.items():
        compare_conversation(shares, packets, of_made.get(key, []))
    return shares


def compare_conversation(shares, true, made):
    forward = directed(true[0])
    wrong, pairs = misplaced(true, made, forward)
    whole = misplaced(true, true, forward)[1]
    if whole:
        shares.count("order", (pairs - wrong) / whole)
    if true[0].protocol != TCP:
        return
    of_true, of_made = connections(true), connections(made)
    shares.count("streams", len(of_true) == len(of_made))
    if not any(p.is_flagged for p in true):
        shares.count("quiet", bool(made) and not any(p.is_flagged for p in made))
    for index, packets in enumerate(of_true):
        found = of_made[index] if index < len(of_made) else []
        if has_handshake(packets):
            same = has_handshake(found) and directed(found[0]) == directed(packets[0])
            shares.count("handshake", same)
        if teardown(packets):
            shares.count("teardown", teardown(found) == teardown(packets))
