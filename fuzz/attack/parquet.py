"""Parquet files by hand: Thrift's compact protocol and footers that claim what they like."""

import random
import struct

I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def zigzag(number):
    return varint((number << 1) ^ (number >> 63) if number >= 0 else (-number << 1) - 1)


def structure(*fields):
    """A struct of (id, type, encoded value) in order of id."""
    out, last = bytearray(), 0
    for number, kind, value in fields:
        out += bytes([number - last << 4 | kind]) + value
        last = number
    return bytes(out) + b"\0"


def listing(kind, items, claimed=None):
    count = len(items) if claimed is None else claimed
    head = bytes([count << 4 | kind]) if count < 15 else bytes([0xF0 | kind]) + varint(count)
    return head + b"".join(items)


def binary(data, claimed=None):
    return varint(len(data) if claimed is None else claimed) + data


def element(name, children=None, optional=True, kind=6, count=I32):
    """One column or group; `count` is the type that the number of children is given as."""
    fields = [] if children is not None else [(1, I32, zigzag(kind))]
    fields += [(3, I32, zigzag(1 if optional else 0)), (4, BINARY, binary(name))]
    if children is not None:
        fields.append((5, count, zigzag(children)))
    return structure(*fields)


def footer(schema, rows, groups, schema_claim=None, groups_claim=None):
    return structure((1, I32, zigzag(1)), (2, LIST, listing(STRUCT, schema, schema_claim)), (3, I64, zigzag(rows)),
                     (4, LIST, listing(STRUCT, groups, groups_claim)))


def whole(body, foot, claimed=None):
    return b"PAR1" + body + foot + struct.pack("<I", len(foot) if claimed is None else claimed) + b"PAR1"


def chunk(name, kind, values, offset, size, plain=None):
    meta = structure((1, I32, zigzag(kind)), (2, LIST, listing(I32, [zigzag(0), zigzag(3)])), (3, LIST, listing(BINARY, [binary(name)])),
                     (4, I32, zigzag(0)), (5, I64, zigzag(values)), (6, I64, zigzag(plain or size)), (7, I64, zigzag(size)), (9, I64, zigzag(offset)))
    return structure((2, I64, zigzag(offset)), (3, STRUCT, meta))


COLUMNS = [b"version", b"account_id", b"interface_id", b"srcaddr", b"dstaddr", b"srcport", b"dstport", b"protocol", b"packets", b"bytes",
           b"start", b"end", b"action", b"log_status"]


def nulls(rows, groups=1, claimed=None):
    """A table of the default format in which every value is null: some bytes carry any number of rows."""
    body, made = bytearray(), []
    for _ in range(groups):
        chunks = []
        for name in COLUMNS:
            run = varint(rows << 1) + b"\0"
            levels = struct.pack("<I", len(run)) + run
            page = structure((1, I32, zigzag(0)), (2, I32, zigzag(len(levels))), (3, I32, zigzag(len(levels))),
                             (5, STRUCT, structure((1, I32, zigzag(rows)), (2, I32, zigzag(0)), (3, I32, zigzag(3)), (4, I32, zigzag(3)))))
            chunks.append(chunk(name, 6, rows, 4 + len(body), len(page) + len(levels)))
            body += page + levels
        made.append(structure((1, LIST, listing(STRUCT, chunks)), (2, I64, zigzag(len(body))), (3, I64, zigzag(rows))))
    schema = [element(b"schema", len(COLUMNS))] + [element(name) for name in COLUMNS]
    return whole(bytes(body), footer(schema, claimed if claimed is not None else rows * groups, made))


def flat():
    return [element(b"schema", len(COLUMNS))] + [element(name) for name in COLUMNS]


def hostile(rng):
    """Files whose footers claim too much, each made when it is called for, by what they claim."""
    deep = rng.choice([100, 3_000, 100_000])
    many = rng.choice([1 << 20, (1 << 30) + 7, (1 << 31) - 1])
    return {
        "row groups claimed": lambda: whole(b"", footer(flat(), 1, [], groups_claim=many)),
        "schema claimed": lambda: whole(b"", footer(flat(), 1, [], schema_claim=many)),
        "footer length": lambda: whole(b"x" * 64, b"", claimed=rng.choice([1 << 31, 0xFFFFFFFF, 1 << 20])),
        "depth": lambda: whole(b"", footer([element(b"g", 1) for _ in range(deep)] + [element(b"leaf")], 1, [])),
        "depth of other types": lambda: whole(b"", footer([element(b"g", 1, count=rng.choice([4, I64])) for _ in range(deep)] + [element(b"leaf")], 1, [])),
        "groups with few columns": lambda: whole(b"", footer([element(b"r", 1, False), element(b"c", 0, count=rng.choice([I32, I64]))], 0, [], groups_claim=many)),
        "columns claimed": lambda: whole(b"", footer(flat(), 1, [structure((1, LIST, listing(STRUCT, [], many)))])),
        "encodings claimed": lambda: whole(b"", footer(flat(), 1, [structure((1, LIST, listing(STRUCT, [structure((3, STRUCT, structure((1, I32, zigzag(6)), (2, LIST, listing(I32, [], many)))))])))])),
        "key values claimed": lambda: whole(b"", structure((1, I32, zigzag(1)), (2, LIST, listing(STRUCT, flat())), (3, I64, zigzag(0)), (4, LIST, listing(STRUCT, [])), (5, LIST, listing(STRUCT, [], many)))),
        "column orders claimed": lambda: whole(b"", structure((1, I32, zigzag(1)), (2, LIST, listing(STRUCT, flat())), (3, I64, zigzag(0)), (4, LIST, listing(STRUCT, [])), (7, LIST, listing(STRUCT, [], many)))),
        "depth of a field unknown": lambda: whole(b"", structure((1, I32, zigzag(1)), (7, STRUCT, b"\x1c" * deep + b"\0" * deep))),
        "lists in lists": lambda: whole(b"", structure((1, I32, zigzag(1)), (7, LIST, b"\x19" * deep))),
        "children claimed": lambda: whole(b"", footer([element(b"schema", many)] + [element(b"a")], 1, [])),
        "negative children": lambda: whole(b"", footer([element(b"schema", -1)] + [element(b"a")], 1, [])),
        "name claimed": lambda: whole(b"", structure((1, I32, zigzag(1)), (2, LIST, listing(STRUCT, [structure((4, BINARY, binary(b"x", many)))])))),
        "varint": lambda: whole(b"", structure((1, I32, b"\xff" * rng.choice([10, 11, 200]) + b"\x01"), (2, LIST, listing(STRUCT, flat())))),
        "type unknown": lambda: whole(b"", structure((1, 15, b"\0" * 40))),
        "map claimed": lambda: whole(b"", structure((1, I32, zigzag(1)), (7, 11, varint(many) + b"\xcc"))),
        "set claimed": lambda: whole(b"", structure((1, I32, zigzag(1)), (7, 10, b"\xf3" + varint(many)))),
        "rows claimed": lambda: whole(b"", footer(flat(), 10 ** 12, [])),
        "nulls": lambda: nulls(rng.choice([1 << 20, (1 << 31) - 1])),
        "nulls in groups": lambda: nulls(10_000_000, rng.choice([10, 100])),
        "rows over values": lambda: nulls(10, 1, claimed=10 ** 12),
        "no columns": lambda: whole(b"", footer([element(b"schema", 0)], 10 ** 12, [structure((1, LIST, listing(STRUCT, [])), (2, I64, zigzag(0)), (3, I64, zigzag(10 ** 12)))])),
        "millions of columns": lambda: whole(b"", footer([element(b"schema", 4_000_000)] + [element(b"a")] * 4_000_000, 1, [])),
        "negative rows": lambda: nulls(10, 1, claimed=-1),
    }


NAMES = list(hostile(random.Random(0)))
