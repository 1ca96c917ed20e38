"""A strict reader of pcapng, written from the format's own text, not from the tool.

It refuses what a careless reader would let pass: lengths that disagree, padding that is not zero,
options without an end, packets longer than they were on the wire, times that go back, and IP headers
that contradict the frame.
"""

import ipaddress
import struct
from collections import Counter
from dataclasses import dataclass

SECTION, INTERFACE, NAMES, STATISTICS, PACKET = 0x0A0D0D0A, 1, 4, 5, 6
COMMENT, IF_NAME, IF_DESCRIPTION, IF_TSRESOL = 1, 2, 3, 9
FIN, SYN, RST, ACK = 1, 2, 4, 16


class Broken(Exception):
    """The capture is not what pcapng demands."""


@dataclass(slots=True)
class Seen:
    """One packet: who sent it to whom, its length on the wire, and its TCP flags (or None)."""

    tuple: tuple  # (source, destination, source port, destination port, protocol), addresses packed
    length: int
    payload: int
    flags: object
    time: int
    interface: int


@dataclass
class Capture:
    packets: list
    interfaces: list
    texts: list

    def sums(self):
        """Packets and bytes for each directed five-tuple."""
        packets, octets = Counter(), Counter()
        for seen in self.packets:
            packets[seen.tuple] += 1
            octets[seen.tuple] += seen.length
        return packets, octets


def options(data, where):
    """The options of a block as (code, value) pairs."""
    found, at = [], 0
    while at < len(data):
        if len(data) - at < 4:
            raise Broken(f"{where}: {len(data) - at} stray bytes in the options")
        code, size = struct.unpack_from("<HH", data, at)
        padded = (size + 3) & ~3
        if at + 4 + padded > len(data):
            raise Broken(f"{where}: option {code} runs past the block")
        if any(data[at + 4 + size:at + 4 + padded]):
            raise Broken(f"{where}: padding of option {code} is not zero")
        if code == 0:
            if size or at + 4 != len(data):
                raise Broken(f"{where}: something follows the end of the options")
            return found
        found.append((code, data[at + 4:at + 4 + size]))
        at += 4 + padded
    if found:
        raise Broken(f"{where}: options without an end")
    return found


def text(value, where):
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        raise Broken(f"{where}: text that is not UTF-8") from None


def sixteens(data):
    """The Internet checksum's sum of a header."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def decode(frame, original, where):
    """The directed tuple, payload length and TCP flags of one raw IP packet."""
    if not frame:
        raise Broken(f"{where}: nothing captured")
    if frame[0] >> 4 == 4:
        header = (frame[0] & 15) * 4
        if header != 20 or len(frame) < 20:
            raise Broken(f"{where}: IPv4 header of {header} bytes")
        if sixteens(frame[:20]) != 0xFFFF:
            raise Broken(f"{where}: IPv4 checksum")
        total = struct.unpack_from(">H", frame, 2)[0]
        if total != original and not (total == 0 and original > 65535):
            raise Broken(f"{where}: IPv4 total length {total}, on the wire {original}")
        protocol, source, target = frame[9], frame[12:16], frame[16:20]
    elif frame[0] >> 4 == 6:
        header = 40
        if len(frame) < 40:
            raise Broken(f"{where}: IPv6 header of {len(frame)} bytes")
        size = struct.unpack_from(">H", frame, 4)[0]
        protocol, source, target = frame[6], frame[8:24], frame[24:40]
        if protocol == 0 and size == 0 and len(frame) >= 48 and frame[42:44] == b"\xc2\x04":
            protocol, header = frame[40], 48
            if struct.unpack_from(">I", frame, 44)[0] != original - 40:
                raise Broken(f"{where}: jumbo payload length")
        elif size != original - 40:
            raise Broken(f"{where}: IPv6 payload length {size}, on the wire {original}")
    else:
        raise Broken(f"{where}: IP version {frame[0] >> 4}")
    ports, flags, payload = (0, 0), None, 0
    if protocol in (6, 17) and len(frame) >= header + (20 if protocol == 6 else 8):
        ports = struct.unpack_from(">HH", frame, header)
    if protocol == 6:
        if len(frame) < header + 20:
            raise Broken(f"{where}: TCP header cut")
        flags = frame[header + 13]
        payload = original - header - (frame[header + 12] >> 4) * 4
        if payload < 0:
            raise Broken(f"{where}: TCP header longer than the packet")
    return (bytes(source), bytes(target), *ports, protocol), payload, flags


def read(data, link=101):
    """Reads a whole capture, or raises Broken with the place."""
    at, packets, interfaces, texts, last = 0, [], [], [], None
    sections = 0
    while at < len(data):
        where = f"block at {at}"
        if len(data) - at < 12:
            raise Broken(f"{where}: {len(data) - at} bytes are no block")
        kind, size = struct.unpack_from("<II", data, at)
        if size < 12 or size % 4 or at + size > len(data):
            raise Broken(f"{where}: length {size}")
        if struct.unpack_from("<I", data, at + size - 4)[0] != size:
            raise Broken(f"{where}: its two lengths differ")
        body = data[at + 8:at + size - 4]
        if at == 0 and kind != SECTION:
            raise Broken("the first block is no section header")
        if kind == SECTION:
            sections += 1
            if body[:8] != struct.pack("<IHH", 0x1A2B3C4D, 1, 0):
                raise Broken(f"{where}: byte order or version of the section")
            found = options(body[16:], where)
            if not any(code == COMMENT for code, _ in found):
                raise Broken("the section does not say that nothing was captured")
            texts += [text(value, where) for code, value in found if code == COMMENT]
        elif kind == INTERFACE:
            if struct.unpack_from("<HH", body)[0] != link:
                raise Broken(f"{where}: link type {struct.unpack_from('<H', body)[0]}")
            found = dict(options(body[8:], where))
            if found.get(IF_TSRESOL) != b"\x09":
                raise Broken(f"{where}: times are not nanoseconds")
            name = text(found.get(IF_NAME, b""), where)
            interfaces.append(name)
            texts += [text(found[code], where) for code in (IF_NAME, IF_DESCRIPTION) if code in found]
        elif kind == NAMES:
            texts += names(body, where)
        elif kind == PACKET:
            which, high, low, captured, original = struct.unpack_from("<5I", body)
            if which >= len(interfaces):
                raise Broken(f"{where}: interface {which} of {len(interfaces)}")
            if captured > original:
                raise Broken(f"{where}: captured {captured} of {original} bytes")
            padded = (captured + 3) & ~3
            if 20 + padded > len(body) or any(body[20 + captured:20 + padded]):
                raise Broken(f"{where}: packet data")
            moment = high << 32 | low
            if last is not None and moment < last:
                raise Broken(f"{where}: packet {len(packets) + 1} is {last - moment} ns before the one in front")
            last = moment
            for code, value in options(body[20 + padded:], where):
                if code == COMMENT:
                    texts.append(text(value, where))
            if link == 101:
                who, payload, flags = decode(body[20:20 + captured], original, f"packet {len(packets) + 1}")
                packets.append(Seen(who, original, payload, flags, moment, which))
        elif kind != STATISTICS:
            raise Broken(f"{where}: kind {kind:#x}")
        at += size
    if sections != 1:
        raise Broken(f"{sections} sections")
    return Capture(packets, interfaces, texts)


def names(body, where):
    """The names of a name resolution block."""
    at, found = 0, []
    while True:
        if len(body) - at < 4:
            raise Broken(f"{where}: names without an end")
        kind, size = struct.unpack_from("<HH", body, at)
        padded = (size + 3) & ~3
        if kind == 0:
            options(body[at + 4:], where)
            return found
        value = body[at + 4:at + 4 + size]
        head = {1: 4, 2: 16}.get(kind)
        if head is None or len(value) != size or not value.endswith(b"\0"):
            raise Broken(f"{where}: name record of kind {kind}")
        found += [text(name, where) for name in value[head:-1].split(b"\0")]
        at += 4 + padded


def show(who):
    """A directed tuple as people write it."""
    source, target, from_port, to_port, protocol = who
    return (f"{ipaddress.ip_address(source)}:{from_port} > {ipaddress.ip_address(target)}:{to_port}"
            f" protocol {protocol}")
