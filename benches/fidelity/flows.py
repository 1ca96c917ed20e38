"""Packets of real captures, and the flow logs that AWS would write for them.

tshark reads the captures. A record is one five-tuple, direction and aggregation interval at each
network interface that sees the packets. A packet between two private addresses is seen at both
interfaces, any other at one. `tcp-flags` has FIN, SYN, RST and SYN-ACK. Bytes count from the IP
header on. Times are whole seconds.
"""

import collections
import hashlib
import ipaddress
import os
import subprocess

FIELDS = [
    "frame.time_epoch", "ip.src", "ip.dst", "ip.proto", "ip.len", "ip.frag_offset", "ip.flags.mf",
    "ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.plen", "tcp.srcport", "tcp.dstport", "udp.srcport",
    "udp.dstport", "tcp.flags", "tcp.stream", "tcp.analysis.flags", "frame.encap_type", "frame.len",
]
DEFAULT = ("version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action "
           "log-status")
FLAGGED = DEFAULT + " tcp-flags pkt-srcaddr pkt-dstaddr flow-direction"
FIN, SYN, RST, ACK = 1, 2, 4, 16
TCP, UDP = 6, 17
ENDINGS = (".pcap", ".pcapng", ".cap", ".trace", ".dmp")
ETHERNET = "1"
# Options that change how long an IPv6 header is, for which no flow log has a rule.
EXTENSIONS = ("0", "43", "44", "60")

Packet = collections.namedtuple("Packet", "time source destination protocol length flags stream is_flagged")
Shape = collections.namedtuple("Shape", "name interval fields whole_interval clocks_off_s copies")

SHAPES = [
    Shape("version 5, 60 s", 60, FLAGGED, False, 0, 1),
    Shape("version 5, 600 s", 600, FLAGGED, False, 0, 1),
    Shape("start and end of the interval", 60, FLAGGED, True, 0, 1),
    Shape("default format", 60, DEFAULT, False, 0, 1),
    Shape("clocks 2 s off, each record twice", 60, FLAGGED, False, 2, 2),
]


def captures(folders):
    """Yields each capture below the folders, with its folder."""
    for folder in folders:
        for place, _, names in sorted(os.walk(folder)):
            for name in sorted(names):
                if name.endswith(ENDINGS):
                    yield folder, os.path.join(place, name)


def packets(capture):
    """Yields the packets of a capture that a flow log counts: no fragments, no DHCP."""
    command = ["tshark", "-n", "-r", capture, "-T", "fields", "-E", "occurrence=f", "-E", "separator=\t",
               "-o", "tcp.desegment_tcp_streams:FALSE"]
    for field in FIELDS:
        command += ["-e", field]
    lines = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    for line in lines.splitlines():
        packet = packet_of(dict(zip(FIELDS, line.split("\t"))))
        if packet:
            yield packet


def packet_of(f):
    if f.get("ip.src"):
        if f["ip.frag_offset"] not in ("", "0") or f["ip.flags.mf"] in ("1", "True"):
            return None
        source, destination, protocol, length = f["ip.src"], f["ip.dst"], f["ip.proto"], f["ip.len"]
    elif f.get("ipv6.src") and f["ipv6.nxt"] not in EXTENSIONS:
        source, destination, protocol = f["ipv6.src"], f["ipv6.dst"], f["ipv6.nxt"]
        length = int(f["ipv6.plen"] or 0) + 40
    else:
        return None
    if not (destination and protocol and length) or source in ("0.0.0.0", "::"):
        return None
    if int(length) < 20:  # the network card segmented the packet later
        length = int(f["frame.len"]) - (14 if f["frame.encap_type"] == ETHERNET else 0)
    protocol, ports, flags, stream = int(protocol), (0, 0), 0, -1
    if protocol == TCP and f["tcp.srcport"]:
        ports = int(f["tcp.srcport"]), int(f["tcp.dstport"])
        flags, stream = int(f["tcp.flags"], 16), int(f["tcp.stream"])
    elif protocol == UDP and f["udp.srcport"]:
        ports = int(f["udp.srcport"]), int(f["udp.dstport"])
        if {67, 68} & set(ports):
            return None
    is_flagged = f.get("tcp.analysis.flags", "") != ""
    return Packet(float(f["frame.time_epoch"]), (source, ports[0]), (destination, ports[1]), protocol, int(length),
                  flags, stream, is_flagged)


def logged_flags(flags):
    """Returns the part of a packet's TCP flags that AWS logs."""
    syn = 0 if not flags & SYN else SYN | ACK if flags & ACK else SYN
    return flags & (FIN | RST) | syn


def is_private(address):
    ip = ipaddress.ip_address(address)
    return ip.is_private and not ip.is_multicast and not ip.is_unspecified


def interfaces(packet):
    """Returns the address and the direction of each network interface that logs a packet."""
    seen = []
    if is_private(packet.source[0]):
        seen.append((packet.source[0], "egress"))
    if is_private(packet.destination[0]):
        seen.append((packet.destination[0], "ingress"))
    return seen or [(packet.source[0], "egress")]


def clock(address, shape):
    """Returns how far the clock of an interface is ahead, and the second in which its intervals begin."""
    if not shape.clocks_off_s:
        return 0.0, 0
    draw = int(hashlib.sha1(address.encode()).hexdigest()[:8], 16)
    return shape.clocks_off_s * (draw % 2001 - 1000) / 1000, draw // 2001 % shape.interval


def records(of_capture, shape):
    """Returns the records of packets, as columns by name."""
    sums = {}
    for p in of_capture:
        for address, direction in interfaces(p):
            ahead, phase = clock(address, shape)
            time = p.time + ahead
            slot = int((time - phase) // shape.interval)
            key = (address, direction, p.source, p.destination, p.protocol, slot)
            total = sums.setdefault(key, [0, 0, time, time, 0])
            total[0] += 1
            total[1] += p.length
            total[2], total[3] = min(total[2], time), max(total[3], time)
            total[4] |= logged_flags(p.flags) if p.protocol == TCP else 0
    for (address, direction, source, destination, protocol, slot), total in sums.items():
        count, size, first, last, flags = total
        if shape.whole_interval:
            first = slot * shape.interval + clock(address, shape)[1]
            last = first + shape.interval
        yield {
            "version": 5, "account-id": "123456789010",
            "interface-id": "eni-" + hashlib.sha1(address.encode()).hexdigest()[:17],
            "srcaddr": source[0], "dstaddr": destination[0], "srcport": source[1], "dstport": destination[1],
            "protocol": protocol, "packets": count, "bytes": size, "start": max(0, int(first)), "end": max(0, int(last)),
            "action": "ACCEPT", "log-status": "OK", "tcp-flags": flags, "pkt-srcaddr": source[0],
            "pkt-dstaddr": destination[0], "flow-direction": direction,
        }


def write_logs(of_capture, shape, folder):
    """Writes the records to one file for each copy, in an order that says nothing."""
    columns = shape.fields.split()
    lines = [" ".join(str(record[c]) for c in columns) for record in records(of_capture, shape)]
    lines.sort(key=lambda line: hashlib.sha1(line.encode()).digest())
    for copy in range(shape.copies):
        with open(os.path.join(folder, f"copy{copy}.log"), "w") as file:
            file.write("\n".join([shape.fields] + lines) + "\n")
