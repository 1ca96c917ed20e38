"""Servers of buckets on this machine, and a proxy in front of them that makes their faults.

moto and SeaweedFS are two implementations of S3 by others. Both listen on 127.0.0.1 only.
"""

import collections
import http.client
import http.server
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import boto3
import botocore.config

KEY, SECRET = "AKIAEXAMPLE", "secret-of-the-example"
BUCKET = "logs"
STARTS_WITHIN_S = 60


def free_port():
    """Returns a port that is free, and so is the one 10,000 above it, which SeaweedFS takes too."""
    while True:
        with socket.socket() as one, socket.socket() as other:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            if port < 50_000:
                try:
                    other.bind(("127.0.0.1", port + 10_000))
                    return port
                except OSError:
                    pass


class Server:
    """A process that serves buckets, until it is stopped."""

    def __init__(self, command, port, folder):
        self.url = f"http://127.0.0.1:{port}"
        with open(os.path.join(folder, f"{port}.log"), "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            try:
                self.client().create_bucket(Bucket=BUCKET)
                return
            except Exception:  # not listening yet, or not ready
                if time.monotonic() > until or self.process.poll() is not None:
                    self.stop()
                    raise
                time.sleep(0.2)

    def client(self):
        quick = botocore.config.Config(retries={"max_attempts": 1}, connect_timeout=2, max_pool_connections=16)
        return boto3.client("s3", endpoint_url=self.url, aws_access_key_id=KEY, aws_secret_access_key=SECRET,
                            region_name="us-east-1", config=quick)

    def stop(self):
        self.process.kill()
        self.process.wait()


def moto(folder):
    port = free_port()
    return Server([os.path.join(os.path.dirname(sys.executable), "moto_server"), "-p", str(port)], port, folder)


def seaweedfs(folder):
    port = free_port()
    identities = os.path.join(folder, "identities.json")
    keys = [{"accessKey": KEY, "secretKey": SECRET}]
    with open(identities, "w", encoding="utf-8") as file:
        json.dump({"identities": [{"name": "tests", "credentials": keys, "actions": ["Admin", "Read", "List", "Write"]}]},
                  file)
    data = os.path.join(folder, "data")
    os.makedirs(data)
    ports = [f"-{name}.port={free_port()}" for name in ("master", "volume", "filer")]
    weed = os.path.join(os.path.dirname(sys.executable), "weed")
    return Server([weed, "server", f"-dir={data}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-s3", f"-s3.port={port}",
                   f"-s3.config={identities}", *ports], port, folder)


SERVERS = {"moto": moto, "SeaweedFS": seaweedfs}


def refusal(status, code):
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>made by a test</Message></Error>"
    return status, body.encode()


class Proxy(http.server.ThreadingHTTPServer):
    """Passes requests on to a server, and makes faults.

    `faults` has a function for each: it gets the key of an object and how often it was asked for, and returns
    None, a refusal, or how many bytes of the body are sent before the connection ends.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, server):
        super().__init__(("127.0.0.1", 0), Handler)
        self.backend = server
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.lock = threading.Lock()
        self.reset()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def reset(self, fault=None):
        self.fault = fault or (lambda key, times: None)
        self.refused = None
        self.asked, self.ranges, self.lists = collections.Counter(), [], []

    def handle_error(self, request, client_address):
        pass  # a client that is gone


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        path = self.path.partition("?")[0]
        key = path.removeprefix(f"/{BUCKET}").lstrip("/")
        is_object = self.command == "GET" and bool(key)
        fault = None
        with self.server.lock:
            if is_object:
                self.server.asked[key] += 1
                self.server.ranges.append(self.headers.get("Range"))
                fault = self.server.fault(key, self.server.asked[key])
            elif self.command == "GET":
                self.server.lists.append(self.path)
        if isinstance(fault, tuple):
            return self.answer(fault[0], {"Content-Type": "application/xml"}, fault[1])
        return self.pass_on(None, fault)

    def pass_on(self, body, fault=None):
        connection = http.client.HTTPConnection(self.server.backend.url.removeprefix("http://"), timeout=30)
        connection.request(self.command, self.path, body, headers=dict(self.headers))
        response = connection.getresponse()
        body = response.read()
        headers = {name: value for name, value in response.getheaders()
                   if not re.fullmatch("(?i)transfer-encoding|connection|content-length|date|server", name)}
        length = response.getheader("Content-Length") if self.command == "HEAD" else None
        connection.close()
        return self.answer(response.status, headers, body, length, fault)

    do_HEAD = do_GET

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.refused:
            return self.answer(self.server.refused[0], {"Content-Type": "application/xml"}, self.server.refused[1])
        return self.pass_on(body)

    do_POST = do_DELETE = do_PUT

    def answer(self, status, headers, body, length=None, cut=None):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        if cut is not None and cut < len(body):
            self.wfile.write(body[:cut])
            self.close_connection = True
        else:
            self.wfile.write(body)
