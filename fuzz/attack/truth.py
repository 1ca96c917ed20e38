"""What a conversion of a world must give: the sum of its records, and the union of its views with its bounds."""

from collections import Counter, defaultdict

SLACK = 7.0  # seconds: clocks may differ by 5 (docs/internals/rebuild.md), and start and end are whole seconds


def as_logged(world):
    """Packets and bytes for each directed tuple, each distinct record once: what `--vantage all` must give."""
    packets, octets = Counter(), Counter()
    for row in world.records():
        packets[row.tuple()] += int(row.values["packets"])
        octets[row.tuple()] += int(row.values["bytes"])
    return packets, octets


def bounds(world):
    """For each directed tuple (lowest, highest) numbers of packets that the default view may write."""
    directed, both = defaultdict(lambda: defaultdict(list)), defaultdict(lambda: defaultdict(list))
    for row in world.records():
        who = row.tuple()
        directed[who][row.view].append(row)
        both[pair(who)][row.view].append(row)
    return {who: limits(world, views, both[pair(who)]) for who, views in directed.items()}


def pair(who):
    return frozenset([(who[0], who[2]), (who[1], who[3])]), who[4]


def limits(world, views, conversation_views):
    """The bounds of one directed tuple; `views` are its own records, the other those of both ways."""
    union = set()
    for rows in views.values():
        for row in rows:
            union |= row.packets
    if world.aligned or len(conversation_views) == 1:
        return len(union), len(union)
    lowest = None
    for chosen, told in conversation_views.items():
        own = sum(len(row.packets) for row in views.get(chosen, []))
        free = [row for view, rows in views.items() if view != chosen for row in rows
                if all(row.first > other.last + SLACK or row.last < other.first - SLACK for other in told)]
        own += sum(min(len(row.packets) for row in cluster) for cluster in clusters(free))
        lowest = own if lowest is None else min(lowest, own)
    copies = 0
    for number, index in union:
        time = world.connections[number].packets[index].time
        holders = [row for rows in views.values() for row in rows if (number, index) in row.packets]
        if len(holders) > 1 and any(min(abs(time - row.first), abs(time - row.last)) < SLACK for row in holders):
            copies += len(holders) - 1
    return lowest, len(union) + copies


def clusters(rows):
    """Records grouped so that those of different groups do not touch in time."""
    groups, reach = [], None
    for row in sorted(rows, key=lambda row: row.first):
        if reach is None or row.first > reach + SLACK:
            groups.append([])
            reach = row.last
        groups[-1].append(row)
        reach = max(reach, row.last)
    return groups
