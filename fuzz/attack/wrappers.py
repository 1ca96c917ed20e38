"""Writes records into files as people have them: text, compressed, exported, wrapped in JSON, in archives.

Every wrapper here is one that docs/inputs.md names. A wrapper takes rows of one layout
and returns the bytes of one file; archives take whole files.
"""

import base64
import gzip
import io
import json
import shutil
import subprocess
import tarfile
import time
import zipfile

ZSTD = shutil.which("zstd")
TEXT = ("text", "text_again", "plain", "export", "console", "tail", "insights_csv", "athena")
JSON = ("json_lines", "json_array", "json_keys", "messages", "filter_log", "get_log", "insights", "subscription",
        "kinesis", "firehose_event", "lambda_event")
KEYED = {"text", "text_again", "athena", "json_lines", "json_array", "json_keys"}
"""Wrappers that name the columns; the others need a known order or --format."""


def stamp(row, rng):
    """The moment that CloudWatch would give the record, in milliseconds."""
    return int(row.values.get("start", "1700000000")) * 1000


def iso(milliseconds, blank="T", zone="Z"):
    at = time.gmtime(milliseconds // 1000)
    return time.strftime(f"%Y-%m-%d{blank}%H:%M:%S", at) + f".{milliseconds % 1000:03d}{zone}"


def lines(rows, rng, header):
    """Records as text, with what AWS and editors do to text."""
    between = rng.choice([" ", " ", " ", "\t", "  "])
    end = rng.choice(["\n", "\n", "\n", "\r\n"])
    out = []
    if header:
        names = rows[0].layout
        if rng.random() < 0.2:
            names = [name.replace("-", "_") for name in names]
        out.append(" ".join(names))
    for row in rows:
        out.append(between.join(row.cells()))
        if header and rng.random() < 0.01:
            out.append(" ".join(row.layout))
        if rng.random() < 0.01:
            out.append("")
    text = end.join(out) + (end if rng.random() < 0.8 else "")
    return (b"\xef\xbb\xbf" if rng.random() < 0.05 else b"") + text.encode()


def message(row):
    return " ".join(row.cells())


def keyed(row, rng, style):
    """One record as an object with one key per field."""
    found = {}
    for name, value in zip(row.layout, row.cells()):
        key = name if style["hyphens"] else name.replace("-", "_")
        if value == "-":
            if style["absent"] == "leave":
                continue
            found[key] = None if style["absent"] == "null" else "-"
        elif style["numbers"] and value.isdigit() and name not in ("account-id",):
            found[key] = int(value)
        else:
            found[key] = value
    return found


def envelope(rows, rng):
    return {"messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "/vpc/flow", "logStream": "eni-1-all",
            "subscriptionFilters": ["all"],
            "logEvents": [{"id": f"{number:056d}", "timestamp": stamp(row, rng), "message": message(row)}
                          for number, row in enumerate(rows)]}


def halves(rows, rng):
    cut = rng.randrange(0, len(rows) + 1)
    return [part for part in (rows[:cut], rows[cut:]) if part]


def wrap(kind, rows, rng):
    """One file of `rows`, all of one layout."""
    if kind == "text":
        return lines(rows, rng, True)
    if kind == "text_again":
        return b"".join(lines(part, rng, True).rstrip(b"\r\n").removeprefix(b"\xef\xbb\xbf") + b"\n" for part in halves(rows, rng))
    if kind == "plain":
        return lines(rows, rng, False)
    if kind == "export":
        return "".join(f"{iso(stamp(row, rng))} {message(row)}\n" for row in rows).encode()
    if kind == "console":
        return ("timestamp,message\n" + "".join(f"{stamp(row, rng)},{message(row)}\n" for row in rows)).encode()
    if kind == "tail":
        return "".join(f"{iso(stamp(row, rng), zone='000+00:00')} eni-1-all {message(row)}\n" for row in rows).encode()
    if kind == "insights_csv":
        return ("@timestamp,@message\n" + "".join(f"{iso(stamp(row, rng), ' ', '')},{message(row)}\n" for row in rows)).encode()
    if kind == "athena":
        table = [[name.replace("-", "_") for name in rows[0].layout]]
        table += [["" if cell == "-" else cell for cell in row.cells()] for row in rows]
        return "".join(",".join(f'"{cell}"' for cell in line) + "\n" for line in table).encode()
    if kind in ("json_lines", "json_array", "json_keys"):
        style = {"hyphens": rng.random() < 0.5, "numbers": rng.random() < 0.5, "absent": rng.choice(["leave", "null", "-"])}
        found = [keyed(row, rng, style) for row in rows]
        if kind == "json_array":
            return json.dumps(found, indent=rng.choice([None, 2])).encode()
        return ("\n" if kind == "json_lines" else "").join(json.dumps(one) for one in found).encode()
    if kind == "messages":
        return rng.choice(["", "\n"]).join(json.dumps({"message": message(row)}) for row in rows).encode()
    if kind in ("filter_log", "get_log"):
        pages = [{"events": [{"timestamp": stamp(row, rng), "message": message(row), "ingestionTime": stamp(row, rng) + 9}
                             for row in part]} for part in halves(rows, rng)]
        return "\n".join(json.dumps(page, indent=rng.choice([None, 4])) for page in pages).encode()
    if kind == "insights":
        return json.dumps({"results": [[{"field": "@timestamp", "value": iso(stamp(row, rng), " ", "")},
                                        {"field": "@message", "value": message(row)}] for row in rows],
                           "statistics": {}, "status": "Complete"}).encode()
    if kind == "subscription":
        control = json.dumps({"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "",
                              "subscriptionFilters": [], "logEvents": [{"id": "", "timestamp": 1, "message": "CWL CONTROL MESSAGE"}]})
        parts = [gzip.compress(json.dumps(envelope(part, rng)).encode()) for part in halves(rows, rng)]
        return (gzip.compress(control.encode()) if rng.random() < 0.4 else b"") + b"".join(parts)
    packed = [base64.b64encode(gzip.compress(json.dumps(envelope(part, rng)).encode())).decode() for part in halves(rows, rng)]
    if kind == "kinesis":
        return json.dumps({"Records": [{"kinesis": {"data": one}} for one in packed]}).encode()
    if kind == "firehose_event":
        return json.dumps({"requestId": "1", "timestamp": 1, "records": [{"data": one} for one in packed]}).encode()
    if kind == "lambda_event":
        return "\n".join(json.dumps({"awslogs": {"data": one}}) for one in packed).encode()
    raise ValueError(kind)


def compress(data, rng):
    """The same bytes, compressed or not."""
    how = rng.choice(["no", "no", "gzip", "gzip", "members", "zstd" if ZSTD else "gzip"])
    if how == "gzip":
        return gzip.compress(data, 1)
    if how == "members":
        cut = rng.randrange(0, len(data) + 1)
        return gzip.compress(data[:cut], 1) + gzip.compress(data[cut:], 1)
    if how == "zstd":
        return subprocess.run([ZSTD, "-q", "-c", "-1"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def archive(members, rng):
    """Several files in one zip or tar."""
    out = io.BytesIO()
    kind = rng.choice(["zip", "tar", "tar.gz"])
    if kind == "zip":
        with zipfile.ZipFile(out, "w", rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])) as file:
            for name, data in members:
                file.writestr(name, data)
    else:
        form = rng.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
        with tarfile.open(fileobj=out, mode="w:gz" if kind == "tar.gz" else "w", format=form) as file:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                file.addfile(info, io.BytesIO(data))
    return out.getvalue()
