#!/usr/bin/env python3
"""Writes a bucket of AWS logs, and the rows that Athena would find in it.

What it is: a generator of VPC flow logs (version 5 fields), Application Load Balancer access
logs and CloudTrail files, in the folders and under the file names of AWS's delivery. Each row
is first made as values. The text of the log and the row of the table both come from these
values, so nothing here reads a log, and no code of flow2pcap is used.

What it is not: real traffic. It is made so that queries meet what real logs have: `-` in
numbers and in text, NODATA and SKIPDATA, rows of the evening before in the folder of a day,
IPv6, more than 2^32 bytes, ties, requests that are not HTTP.

The columns and their types are those of the tables in the Athena User Guide:
  https://docs.aws.amazon.com/athena/latest/ug/vpc-flow-logs-create-table-statement.html
  https://docs.aws.amazon.com/athena/latest/ug/create-alb-access-logs-table.html
  https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html

    archive.py --rows 20000 --bucket /tmp/bucket [--parquet /tmp/tables] [--last-day 2026-03-01]
"""

import argparse
import datetime as dt
import gzip
import json
import pathlib
import random

import pyarrow as pa
import pyarrow.parquet as pq

ACCOUNTS = ("111122223333", "012345678901")  # one with a leading zero, which must stay
PLACES = (
    # account, region, availability zone, VPC, first two parts of its addresses
    (ACCOUNTS[0], "us-east-1", "use1-az4", "vpc-0a1b2c3d4e5f60718", "10.0"),
    (ACCOUNTS[0], "eu-west-1", "euw1-az2", "vpc-0eu1b2c3d4e5f6071", "10.40"),
    (ACCOUNTS[1], "us-east-1", "use1-az6", "vpc-0f1e2d3c4b5a69788", "172.31"),
)
DAYS = 3
# A request that reached no target has `-` for both of its parts. AWS's expression for the two
# columns is `([^ ]*)[:-]([0-9]*)`, which leaves the address empty and the port NULL.
NO_TARGET = ""

FLOW = pa.schema(
    [
        ("version", pa.int32()),
        ("account_id", pa.string()),
        ("interface_id", pa.string()),
        ("srcaddr", pa.string()),
        ("dstaddr", pa.string()),
        ("srcport", pa.int32()),
        ("dstport", pa.int32()),
        ("protocol", pa.int64()),
        ("packets", pa.int64()),
        ("bytes", pa.int64()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("action", pa.string()),
        ("log_status", pa.string()),
        ("vpc_id", pa.string()),
        ("subnet_id", pa.string()),
        ("instance_id", pa.string()),
        ("tcp_flags", pa.int32()),
        ("type", pa.string()),
        ("pkt_srcaddr", pa.string()),
        ("pkt_dstaddr", pa.string()),
        ("region", pa.string()),
        ("az_id", pa.string()),
        ("sublocation_type", pa.string()),
        ("sublocation_id", pa.string()),
        ("pkt_src_aws_service", pa.string()),
        ("pkt_dst_aws_service", pa.string()),
        ("flow_direction", pa.string()),
        ("traffic_path", pa.int32()),
        # Partition columns: from the path, as PARTITIONED BY has them.
        ("date", pa.date32()),
        ("day", pa.string()),
        ("year", pa.string()),
        ("month", pa.string()),
        ("account", pa.string()),
    ]
)
FLOW_FIELDS = [f.name for f in FLOW][:29]

ALB = pa.schema(
    [
        ("type", pa.string()),
        ("time", pa.string()),
        ("elb", pa.string()),
        ("client_ip", pa.string()),
        ("client_port", pa.int32()),
        ("target_ip", pa.string()),
        ("target_port", pa.int32()),
        ("request_processing_time", pa.float64()),
        ("target_processing_time", pa.float64()),
        ("response_processing_time", pa.float64()),
        ("elb_status_code", pa.int32()),
        ("target_status_code", pa.string()),
        ("received_bytes", pa.int64()),
        ("sent_bytes", pa.int64()),
        ("request_verb", pa.string()),
        ("request_url", pa.string()),
        ("request_proto", pa.string()),
        ("user_agent", pa.string()),
        ("ssl_cipher", pa.string()),
        ("ssl_protocol", pa.string()),
        ("target_group_arn", pa.string()),
        ("trace_id", pa.string()),
        ("domain_name", pa.string()),
        ("chosen_cert_arn", pa.string()),
        ("matched_rule_priority", pa.string()),
        ("request_creation_time", pa.string()),
        ("actions_executed", pa.string()),
        ("redirect_url", pa.string()),
        ("lambda_error_reason", pa.string()),
        ("target_port_list", pa.string()),
        ("target_status_code_list", pa.string()),
        ("classification", pa.string()),
        ("classification_reason", pa.string()),
        ("conn_trace_id", pa.string()),
        ("day", pa.string()),
        ("date", pa.date32()),
        ("region", pa.string()),
        ("account", pa.string()),
    ]
)

STRING = pa.string()
ISSUER = pa.struct([("type", STRING), ("principalid", STRING), ("arn", STRING), ("accountid", STRING), ("username", STRING)])
SESSION = pa.struct(
    [
        ("attributes", pa.struct([("mfaauthenticated", STRING), ("creationdate", STRING)])),
        ("sessionissuer", ISSUER),
        ("ec2roledelivery", STRING),
        ("webidfederationdata", pa.struct([("federatedprovider", STRING), ("attributes", pa.map_(STRING, STRING))])),
    ]
)
IDENTITY = pa.struct(
    [
        ("type", STRING),
        ("principalid", STRING),
        ("arn", STRING),
        ("accountid", STRING),
        ("invokedby", STRING),
        ("accesskeyid", STRING),
        ("username", STRING),
        ("onbehalfof", pa.struct([("userid", STRING), ("identitystorearn", STRING)])),
        ("sessioncontext", SESSION),
    ]
)
TRAIL = pa.schema(
    [
        ("eventversion", STRING),
        ("useridentity", IDENTITY),
        ("eventtime", STRING),
        ("eventsource", STRING),
        ("eventname", STRING),
        ("awsregion", STRING),
        ("sourceipaddress", STRING),
        ("useragent", STRING),
        ("errorcode", STRING),
        ("errormessage", STRING),
        ("requestparameters", STRING),
        ("responseelements", STRING),
        ("additionaleventdata", STRING),
        ("requestid", STRING),
        ("eventid", STRING),
        ("resources", pa.list_(pa.struct([("arn", STRING), ("accountid", STRING), ("type", STRING)]))),
        ("eventtype", STRING),
        ("apiversion", STRING),
        ("readonly", STRING),
        ("recipientaccountid", STRING),
        ("serviceeventdetails", STRING),
        ("sharedeventid", STRING),
        ("vpcendpointid", STRING),
        ("vpcendpointaccountid", STRING),
        ("eventcategory", STRING),
        ("addendum", pa.struct([("reason", STRING), ("updatedfields", STRING), ("originalrequestid", STRING), ("originaleventid", STRING)])),
        ("sessioncredentialfromconsole", STRING),
        ("edgedevicedetails", STRING),
        ("tlsdetails", pa.struct([("tlsversion", STRING), ("ciphersuite", STRING), ("clientprovidedhostheader", STRING)])),
        ("day", pa.string()),
        ("date", pa.date32()),
        ("region", pa.string()),
        ("account", pa.string()),
    ]
)


def utc(seconds):
    """The instant of a Unix time."""
    return dt.datetime.fromtimestamp(seconds, dt.timezone.utc)


def token(rng, digits):
    """A random hexadecimal identifier."""
    return f"{rng.getrandbits(digits * 4):0{digits}x}"


def skewed(rng, things):
    """One of the things; the first ones far more often, so that counts differ and tie."""
    return things[min(int(rng.expovariate(6.0 / len(things))), len(things) - 1)]


class Bucket:
    """The folder that is written, and the rows of each table."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.flow, self.alb, self.trail = [], [], []

    def folder(self, account, service, region, when):
        path = self.root / "AWSLogs" / account / service / region / when.strftime("%Y/%m/%d")
        path.mkdir(parents=True, exist_ok=True)
        return path

    def put(self, folder, name, text):
        # No time in the gzip header: the same seed gives the same bytes.
        (folder / name).write_bytes(gzip.compress(text.encode(), 6, mtime=0))

    def tables(self):
        """The rows as pyarrow tables: vpc_flow_logs, alb_access_logs, cloudtrail_logs."""
        return {
            "vpc_flow_logs": pa.Table.from_pylist(self.flow, FLOW),
            "alb_access_logs": pa.Table.from_pylist(self.alb, ALB),
            "cloudtrail_logs": pa.Table.from_pylist(self.trail, TRAIL),
        }


# ---------------------------------------------------------------------------------------------
# Flow logs


class Network:
    """One VPC of the archive: its interfaces, and who talks to them."""

    def __init__(self, rng, place):
        self.account, self.region, self.az, self.vpc, self.prefix = place
        self.log = "fl-0" + token(rng, 16)
        subnets = ["subnet-0" + token(rng, 16) for _ in range(3)]
        self.enis = []
        for i in range(8):
            kind = "nat" if i == 7 else "v6" if i == 6 else "host"
            address = f"{self.prefix}.{i % 3 + 10}.{10 + i}" if kind != "v6" else f"2600:1f18:{token(rng, 3)}::{i + 1:x}"
            self.enis.append(
                {
                    "id": "eni-0" + token(rng, 16),
                    "address": address,
                    "subnet": subnets[i % 3],
                    "instance": "-" if kind == "nat" else "i-0" + token(rng, 16),
                    "kind": kind,
                }
            )
        self.clients = [f"{rng.choice((3, 18, 52, 81, 198))}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}" for _ in range(60)]
        self.clients += ["203.0.113.12", "198.51.100.7", "100.64.3.9", "192.168.7.7", "172.20.1.1"]
        self.clients6 = [f"2001:db8:{token(rng, 2)}::{i + 1:x}" for i in range(8)]
        # The same host written at length, and one without zeros: in the table both stay as logged.
        self.clients6[3:5] = ["2001:db8:0:0:0:0:0:1f", "2001:db8:1:2:3:4:5:6"]


def flow_pair(rng, net, eni):
    """The fields that tell one flow: its ends, its protocol, and what came of it."""
    mine, other = eni["address"], skewed(rng, net.clients)
    high = rng.randrange(32768, 61000)
    if eni["kind"] == "v6":
        other = skewed(rng, net.clients6)
    kind = rng.choices(
        ("https", "ssh", "scan", "db", "dns", "icmp", "s3", "admin", "syn", "odd"), (30, 5, 14, 12, 12, 5, 8, 4, 4, 3)
    )[0]
    peer = rng.choice([e for e in net.enis if e["kind"] == "host"])["address"]
    if eni["kind"] == "v6":
        peer = net.clients6[0]
    ends = {
        # kind: (source, destination, source port, destination port, protocol, action)
        "https": (other, mine, high, 443, 6, "ACCEPT"),
        "ssh": (other, mine, high, rng.choice((22, 3389)), 6, rng.choice(("ACCEPT", "REJECT"))),
        "scan": (other, mine, high, rng.choice((22, 23, 445, 3389, 5432, rng.randrange(1, 1024))), 6, "REJECT"),
        "db": (mine, peer, high, 5432, 6, rng.choice(("ACCEPT",) * 5 + ("REJECT",))),
        "dns": (mine, other, high, rng.choice((53, 123)), 17, rng.choice(("ACCEPT", "ACCEPT", "REJECT"))),
        "icmp": (other, mine, 0, 0, 58 if eni["kind"] == "v6" else 1, rng.choice(("ACCEPT", "REJECT"))),
        "s3": (mine, f"52.216.{rng.randrange(4)}.{rng.randrange(1, 255)}", high, 443, 6, "ACCEPT"),
        "admin": (other, mine, high, rng.choice((8080, 8443, 9090)), 6, "ACCEPT"),
        "syn": (other, mine, high, rng.choice((25, 3306)), 6, "ACCEPT"),
        "odd": (other, mine, 0, 0, rng.choice((2, 47, 50)), rng.choice(("ACCEPT", "REJECT"))),
    }[kind]
    if kind == "s3" and eni["kind"] == "v6":
        ends = (mine, skewed(rng, net.clients6), high, 443, 6, "ACCEPT")
    return kind, ends


def flow_rows(rng, net, slot):
    """One or two records of an interval that ends inside the five minutes of the slot."""
    eni = skewed(rng, net.enis)
    end = slot + rng.randrange(300)
    start = end - rng.choice((0, 9, 27, 58, 59, 59, 60))
    base = {
        "version": 5,
        "account_id": net.account,
        "interface_id": eni["id"],
        "start": start,
        "end": end,
        "vpc_id": net.vpc,
        "subnet_id": eni["subnet"],
        "instance_id": eni["instance"],
        "region": net.region,
        "az_id": net.az,
        "sublocation_type": "-",
        "sublocation_id": "-",
    }
    if rng.random() < 0.03:
        # What carries no flow: only the identity, the interval and the status are known.
        status = rng.choice(("NODATA", "NODATA", "SKIPDATA"))
        row = {n: (None if pa.types.is_integer(FLOW.field(n).type) else "-") for n in FLOW_FIELDS}
        row.update(base, log_status=status)
        return [row]
    kind, (src, dst, sport, dport, protocol, action) = flow_pair(rng, net, eni)
    packets = 1 if kind in ("scan", "syn") else int(rng.paretovariate(0.9)) % 400000 + 1
    size = rng.choice((40, 44, 52, 60)) if kind in ("scan", "syn") else rng.randrange(60, 1500)
    outward = src == eni["address"]
    flags = {"scan": 2, "syn": 2}.get(kind, rng.choice((0, 2, 2, 3, 7))) if protocol == 6 else 0
    row = dict(base)
    row.update(
        srcaddr=src, dstaddr=dst, srcport=sport, dstport=dport, protocol=protocol, packets=packets, bytes=packets * size,
        action=action, log_status="OK", tcp_flags=None if rng.random() < 0.02 else flags,
        type="IPv6" if ":" in src else "IPv4", pkt_srcaddr=src, pkt_dstaddr=dst, pkt_src_aws_service="-",
        pkt_dst_aws_service="S3" if kind == "s3" else "-", flow_direction="egress" if outward else "ingress",
        traffic_path=rng.choice((1, 7, 8)) if outward else None,
    )  # fmt: skip
    if rng.random() < 0.001:
        row["bytes"] = 5_000_000_000 + rng.randrange(10**9)  # more than 32 bits
    if eni["kind"] == "nat":
        # A NAT gateway's own address hides the host, which only the packet's address shows.
        inside = net.enis[rng.randrange(6)]["address"]
        row["pkt_srcaddr" if outward else "pkt_dstaddr"] = inside
    rows = [row]
    if action == "ACCEPT" and kind not in ("syn", "odd") and rng.random() < 0.7:
        back = dict(row)
        for a, b in (("srcaddr", "dstaddr"), ("srcport", "dstport"), ("pkt_srcaddr", "pkt_dstaddr"), ("pkt_src_aws_service", "pkt_dst_aws_service")):
            back[a], back[b] = row[b], row[a]
        count = max(1, packets - rng.randrange(3))
        back.update(
            packets=count, bytes=count * rng.randrange(40, 1460), flow_direction="ingress" if outward else "egress",
            traffic_path=None if outward else rng.choice((1, 8)), tcp_flags={2: 18, 3: 19, 7: 19}.get(flags, 0) if protocol == 6 else 0,
        )  # fmt: skip
        rows.append(back)
    return rows


def write_flow_logs(rng, bucket, first, rows, odd):
    """About `rows` records in files of a slot each; the slot at midnight holds records that began the day before.

    If `odd`, each VPC's flow log is of another kind: one in hourly folders, one with its fields in
    another order, one with the 14 fields of the default format, where the other columns are NULL.
    """
    networks = [Network(rng, place) for place in PLACES]
    shuffled = sorted(FLOW_FIELDS)  # as the console orders "all fields"
    formats = [FLOW_FIELDS, shuffled, FLOW_FIELDS[:14]] if odd else [FLOW_FIELDS] * 3
    slots = [first + h * 3600 for h in range(0, 24 * DAYS, 3)]
    per_file = max(1, rows // (len(slots) * len(networks)))
    made = 0
    for slot in slots:
        for net, fields in zip(networks, formats):
            when = utc(slot)
            part = {
                "date": when.date(),
                "day": when.strftime("%Y/%m/%d"),
                "year": when.strftime("%Y"),
                "month": when.strftime("%m"),
                "account": net.account,
            }
            lines, want = [], per_file if made + per_file <= rows else max(0, rows - made)
            while len(lines) < want:
                for row in flow_rows(rng, net, slot):
                    if len(fields) < len(FLOW_FIELDS):
                        # `region` is then the partition's, from the path.
                        row = {n: row[n] for n in fields} | {"version": 2, "region": net.region}
                    lines.append(" ".join("-" if row[n] is None else str(row[n]) for n in fields))
                    bucket.flow.append({**row, **part})
            made += len(lines)
            header = " ".join(n.replace("_", "-") for n in fields)
            name = f"{net.account}_vpcflowlogs_{net.region}_{net.log}_{when:%Y%m%dT%H%MZ}_{token(rng, 8)}.log.gz"
            folder = bucket.folder(net.account, "vpcflowlogs", net.region, when)
            if odd and net is networks[0]:
                folder = folder / when.strftime("%H")
                folder.mkdir(exist_ok=True)
            bucket.put(folder, name, "\n".join([header, *lines]) + "\n")
    return networks


# ---------------------------------------------------------------------------------------------
# Application Load Balancer access logs

PATHS = ("/", "/api/v1/orders", "/api/v1/orders?id=42&sort=asc", "/static/app.js", "/login?next=%2Fhome", "/healthz", "/search?q=a%20b&q=c#top", "/api/v1/orders/7;v=2")
AGENTS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36",
    "curl/8.5.0",
    "ELB-HealthChecker/2.0",
    "\\x22quoted\\x22 agent; with \\x5C",
    "-",
)


def alb_row(rng, balancer, slot_end):
    """One request. The status decides which of the other fields are known."""
    status = rng.choices((200, 301, 404, 400, 502, 503, 504, 460, 101, None), (70, 5, 8, 3, 4, 2, 3, 1, 2, 1))[0]
    at = slot_end - rng.randrange(1, 300)
    time = utc(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{rng.randrange(10**6):06d}Z"
    secure = balancer["secure"]
    kind = ("wss" if secure else "ws") if status == 101 else rng.choice(("https", "https", "h2", "grpcs") if secure else ("http",))
    target = skewed(rng, balancer["targets"])
    known = status not in (400, 503, 301, None)
    host = rng.choice(("www.example.com", "api.example.com"))
    port = 443 if secure else 80
    url = f"{'https' if secure else 'http'}://{host}:{port}{skewed(rng, PATHS)}"
    verb, proto = rng.choice(("GET",) * 6 + ("POST", "PUT", "DELETE")), "HTTP/2.0" if kind in ("h2", "grpcs") else "HTTP/1.1"
    if status == 400:
        # Not HTTP: the log has "- http://host:443- ", with nothing after the last space.
        verb, url, proto = "-", f"http://{balancer['elb'].split('/')[1]}-1.elb.amazonaws.com:{port}-", ""
    elif rng.random() < 0.02:
        url = f"http://{host}:{port}/a file with spaces.txt"
    elif rng.random() < 0.02:
        verb = rng.choice(("PROPFIND", "SSTP_DUPLEX_POST"))
    ms = lambda top: rng.randrange(top) / 1000  # noqa: E731  milliseconds, as the log has them
    times = (ms(3), ms(2500), ms(2)) if known else (-1, -1, -1)
    if status in (502, 460):
        times = (ms(3), -1, -1)
    if status == 504:
        times = (ms(3), rng.choice((10.003, 60.001, -1)), -1)
    answered = known and status not in (502, 504, 460)
    six = rng.random() < 0.15
    row = {
        "type": kind,
        "time": time,
        "elb": balancer["elb"],
        "client_ip": f"2001:db8:{rng.randrange(4)}::{rng.randrange(1, 9):x}" if six else skewed(rng, balancer["clients"]),
        "client_port": rng.randrange(1024, 65536),
        "target_ip": target if known else NO_TARGET,
        "target_port": 8080 if known else None,
        "request_processing_time": float(times[0]),
        "target_processing_time": float(times[1]),
        "response_processing_time": float(times[2]),
        "elb_status_code": status,
        "target_status_code": str(status) if answered else "-",
        "received_bytes": rng.randrange(50, 4000),
        "sent_bytes": rng.choice((0, 272, rng.randrange(100, 2_000_000), 3_000_000_000)) if status == 200 else 272,
        "request_verb": verb,
        "request_url": url,
        "request_proto": proto,
        "user_agent": skewed(rng, AGENTS),
        "ssl_cipher": "ECDHE-RSA-AES128-GCM-SHA256" if secure else "-",
        "ssl_protocol": rng.choice(("TLSv1.2", "TLSv1.3")) if secure else "-",
        "target_group_arn": balancer["group"] if known else "-",
        "trace_id": f"Root=1-{at:08x}-{token(rng, 24)}",
        "domain_name": host if secure else "-",
        "chosen_cert_arn": f"arn:aws:acm:{balancer['region']}:{balancer['account']}:certificate/12345678-1234-1234-1234-123456789012" if secure else "-",
        "matched_rule_priority": rng.choice(("0", "1", "10")) if status != 400 else "-1",
        "request_creation_time": utc(at - rng.randrange(1, 3)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{rng.randrange(1000):03d}000Z",
        "actions_executed": {301: "redirect", 400: "-", 503: "forward"}.get(status, rng.choice(("forward", "waf,forward"))),
        "redirect_url": f"https://{host}:443/" if status == 301 else "-",
        "lambda_error_reason": "-",
        "target_port_list": f"{target}:8080" if known else "-",
        "target_status_code_list": str(status) if answered else "-",
        "classification": "Ambiguous" if status == 400 else "-",
        "classification_reason": "UndefinedContentLengthSemantics" if status == 400 else "-",
        "conn_trace_id": "TID_" + token(rng, 32),
    }
    return row


def alb_line(row, node, fields):
    """The text of a request, with 30 fields or with the 34 of today."""

    def number(value):
        return "-" if value is None else "-1" if value == -1 else f"{value:.3f}" if isinstance(value, float) else str(value)

    r = row
    target = "-" if r["target_port"] is None else f"{r['target_ip']}:{r['target_port']}"
    request = f"{r['request_verb']} {r['request_url']} {r['request_proto']}"
    plain = [r["type"], r["time"], r["elb"], f"{r['client_ip']}:{r['client_port']}", target]
    plain += [number(r[n]) for n in ("request_processing_time", "target_processing_time", "response_processing_time")]
    plain += [number(r["elb_status_code"]), r["target_status_code"], str(r["received_bytes"]), str(r["sent_bytes"])]
    plain += [f'"{request}"', f'"{r["user_agent"]}"', r["ssl_cipher"], r["ssl_protocol"], r["target_group_arn"]]
    plain += [f'"{r[n]}"' for n in ("trace_id", "domain_name", "chosen_cert_arn")]
    plain += [r["matched_rule_priority"], r["request_creation_time"]]
    plain += [f'"{r[n]}"' for n in ("actions_executed", "redirect_url", "lambda_error_reason", "target_port_list", "target_status_code_list", "classification", "classification_reason")]
    plain += [r["conn_trace_id"]]
    if fields == 34:
        plain += ['"-"', '"-"', '"-"', node]
    return " ".join(plain)


def write_alb_logs(rng, bucket, networks, first, rows):
    """Files of a load balancer's node for five minutes; the name has the end of them."""
    balancers = []
    for i, net in enumerate(networks):
        hosts = [e["address"] for e in net.enis if e["kind"] == "host"]
        name = ("web", "shop-eu", "batch")[i]
        balancers.append(
            {
                "account": net.account, "region": net.region, "elb": f"app/{name}/{token(rng, 16)}", "secure": i != 2,
                "targets": hosts[:4], "clients": net.clients[:25] + net.clients[-5:], "fields": (34, 30, 34)[i],
                "node": f"{net.prefix}.10.200", "group": f"arn:aws:elasticloadbalancing:{net.region}:{net.account}:targetgroup/{name}/{token(rng, 16)}",
            }  # fmt: skip
        )
    ends = [first + h * 3600 for h in range(0, 24 * DAYS, 3)]
    per_file = max(1, rows // (len(ends) * len(balancers)))
    for end in ends:
        for b in balancers:
            when = utc(end)
            part = {"day": when.strftime("%Y/%m/%d"), "date": when.date(), "region": b["region"], "account": b["account"]}
            lines = []
            for _ in range(per_file):
                row = alb_row(rng, b, end)
                lines.append(alb_line(row, b["node"], b["fields"]))
                bucket.alb.append({**row, **part})
            name = f"{b['account']}_elasticloadbalancing_{b['region']}_{b['elb'].replace('/', '.')}_{when:%Y%m%dT%H%MZ}_{b['node']}_{token(rng, 8)}.log.gz"
            bucket.put(bucket.folder(b["account"], "elasticloadbalancing", b["region"], when), name, "\n".join(lines) + "\n")


# ---------------------------------------------------------------------------------------------
# CloudTrail


def identity(rng, account):
    """A userIdentity as CloudTrail writes it: names in camel case, absent where unknown."""
    kind = rng.choices(("IAMUser", "AssumedRole", "Root", "AWSService", "WebIdentityUser"), (4, 6, 1, 2, 1))[0]
    if kind == "AWSService":
        return {"type": kind, "invokedBy": rng.choice(("autoscaling.amazonaws.com", "ecs.amazonaws.com"))}
    if kind == "Root":
        return {"type": kind, "principalId": account, "arn": f"arn:aws:iam::{account}:root", "accountId": account}
    if kind == "WebIdentityUser":
        return {
            "type": kind, "principalId": "accounts.example.com:app:subject", "userName": "subject",
            "identityProvider": "accounts.example.com",
        }  # fmt: skip
    if kind == "IAMUser":
        name = skewed(rng, ("alice", "bob", "carol", "deploy"))
        return {
            "type": kind, "principalId": "AIDA" + token(rng, 16).upper(), "arn": f"arn:aws:iam::{account}:user/{name}",
            "accountId": account, "accessKeyId": "AKIA" + token(rng, 16).upper(), "userName": name,
        }  # fmt: skip
    role, session = skewed(rng, ("Admin", "ReadOnly", "Deploy")), skewed(rng, ("alice", "ci-run-17", "i-0123456789abcdef0"))
    return {
        "type": kind, "principalId": "AROA" + token(rng, 16).upper() + ":" + session,
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}", "accountId": account,
        "accessKeyId": "ASIA" + token(rng, 16).upper(),
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role", "principalId": "AROA" + token(rng, 16).upper(), "arn": f"arn:aws:iam::{account}:role/{role}",
                "accountId": account, "userName": role,
            },
            "attributes": {"creationDate": "2026-01-05T08:00:00Z", "mfaAuthenticated": rng.choice(("true", "false"))},
        },
    }  # fmt: skip


def call(rng, account, region):
    """One API call: its source and name, what was asked, what was answered, and what else."""
    group = skewed(rng, ("sg-0aa11bb22cc33dd44", "sg-0ee55ff66aa77bb88", "sg-5887f224"))
    port, cidr = rng.choice((22, 443, 5432)), rng.choice(("0.0.0.0/0", "203.0.113.0/24"))
    rule = {"groupId": group, "ipPermissions": {"items": [{"ipProtocol": "tcp", "fromPort": port, "toPort": port, "groups": {}, "ipRanges": {"items": [{"cidrIp": cidr}]}, "ipv6Ranges": {}, "prefixListIds": {}}]}}
    instances = [{"instanceId": "i-0" + token(rng, 16), "currentState": {"code": 0, "name": "pending"}} for _ in range(rng.randrange(1, 4))]
    key, bucket = rng.choice(("logs/a b.txt", "data/\u00e9t\u00e9.csv", "img/\"x\".png")), rng.choice(("amzn-s3-demo-bucket", "example-logs"))
    calls = {
        "ConsoleLogin": ("signin.amazonaws.com", None, {"ConsoleLogin": rng.choice(("Success", "Success", "Failure"))}, {"LoginTo": "https://console.aws.amazon.com/console/home?state=hashArgs%23", "MobileVersion": "No", "MFAUsed": rng.choice(("Yes", "No"))}),
        "AuthorizeSecurityGroupIngress": ("ec2.amazonaws.com", rule, {"requestId": token(rng, 8), "_return": True}, None),
        "RevokeSecurityGroupIngress": ("ec2.amazonaws.com", rule, {"_return": True}, None),
        "DescribeInstances": ("ec2.amazonaws.com", {"maxResults": 1000, "instancesSet": {}, "filterSet": {}}, None, None),
        "RunInstances": ("ec2.amazonaws.com", {"instanceType": "t3.micro", "minCount": 1, "maxCount": len(instances), "monitoring": {"enabled": False}}, {"reservationId": "r-0" + token(rng, 16), "instancesSet": {"items": instances}}, None),
        "TerminateInstances": ("ec2.amazonaws.com", {"instancesSet": {"items": [{"instanceId": i["instanceId"]} for i in instances]}}, {"instancesSet": {"items": instances}}, None),
        "GetObject": ("s3.amazonaws.com", {"bucketName": bucket, "key": key, "Host": f"{bucket}.s3.{region}.amazonaws.com"}, None, {"SignatureVersion": "SigV4", "CipherSuite": "ECDHE-RSA-AES128-GCM-SHA256", "bytesTransferredIn": 0, "bytesTransferredOut": rng.randrange(100, 10**7), "x-amz-id-2": token(rng, 20)}),
        "AssumeRole": ("sts.amazonaws.com", {"roleArn": f"arn:aws:iam::{account}:role/Deploy", "roleSessionName": "ci-run-17", "durationSeconds": 3600}, {"credentials": {"accessKeyId": "ASIA" + token(rng, 16).upper(), "sessionToken": "x/y+z="}}, None),
        "CreateAccessKey": ("iam.amazonaws.com", {"userName": "deploy"}, {"accessKey": {"userName": "deploy", "accessKeyId": "AKIA" + token(rng, 16).upper(), "status": "Active"}}, None),
        "DeleteNatGateway": ("ec2.amazonaws.com", {"DeleteNatGatewayRequest": {"NatGatewayId": "nat-0" + token(rng, 16)}}, {"DeleteNatGatewayResponse": {"xmlns": "http://ec2.amazonaws.com/doc/2016-11-15/", "natGatewayId": "nat-0"}}, None),
    }
    name = rng.choices(tuple(calls), (2, 3, 2, 8, 2, 2, 8, 5, 1, 1))[0]
    return name, calls[name], bucket, key


def event(rng, account, region, at):
    """One event as CloudTrail writes it. Fields without a value are absent or null, as there."""
    name, (source, request, response, more), bucket, key = call(rng, account, region)
    who = identity(rng, account)
    made = {
        "eventVersion": rng.choice(("1.08", "1.10")),
        "userIdentity": who,
        "eventTime": utc(at).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": source,
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": who.get("invokedBy") or rng.choice(("203.0.113.12", "198.51.100.7", "10.0.10.11", "2001:db8::9", "192.168.7.7")),
        "userAgent": rng.choice(("aws-cli/2.15.0", "Boto3/1.34", "console.amazonaws.com")),
        "requestParameters": request,
        "responseElements": response,
    }
    if name not in ("ConsoleLogin",) and rng.random() < 0.12:
        made["errorCode"] = rng.choice(("AccessDenied", "Client.UnauthorizedOperation", "Client.DryRunOperation"))
        made["errorMessage"] = "You are not authorized to perform this operation, \"" + name + "\"."
        made["responseElements"] = None
    if more is not None:
        made["additionalEventData"] = more
    made.update(requestID=token(rng, 32), eventID=f"{token(rng, 8)}-{token(rng, 4)}-{token(rng, 4)}-{token(rng, 4)}-{token(rng, 12)}")
    made["readOnly"] = name.startswith(("Describe", "Get", "AssumeRole"))
    if name == "GetObject":
        made["resources"] = [{"type": "AWS::S3::Object", "ARN": f"arn:aws:s3:::{bucket}/{key}"}, {"accountId": account, "type": "AWS::S3::Bucket", "ARN": f"arn:aws:s3:::{bucket}"}]
    if name == "AssumeRole":
        made["resources"] = [{"accountId": account, "type": "AWS::IAM::Role", "ARN": f"arn:aws:iam::{account}:role/Deploy"}]
    made.update(eventType="AwsConsoleSignIn" if name == "ConsoleLogin" else "AwsApiCall", managementEvent=name != "GetObject", recipientAccountId=account)
    made["eventCategory"] = "Data" if name == "GetObject" else "Management"
    if source == "ec2.amazonaws.com":
        made["apiVersion"] = "2016-11-15"
    if rng.random() < 0.5:
        made["tlsDetails"] = {"tlsVersion": "TLSv1.3", "cipherSuite": "TLS_AES_128_GCM_SHA256", "clientProvidedHostHeader": source}
    if who["type"] != "AWSService" and rng.random() < 0.1:
        made["sessionCredentialFromConsole"] = "true"
    if name == "GetObject" and rng.random() < 0.3:
        made.update(vpcEndpointId="vpce-0123456789abcdef0", vpcEndpointAccountId=account)
    return made


def compact(value):
    """JSON without spaces, as CloudTrail writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def trail_row(made):
    """The row of an event: structs by lower-case names, free-form parts as their JSON text."""

    def lower(value):
        if isinstance(value, dict):
            return {k.lower(): lower(v) for k, v in value.items()}
        return [lower(v) for v in value] if isinstance(value, list) else value

    row = {}
    for key, value in made.items():
        name = key.lower()
        if name in ("useridentity", "resources", "tlsdetails", "addendum"):
            row[name] = lower(value)
        elif name in ("requestparameters", "responseelements", "additionaleventdata"):
            row[name] = None if value is None else compact(value)
        elif name == "readonly":
            row[name] = "true" if value else "false"
        elif name in TRAIL.names:
            row[name] = value
    return row


def write_cloudtrail(rng, bucket, first, rows):
    """Files of about five minutes; events can be a quarter of an hour older than the name."""
    slots = [first + h * 3600 + 5 * 60 for h in range(0, 24 * DAYS, 3)]
    per_file = max(1, rows // (len(slots) * len(PLACES)))
    for slot in slots:
        for account, region, *_ in PLACES:
            when = utc(slot)
            part = {"day": when.strftime("%Y/%m/%d"), "date": when.date(), "region": region, "account": account}
            events = [event(rng, account, region, slot - rng.randrange(900)) for _ in range(per_file)]
            bucket.trail += [{**trail_row(e), **part} for e in events]
            name = f"{account}_CloudTrail_{region}_{when:%Y%m%dT%H%MZ}_{token(rng, 16)}.json.gz"
            bucket.put(bucket.folder(account, "CloudTrail", region, when), name, compact({"Records": events}))


def write(root, rows, last_day, seed=1, odd=False):
    """Writes the bucket under `root`; returns it with the rows of its tables."""
    rng = random.Random(seed)
    first = int(dt.datetime.combine(last_day, dt.time(), dt.timezone.utc).timestamp()) - (DAYS - 1) * 86400
    bucket = Bucket(root)
    networks = write_flow_logs(rng, bucket, first, rows, odd)
    write_alb_logs(rng, bucket, networks, first, rows // 5)
    write_cloudtrail(rng, bucket, first, rows // 10)
    return bucket


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=20000, help="flow log records, about")
    parser.add_argument("--bucket", required=True, help="folder that is written")
    parser.add_argument("--parquet", help="folder for the same rows as Parquet")
    parser.add_argument("--last-day", type=dt.date.fromisoformat, default=dt.date(2026, 3, 1), help="the last of the three days")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--odd", action="store_true", help="flow logs with three formats: hourly folders, another order, 14 fields")
    args = parser.parse_args()
    bucket = write(args.bucket, args.rows, args.last_day, args.seed, args.odd)
    for name, table in bucket.tables().items():
        print(f"{name}: {table.num_rows} rows")
        if args.parquet:
            folder = pathlib.Path(args.parquet)
            folder.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, folder / f"{name}.parquet")


if __name__ == "__main__":
    main()
