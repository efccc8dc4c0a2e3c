import hashlib
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hypecheck import downloads
from hypecheck.registry import DataFile, DatasetError, registry

CONTENT = bytes(range(256)) * 2000  # several chunks


class Handler(BaseHTTPRequestHandler):
    """Serve CONTENT with ranges; the server's attributes make it misbehave."""

    def do_GET(self):
        self.server.ranges.append(self.headers.get("Range"))
        self.server.encodings.append(self.headers.get("Accept-Encoding"))
        start = 0
        if (asked := self.headers.get("Range")) and self.server.knows_ranges:
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(self.server.content):
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cut])
        self.close_connection = True

    def do_HEAD(self):
        self.server.heads += 1
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.content, server.cut, server.knows_ranges, server.status = CONTENT, None, True, 200
    server.ranges, server.encodings, server.heads = [], [], 0
    server.url = f"http://127.0.0.1:{server.server_port}/toy.bin"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def file(server):
    digest = hashlib.sha256(CONTENT).hexdigest()
    return DataFile("toy/toy.bin", server.url, len(CONTENT), digest)


@pytest.fixture
def fresh(monkeypatch, tmp_path):
    """An empty cache, and no memory of the network."""
    monkeypatch.setenv("HYPECHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("HYPECHECK_OFFLINE", raising=False)
    downloads._online.cache_clear()
    yield tmp_path / "cache"
    downloads._online.cache_clear()


def test_download_and_second_call_without_network(server, file, tmp_path):
    path = downloads.download(file, tmp_path)
    assert path == tmp_path / "toy/toy.bin"
    assert path.read_bytes() == CONTENT
    assert downloads.download(file, tmp_path) == path
    assert server.ranges == [None]
    assert server.encodings == ["identity"]
    assert not list(tmp_path.rglob("*.part"))


def test_broken_transfer_is_resumed(server, file, tmp_path):
    server.cut = 200_000
    with pytest.raises(DatasetError, match=r"could not be downloaded.*goes on where it stopped"):
        downloads.download(file, tmp_path)
    part = tmp_path / "toy/toy.bin.part"
    n_there = part.stat().st_size
    assert 0 < n_there <= 200_000
    assert not (tmp_path / "toy/toy.bin").exists()
    server.cut = None
    assert downloads.download(file, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={n_there}-"]
    assert not part.exists()


@pytest.mark.parametrize("n_there", [1, len(CONTENT) - 1, len(CONTENT)])
def test_any_part_is_completed(file, tmp_path, n_there):
    part = tmp_path / "toy/toy.bin.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT[:n_there])
    assert downloads.download(file, tmp_path).read_bytes() == CONTENT


def test_server_without_ranges_starts_again(server, file, tmp_path):
    server.knows_ranges = False
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/toy.bin.part").write_bytes(CONTENT[:1000])
    assert downloads.download(file, tmp_path).read_bytes() == CONTENT


def test_part_longer_than_the_file_starts_again(server, file, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/toy.bin.part").write_bytes(CONTENT + b"more")
    assert downloads.download(file, tmp_path).read_bytes() == CONTENT
    assert server.ranges == [None]


def test_part_beyond_the_servers_file_is_dropped(server, file, tmp_path):
    server.content = CONTENT[:500]
    part = tmp_path / "toy/toy.bin.part"
    part.parent.mkdir()
    part.write_bytes(CONTENT[:1000])
    with pytest.raises(DatasetError, match="416"):
        downloads.download(file, tmp_path)
    assert not part.exists()


def test_other_content_is_refused_and_not_kept(server, file, tmp_path):
    server.content = CONTENT[::-1]
    with pytest.raises(DatasetError, match="not the registered file"):
        downloads.download(file, tmp_path)
    assert not (tmp_path / "toy/toy.bin").exists()
    assert not (tmp_path / "toy/toy.bin.part").exists()


def test_altered_cached_file_is_replaced(file, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy/toy.bin").write_bytes(b"wrong")
    assert downloads.download(file, tmp_path).read_bytes() == CONTENT


def test_unwritable_cache(file, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match=r"cannot be written.*HYPECHECK_CACHE"):
        downloads.download(file, tmp_path / "file")


def test_file_without_address(tmp_path):
    with pytest.raises(DatasetError, match=r"no public address.*HYPECHECK_DATA"):
        downloads.download(DataFile("a.csv", "", 1, "0" * 64), tmp_path)


def test_fetch_fills_the_cache_and_forgets_that_there_was_no_network(
    file, fresh, monkeypatch, server
):
    fresh.mkdir()
    (fresh / "no-network").touch()
    monkeypatch.setattr(downloads, "select", lambda _: [type("Set", (), {"files": (file,)})])
    assert downloads.fetch(["toy"]) == [fresh / "toy/toy.bin"]
    assert not (fresh / "no-network").exists()


def test_online_is_asked_once(server, fresh, monkeypatch):
    monkeypatch.setattr(downloads, "registry", lambda: {"toy": _toy_set(server.url)})
    assert downloads.online()
    assert downloads.online()
    assert server.heads == 1


def test_refusal_is_remembered_on_disk_for_a_while(server, fresh, monkeypatch):
    monkeypatch.setattr(downloads, "registry", lambda: {"toy": _toy_set(server.url)})
    server.status = 403
    assert not downloads.online()
    downloads._online.cache_clear()  # as in another process
    server.status = 200
    assert not downloads.online()
    assert server.heads == 1
    downloads._online.cache_clear()
    monkeypatch.setattr(downloads, "STAMP_SECONDS", 0.0)
    assert downloads.online()


def test_no_network_is_noticed_even_if_the_cache_is_unwritable(fresh, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HYPECHECK_CACHE", str(tmp_path / "file"))
    monkeypatch.setattr(downloads, "_answers", lambda _: False)
    assert not downloads.online()


def test_silent_network_does_not_hold_us_up(monkeypatch):
    import requests

    release = threading.Event()

    def hang(*_, **__):
        release.wait(10)
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "head", hang)
    monkeypatch.setattr(downloads, "PROBE_SECONDS", 0.05)
    started = time.monotonic()
    assert not downloads._answers("https://example.org")
    release.set()
    assert time.monotonic() - started < 5
    assert downloads.PROBE_SECONDS < 5


def test_forced_offline_asks_nobody(fresh, monkeypatch):
    monkeypatch.setattr(downloads, "_answers", None)
    monkeypatch.setenv("HYPECHECK_OFFLINE", "1")
    assert not downloads.online()
    monkeypatch.setenv("HYPECHECK_OFFLINE", "0")
    assert not downloads.offline_forced()


def test_cache_folder_by_default_is_the_systems(monkeypatch):
    import pooch

    monkeypatch.delenv("HYPECHECK_CACHE", raising=False)
    assert str(downloads.cache_folder()) == str(pooch.os_cache("hypecheck"))


def _toy_set(url):
    from dataclasses import replace

    return replace(registry()["hic"], files=(DataFile("toy", url, 1, "0" * 64),))
