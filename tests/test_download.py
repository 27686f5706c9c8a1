"""Downloads against a loopback server that misbehaves in every way that has been reported."""

import hashlib
import re
import shutil
import socket
import ssl
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from impasto.errors import DownloadError
from impasto.weights.download import Wanted, download
from impasto.weights.published import Digest

CONTENT = bytes(range(256)) * 4096  # 1 MiB
PAGE = b"<!DOCTYPE html><html><body>Please sign in.</body></html>"


class Server(ThreadingHTTPServer):
    """Each path behaves as its first word says; every request is written down."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, str | None]] = []

    def url(self, behavior: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{behavior}/vgg.h5"

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is part of the test."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.requests.append((self.path.split("/")[1], self.headers["Range"]))
        behavior: Callable[[], None] = getattr(self, self.path.split("/")[1])
        behavior()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def give(self, body: bytes, status: int = 200, *, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def start(self) -> int:
        asked = re.match(r"bytes=(\d+)-", self.headers["Range"] or "")
        return int(asked[1]) if asked else 0

    def good(self) -> None:
        start = self.start()
        if start >= len(CONTENT):
            self.give(b"", 416)
        elif start:
            place = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
            self.give(CONTENT[start:], 206, Content_Range=place)
        else:
            self.give(CONTENT)

    def without_ranges(self) -> None:
        self.give(CONTENT)

    def unannounced(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CONTENT)

    def missing(self) -> None:
        self.send_error(404)

    def forbidden(self) -> None:
        self.send_error(403)

    def page(self) -> None:
        self.give(PAGE, Content_Type="text/html")

    def wrong(self) -> None:
        self.give(b"x" * len(CONTENT))

    def endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(100):
            self.wfile.write(CONTENT)

    def truncated(self) -> None:
        self.give(CONTENT[:1000], length=len(CONTENT))

    def reset_once(self) -> None:
        if self.start():
            self.good()
        else:
            self.give(CONTENT[:300_000], length=len(CONTENT))

    def torn(self) -> None:
        """A reset in the middle, not a polite end."""
        if len(self.server.requests) > 1:
            self.good()
            return
        self.reset_once()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def misplaced(self) -> None:
        self.give(CONTENT[5:], 206, Content_Range=f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}")

    def slow(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        for place in range(0, len(CONTENT), 1 << 18):
            self.wfile.write(CONTENT[place : place + (1 << 18)])
            time.sleep(0.05)

    def silent(self) -> None:
        time.sleep(1)

    def moved(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.server.url("good"))
        self.end_headers()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def want(server: Server, tmp_path: Path) -> Callable[..., Wanted]:
    def wanted(*behaviors: str, size: int | None = len(CONTENT), timeout: float = 5.0) -> Wanted:
        digest = Digest("sha256", hashlib.sha256(CONTENT).hexdigest())
        urls = tuple(server.url(behavior) for behavior in behaviors)
        return Wanted(urls, tmp_path / "cache" / "vgg.h5", size, digest, timeout=timeout)

    return wanted


Want = Callable[..., Wanted]


def leave_part(wanted: Wanted, content: bytes) -> None:
    wanted.part.parent.mkdir()
    wanted.part.write_bytes(content)


@pytest.mark.parametrize("behavior", ["good", "without_ranges", "unannounced", "slow", "moved", "reset_once", "torn"])
@pytest.mark.parametrize("size", [len(CONTENT), None], ids=["size", "no size"])
def test_a_file_arrives_whole(behavior: str, size: int | None, want: Want) -> None:
    wanted = want(behavior, size=size)
    assert download(wanted) == wanted.target
    assert wanted.target.read_bytes() == CONTENT
    assert [path.name for path in wanted.target.parent.iterdir()] == ["vgg.h5"]


@pytest.mark.parametrize(
    ("behavior", "reason"),
    [
        ("missing", "HTTP 404"),
        ("forbidden", "HTTP 403"),
        ("page", "text/html, expected 1,048,576"),
        ("wrong", "not the published file: its sha256"),
        ("endless", "more bytes than the file has"),
        ("truncated", r"ended after [\d,]+ of 1,048,576 bytes|not the published file"),
        ("silent", "timed out"),
    ],
)
def test_a_bad_mirror_is_told_and_the_next_one_serves(behavior: str, reason: str, want: Want) -> None:
    alone = want(behavior, timeout=0.2)
    with pytest.raises(DownloadError, match=reason) as caught:
        download(alone)
    assert alone.urls[0] in str(caught.value)
    assert not alone.target.exists()
    both = want(behavior, "good", timeout=0.2)
    assert download(both).read_bytes() == CONTENT


def test_a_page_of_unknown_size_is_seen_by_its_hash(want: Want) -> None:
    wanted = want("page", size=None)
    with pytest.raises(DownloadError, match="for it is a web page"):
        download(wanted)
    assert list(wanted.target.parent.iterdir()) == []


def test_every_mirror_is_named_in_order(want: Want) -> None:
    with pytest.raises(DownloadError, match=r"missing/vgg.h5: HTTP 404.*; .*forbidden/vgg.h5: HTTP 403"):
        download(want("missing", "forbidden"))


def test_nobody_there(want: Want, tmp_path: Path) -> None:
    wanted = Wanted(("http://127.0.0.1:1/vgg.h5",), tmp_path / "vgg.h5", None, Digest("md5", "0" * 32))
    with pytest.raises(DownloadError, match=r"127.0.0.1:1/vgg.h5: .*refused"):
        download(wanted)


def test_a_broken_transfer_is_taken_up_where_it_broke(server: Server, want: Want) -> None:
    download(want("reset_once"))
    assert server.requests == [("reset_once", None), ("reset_once", "bytes=300000-")]


def test_the_next_run_continues_the_last_one(server: Server, want: Want) -> None:
    wanted = want("good")
    leave_part(wanted, CONTENT[:700_000])
    assert download(wanted).read_bytes() == CONTENT
    assert server.requests == [("good", "bytes=700000-")]


@pytest.mark.parametrize("behavior", ["without_ranges", "good"])
@pytest.mark.parametrize(
    "stale", [b"y" * 1000, b"y" * len(CONTENT), b"y" * (len(CONTENT) + 9)], ids=["part", "full", "longer"]
)
@pytest.mark.parametrize("size", [len(CONTENT), None], ids=["size", "no size"])
def test_a_stale_part_costs_time_only(behavior: str, stale: bytes, size: int | None, want: Want) -> None:
    wanted = want(behavior, size=size)
    leave_part(wanted, stale)
    assert download(wanted).read_bytes() == CONTENT


def test_a_complete_part_needs_no_byte(server: Server, want: Want) -> None:
    wanted = want("good", size=None)
    leave_part(wanted, CONTENT)
    assert download(wanted).read_bytes() == CONTENT
    assert server.requests == [("good", f"bytes={len(CONTENT)}-")]  # answered by 416: nothing follows


def test_a_wrong_range_is_not_pasted_in(want: Want) -> None:
    wanted = want("misplaced", "good")
    leave_part(wanted, CONTENT[:100])
    assert download(wanted).read_bytes() == CONTENT


def test_progress_grows_to_the_total(server: Server, want: Want) -> None:
    seen: list[tuple[int, int]] = []
    base = want("reset_once")
    download(Wanted(base.urls, base.target, base.size, base.digest, lambda *pair: seen.append(pair)))
    assert seen == sorted(seen)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert {total for _, total in seen} == {len(CONTENT)}


def test_a_file_that_is_there_is_not_asked_for(server: Server, want: Want) -> None:
    wanted = want("good")
    download(wanted)
    download(wanted)
    assert len(server.requests) == 1


def test_a_damaged_target_is_replaced(want: Want) -> None:
    wanted = want("good")
    wanted.target.parent.mkdir()
    wanted.target.write_bytes(b"z" * len(CONTENT))
    assert download(wanted).read_bytes() == CONTENT


def test_two_at_once_share_one_download(server: Server, want: Want) -> None:
    wanted = want("slow")
    threads = [threading.Thread(target=download, args=(wanted,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wanted.target.read_bytes() == CONTENT
    assert len(server.requests) == 1


def test_a_folder_that_cannot_be_written_is_found_before_any_request(server: Server, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    wanted = Wanted((server.url("good"),), tmp_path / "cache" / "vgg.h5", None, Digest("md5", ""))
    with pytest.raises(DownloadError, match="cannot be written to"):
        download(wanted)
    assert server.requests == []


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is needed to make a certificate")
def test_a_certificate_that_nobody_signed_is_refused(server: Server, tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url("good").replace("http:", "https:")
    with pytest.raises(DownloadError, match="CERTIFICATE_VERIFY_FAILED"):
        download(Wanted((url,), tmp_path / "vgg.h5", None, Digest("md5", "")))
    assert server.requests == []
