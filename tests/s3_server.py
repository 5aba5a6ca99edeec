"""A small S3 service on this machine's loopback, from which the real s5cmd downloads real bytes."""

from __future__ import annotations

import hashlib
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

ENTRY = (
    "<Contents><Key>{key}</Key><LastModified>2020-01-01T00:00:00.000Z</LastModified><ETag>&quot;{md5}&quot;</ETag>"
    "<Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
LIST = (
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Name>b</Name><Prefix></Prefix><KeyCount>{count}</KeyCount><MaxKeys>1000</MaxKeys>"
    "<IsTruncated>false</IsTruncated>{entries}</ListBucketResult>"
)


@dataclass
class Bucket:
    """What the service holds: `objects` (key -> bytes); `sent` lists the keys that were asked for.

    `changed` holds bytes that are sent instead of those that are listed; `seconds` is the time a file takes.
    """

    objects: dict[str, bytes]
    changed: dict[str, bytes] = field(default_factory=dict)
    seconds: float = 0.0
    sent: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def s3_server(bucket: Bucket):
    """Serve the bucket `s3://idc/`; the address is put into `bucket.url`."""
    handler = type("_BucketHandler", (_Handler,), {"bucket": bucket})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    bucket.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield bucket
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def log_message(self, *words):
        pass

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def _answer(self, *, body):
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        if "list-type" in query:
            self._send(200, _listing(self.bucket, query.get("prefix", [""])[0]), {}, body=True)
            return
        key = unquote(parts.path).removeprefix("/idc/")
        data = self.bucket.changed.get(key, self.bucket.objects[key])
        if body:
            self.bucket.sent.append(key)
            time.sleep(self.bucket.seconds)
        headers = {"ETag": '"x"', "Last-Modified": "Wed, 01 Jan 2020 00:00:00 GMT"}
        headers["Content-Range"] = f"bytes 0-{len(data) - 1}/{len(data)}"
        self._send(206 if body else 200, data, headers, body=body)

    def _send(self, status, data, headers, *, body):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)


def _listing(bucket, prefix):
    entries = [
        ENTRY.format(key=key, md5=hashlib.md5(data, usedforsecurity=False).hexdigest(), size=len(data))
        for key, data in sorted(bucket.objects.items())
        if key.startswith(prefix)
    ]
    return LIST.format(count=len(entries), entries="".join(entries)).encode()
