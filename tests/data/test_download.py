"""Downloads against a small server on this machine: resumed, checked, cancelled, and refused in one sentence."""

from __future__ import annotations

import hashlib
import io
import re
import socket
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gm_core.data import cifar, download, torchvision_sets
from gm_core.data.base import DataError, Remote
from gm_core.data.download import fetch_data, unpack
from gm_core.data.registry import make_data
from gm_core.protocol.events import Progress
from tests.data.test_idx import write_cifar, write_family

BODY = np.random.default_rng(0).bytes(700_000)
MD5 = hashlib.md5(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `files`; breaks off after `cut` bytes as often as `cuts` says; notes the ranges asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/x.bin": BODY, "/wrong.bin": BODY[:-1] + b"?"}
        self.ranges: list[str] = []
        self.resumable = True
        self.cut, self.cuts = 0, 0

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.ranges.append(wanted)
        body = self.server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start = 0
        found = re.fullmatch(r"bytes=(\d+)-", wanted)
        if found and self.server.resumable:
            start = int(found[1])
            if start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        else:
            self.send_response(200)
        rest = body[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.server.cuts:
            self.server.cuts -= 1
            rest = rest[: self.server.cut]
        self.wfile.write(rest)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    made = Server()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def fetch(addresses: str | tuple[str, ...], path: Path, md5: str = MD5) -> list[Progress]:
    return list(download.download((addresses,) if isinstance(addresses, str) else addresses, path, md5, "topic"))


def test_a_file_arrives_whole_and_its_progress_only_grows(server: Server, tmp_path: Path) -> None:
    steps = [step for step in fetch(server.url("x.bin"), tmp_path / "deep" / "x.bin") if "checking" not in step.words]
    assert (tmp_path / "deep" / "x.bin").read_bytes() == BODY
    done = [step.done for step in steps]
    assert done == sorted(done) and done[-1] == len(BODY) and len(done) >= 5
    assert {step.total for step in steps} == {len(BODY)} and {step.topic for step in steps} == {"topic"}
    assert [file.name for file in (tmp_path / "deep").iterdir()] == ["x.bin"]


def test_a_file_that_is_there_is_not_fetched_again(server: Server, tmp_path: Path) -> None:
    fetch(server.url("x.bin"), tmp_path / "x.bin")
    fetch(server.url("x.bin"), tmp_path / "x.bin")
    assert len(server.ranges) == 1


def test_a_damaged_file_that_is_there_is_replaced(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.bin").write_bytes(BODY[:100])
    fetch(server.url("x.bin"), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == BODY


def test_a_cancelled_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    portions = download.download((server.url("x.bin"),), tmp_path / "x.bin", MD5)
    next(portions)
    next(portions)
    portions.close()
    have = (tmp_path / "x.bin.part").stat().st_size
    assert 0 < have < len(BODY) and not (tmp_path / "x.bin").exists()
    fetch(server.url("x.bin"), tmp_path / "x.bin")
    assert server.ranges == ["", f"bytes={have}-"]
    assert (tmp_path / "x.bin").read_bytes() == BODY


def test_a_server_that_cannot_resume_sends_all_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.bin.part").write_bytes(BODY[:300_000])
    server.resumable = False
    fetch(server.url("x.bin"), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == BODY


def test_a_part_that_is_complete_already_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.bin.part").write_bytes(BODY)
    fetch(server.url("x.bin"), tmp_path / "x.bin")
    assert server.ranges == [f"bytes={len(BODY)}-"]
    assert (tmp_path / "x.bin").read_bytes() == BODY


def test_a_part_of_another_file_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / "x.bin.part").write_bytes(BODY + b"more")
    fetch(server.url("x.bin"), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == BODY


def test_a_broken_connection_is_taken_up_again(server: Server, tmp_path: Path) -> None:
    server.cut, server.cuts = 150_000, 4
    steps = fetch(server.url("x.bin"), tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == BODY
    assert len(server.ranges) == 5 and server.ranges[1] == "bytes=150000-"
    assert any("the connection broke after 150000 of 700000 bytes; trying again" in step.words for step in steps)


def test_a_connection_that_never_brings_anything_is_given_up(server: Server, tmp_path: Path) -> None:
    server.cut, server.cuts = 0, 99
    with pytest.raises(DataError, match=r"the connection broke after 0 of 700000 bytes.*check the network"):
        fetch(server.url("x.bin"), tmp_path / "x.bin")
    assert len(server.ranges) == download.ATTEMPTS


def test_a_wrong_checksum_is_told_and_nothing_is_left(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"the checksum is [0-9a-f]{{32}}, expected {MD5}"):
        fetch(server.url("wrong.bin"), tmp_path / "x.bin")
    assert list(tmp_path.iterdir()) == []


def test_the_next_mirror_is_tried(server: Server, tmp_path: Path) -> None:
    mirrors = tuple(server.url(name) for name in ("absent.bin", "wrong.bin", "x.bin"))
    fetch(mirrors, tmp_path / "x.bin")
    assert (tmp_path / "x.bin").read_bytes() == BODY


def test_an_address_without_the_file_is_told(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"127\.0\.0\.1: HTTP 404 Not Found"):
        fetch(server.url("absent.bin"), tmp_path / "x.bin")
    assert len(server.ranges) == 1


def test_a_refused_connection_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DataError, match=r"the connection was refused.*or put the file into") as caught:
        fetch(f"http://127.0.0.1:{port}/x.bin", tmp_path / "x.bin")
    assert "\n" not in str(caught.value)


def test_a_machine_without_a_network_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*args: object, **kwargs: object) -> None:
        raise download.urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr(download.urllib.request, "urlopen", offline)
    monkeypatch.setattr(download.time, "sleep", lambda seconds: None)
    with pytest.raises(DataError, match=r"example.org: the address is unknown; is this machine offline"):
        fetch("http://example.org/x.bin", tmp_path / "x.bin")


def test_a_full_disk_is_told_and_what_has_come_is_kept(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download.os, "fsync", full)
    with pytest.raises(DataError, match=r"the disk is full; x.bin could not be written"):
        fetch(server.url("x.bin"), tmp_path / "x.bin")
    assert (tmp_path / "x.bin.part").stat().st_size == len(BODY)


def test_a_folder_that_cannot_be_made_is_told(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="could not be written"):
        fetch(server.url("x.bin"), tmp_path / "file" / "x.bin")


def test_an_archive_is_unpacked_flat_whatever_paths_it_holds(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with zipfile.ZipFile(home / "a.zip", "w") as zipped:
        zipped.writestr("../../wanted.bin", b"1")
        zipped.writestr("gzip/other.bin", b"2")
    list(unpack(home / "a.zip", Remote("a.zip", (), "", ("wanted.bin",))))
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")] == ["home/wanted.bin"]


def test_an_archive_that_lacks_a_file_is_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr("other.bin", b"2")
    with pytest.raises(DataError, match=r"lacks wanted.bin"):
        list(unpack(tmp_path / "a.zip", Remote("a.zip", (), "", ("wanted.bin",))))
    (tmp_path / "b.zip").write_bytes(b"no zip")
    with pytest.raises(DataError, match="is not a whole archive"):
        list(unpack(tmp_path / "b.zip", Remote("b.zip", (), "", ("wanted.bin",))))


class Known:
    """What torchvision would say, with the addresses of our own server."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.mirrors = [server.url("gone/"), server.url("")]
        self.resources = []
        for path in sorted(folder.iterdir()):
            raw = path.read_bytes()
            server.files[f"/{path.name}"] = raw
            self.resources.append((path.name, hashlib.md5(raw).hexdigest()))


def test_a_set_is_fetched_to_where_it_is_found(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_family(tmp_path / "there")
    known = Known(server, tmp_path / "there")
    monkeypatch.setattr(torchvision_sets, "known_to_torchvision", lambda name: known)
    monkeypatch.delenv("GM_DATA", raising=False)
    monkeypatch.setattr(download, "data_folders", lambda: (tmp_path / "here",))
    monkeypatch.setattr("gm_core.data.files.data_folders", lambda: (tmp_path / "here",))
    with pytest.raises(DataError, match="KMNIST is not here"):
        make_data({"kind": "kmnist", "validation": 0})
    steps = list(fetch_data({"kind": "kmnist"}))
    assert {step.topic for step in steps} == {"download:kmnist"} and any("(4 of 4)" in step.words for step in steps)
    assert make_data({"kind": "kmnist", "validation": 0}).card.splits["train"] == 30


def test_a_chosen_folder_receives_the_files(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_family(tmp_path / "there")
    known = Known(server, tmp_path / "there")
    monkeypatch.setattr(torchvision_sets, "known_to_torchvision", lambda name: known)
    wish = {"kind": "fashion", "folder": str(tmp_path / "mine"), "validation": 0}
    list(fetch_data(wish))
    assert make_data(wish).card.splits["test"] == 30


def test_archives_are_fetched_unpacked_and_not_fetched_twice(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = write_cifar(tmp_path / "loose")
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in written:
            archive.add(tmp_path / "loose" / name, f"cifar-10-batches-bin/{name}")
    server.files["/c.tar.gz"] = packed.getvalue()
    monkeypatch.setattr(cifar, "ADDRESS", server.url("c.tar.gz"))
    monkeypatch.setattr(cifar, "MD5", hashlib.md5(packed.getvalue()).hexdigest())
    wish = {"kind": "cifar10", "folder": str(tmp_path / "mine"), "validation": 0}
    list(fetch_data(wish))
    list(fetch_data(wish))
    assert len(server.ranges) == 1
    assert make_data(wish).card.splits["train"] == 35


def test_what_needs_no_download_says_so() -> None:
    with pytest.raises(DataError, match="Digits 8x8 has nothing to download; it is ready to use"):
        list(fetch_data({"kind": "digits"}))


def test_the_addresses_and_checksums_are_those_of_torchvision() -> None:
    known = pytest.importorskip("torchvision.datasets", exc_type=ImportError)
    spec = torchvision_sets.MnistSpec()
    remotes = {remote.name: remote for remote in torchvision_sets.Mnist.remotes(spec)}
    assert {name: remote.md5 for name, remote in remotes.items()} == dict(known.MNIST.resources)
    assert len(remotes) == 4
    emnist = torchvision_sets.Emnist.remotes(torchvision_sets.EmnistSpec())[0]
    assert (emnist.addresses, emnist.md5, len(emnist.holds)) == ((known.EMNIST.url,), known.EMNIST.md5, 24)


def test_a_torchvision_that_does_not_load_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(torchvision_sets.importlib, "import_module", broken)
    with pytest.raises(DataError, match=r"does not load .operator torchvision::nms does not exist.; install torch"):
        torchvision_sets.known_to_torchvision("MNIST")
