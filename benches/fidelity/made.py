"""Reads the packets of a capture that flow2pcap made, much faster than tshark.

Only what flow2pcap writes: pcapng in this machine's byte order, IPv4 or IPv6 without extensions. A TCP
connection begins with each SYN that has a new sequence number, as in Wireshark.
"""

import socket
import struct

from flows import ACK, SYN, TCP, UDP, Packet

INTERFACE, PACKET, RESOLUTION = 1, 6, 9
ETHERNET = 1
MICROSECONDS = 6


def packets(path):
    """Returns the packets in the order of the capture; none of them is flagged."""
    with open(path, "rb") as file:
        data = file.read()
    at, interfaces, found, streams = 0, [], [], {}
    while at + 12 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == INTERFACE:
            interfaces.append(interface(data[at:at + length]))
        elif kind == PACKET:
            number, high, low, captured = struct.unpack_from("<IIII", data, at + 8)
            link, resolution = interfaces[number]
            frame = data[at + 28:at + 28 + captured][14 if link == ETHERNET else 0:]
            found.append(packet_of(frame, ((high << 32) | low) / 10**resolution, streams))
        at += length
    return found


def interface(block):
    """Returns the link type and the decimals of the time."""
    resolution, at = MICROSECONDS, 16
    while at + 4 <= len(block) - 4:
        option, length = struct.unpack_from("<HH", block, at)
        if option == RESOLUTION:
            resolution = block[at + 4]
        at += 4 + (length + 3) // 4 * 4
    return struct.unpack_from("<H", block, 8)[0], resolution


def packet_of(frame, time, streams):
    if frame[0] >> 4 == 4:
        header, protocol, length = (frame[0] & 15) * 4, frame[9], struct.unpack_from(">H", frame, 2)[0]
        addresses = [socket.inet_ntop(socket.AF_INET, frame[i:i + 4]) for i in (12, 16)]
    else:
        header, protocol, length = 40, frame[6], struct.unpack_from(">H", frame, 4)[0] + 40
        addresses = [socket.inet_ntop(socket.AF_INET6, frame[i:i + 16]) for i in (8, 24)]
    ports, flags, stream = (0, 0), 0, -1
    if protocol in (TCP, UDP):
        ports = struct.unpack_from(">HH", frame, header)
    source, destination = zip(addresses, ports)
    if protocol == TCP:
        sequence = struct.unpack_from(">I", frame, header + 4)[0]
        flags = frame[header + 13]
        stream = stream_of(source, destination, flags, sequence, streams)
    return Packet(time, source, destination, protocol, length, flags, stream, False)


def stream_of(source, destination, flags, sequence, streams):
    """Returns the number of a segment's connection within its conversation; `streams` has the latest one of each conversation."""
    key = min(source, destination), max(source, destination)
    opens = flags & (SYN | ACK) == SYN
    number, firsts = streams.get(key, (None, {}))
    if number is None or opens and firsts.get(source, sequence) != sequence:
        number, firsts = 0 if number is None else number + 1, {}
        streams[key] = number, firsts
    firsts.setdefault(source, sequence if flags & SYN else sequence - 1)
    return number
