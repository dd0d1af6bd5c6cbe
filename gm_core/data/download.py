"""Downloads that can be watched, cancelled and resumed: a generator in which each yield is a safe point."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import re
import shutil
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from gm_core.data.base import DataError, Remote, data_folders
from gm_core.data.registry import data_class
from gm_core.protocol.events import Progress

BLOCK = 2**17
PATIENCE = 20.0
"""Seconds that a silent server is waited for."""
ATTEMPTS = 3
"""Tries at one address before the next mirror; one that brings something new does not count."""

Portions = Generator[Progress, None, None]


class _Interrupted(Exception):
    """An address failed; the words say how. What has come is kept, and another try may go on from there."""


def fetch_data(mapping: Mapping[str, Any]) -> Portions:
    """Download and unpack the files of a data set (its plain spec with `kind`) to where `make_data` finds them.

    They go to data.folder if it is set, else into the program's data folder. Raises DataError in one sentence.
    """
    cls = data_class(mapping.get("kind"))
    spec = cls.Spec.read({name: value for name, value in mapping.items() if name != "kind"}, "data")
    remotes = cls.remotes(spec)
    if not remotes:
        why = "it is ready to use" if cls.ready else "say in which files it lies"
        raise DataError(f"{cls.title} has nothing to download; {why}")
    chosen = str(mapping.get("folder") or "")
    folder = Path(chosen).expanduser() if chosen else data_folders()[-1] / cls.name
    topic = f"download:{cls.name}"
    for number, remote in enumerate(remotes, 1):
        words = f"{remote.name} ({number} of {len(remotes)})" if len(remotes) > 1 else remote.name
        if remote.holds and all((folder / name).is_file() for name in remote.holds):
            continue
        path = folder / remote.name
        yield from download(remote.addresses, path, remote.md5, topic, words)
        if remote.holds:
            yield from unpack(path, remote, topic)


def download(addresses: tuple[str, ...], path: Path, md5: str = "", topic: str = "", words: str = "") -> Portions:
    """Fetch one file to `path`, from the first address that has it whole; reports bytes done and in all.

    What has come lies in `path.part`; a later call goes on from there (HTTP Range). The file takes its name only
    when its MD5 is right. Closing the generator cancels. Raises DataError in one sentence.
    """
    part = path.with_name(path.name + ".part")
    say = words or path.name
    faults: list[str] = []
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file() and (not md5 or (yield from _checksum(path, topic, say)) == md5):
            return
        for address in addresses:
            host = urlsplit(address).hostname or address
            try:
                yield from _fetch_patiently(address, part, topic, f"{say} from {host}")
            except _Interrupted as fault:
                faults.append(f"{host}: {fault}")
                continue
            found = yield from _checksum(part, topic, say)
            if not md5 or found == md5:
                os.replace(part, path)
                return
            part.unlink()
            faults.append(f"{host}: the checksum is {found}, expected {md5}")
    except OSError as error:
        raise DataError(_disk(error, path)) from None
    raise DataError(
        f"{path.name} could not be downloaded ({'; '.join(faults)}); check the network and try again, "
        f"or put the file into {path.parent}"
    )


def unpack(archive: Path, remote: Remote, topic: str = "") -> Portions:
    """Take the files that a zip or tar archive holds into its folder, then remove it; no path inside it is trusted."""
    wanted = set(remote.holds)
    try:
        if archive.suffix == ".zip":
            with zipfile.ZipFile(archive) as zipped:
                entries = [entry for entry in zipped.infolist() if Path(entry.filename).name in wanted]
                for number, entry in enumerate(entries):
                    yield Progress(topic, number, len(entries), f"unpacking {archive.name}")
                    with zipped.open(entry) as source:
                        _place(source, archive.parent / Path(entry.filename).name)
                        wanted.discard(Path(entry.filename).name)
        else:
            with tarfile.open(archive) as tarred:
                for member in tarred:
                    name = Path(member.name).name
                    source_file = tarred.extractfile(member) if member.isfile() and name in wanted else None
                    if source_file is not None:
                        done = len(remote.holds) - len(wanted)
                        yield Progress(topic, done, len(remote.holds), f"unpacking {archive.name}")
                        _place(source_file, archive.parent / name)
                        wanted.discard(name)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError) as error:
        raise DataError(f"{archive} is not a whole archive ({error}); remove it and download again") from None
    except OSError as error:
        raise DataError(_disk(error, archive)) from None
    if wanted:
        lacking = ", ".join(sorted(wanted))
        raise DataError(f"{archive} lacks {lacking}; expected it inside: remove the archive and download again")
    archive.unlink()


def _place(source: IO[bytes], path: Path) -> None:
    """Write a file whole or not at all."""
    part = path.with_name(path.name + ".part")
    with part.open("wb") as target:
        shutil.copyfileobj(source, target, BLOCK)
    os.replace(part, path)


def _fetch_patiently(address: str, part: Path, topic: str, words: str) -> Portions:
    """Try an address again where a connection broke, as long as each try brings something."""
    left = ATTEMPTS
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            yield from _fetch(address, part, topic, words)
            return
        except _Interrupted as fault:
            came = (part.stat().st_size if part.exists() else 0) > before
            left = ATTEMPTS if came else left - 1
            if left == 0 or str(fault).startswith("HTTP") or "refused" in str(fault):
                raise
            yield Progress(topic, before, 0, f"{words}: {fault}; trying again")
            time.sleep(0.2)


def _fetch(address: str, part: Path, topic: str, words: str) -> Portions:
    """One request, which goes on from what lies in `part`."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "gm-core", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        reply = urllib.request.urlopen(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416:  # nothing follows what we have: whole, or of another file; the checksum tells
            if (error.headers.get("Content-Range") or "").endswith(f"/{have}"):
                return
            part.unlink()
            raise _Interrupted("the part on disk does not fit") from None
        raise _Interrupted(f"HTTP {error.code} {error.reason}") from None
    except (urllib.error.URLError, TimeoutError, http.client.HTTPException, ConnectionError) as error:
        raise _Interrupted(_network(error)) from None
    with reply:
        started = re.match(r"bytes (\d+)-", reply.headers.get("Content-Range") or "")
        resumed = reply.status == 206 and started is not None and int(started[1]) == have
        done = have if resumed else 0
        length = reply.headers.get("Content-Length")
        total = done + int(length) if length else 0
        with part.open("ab" if resumed else "wb") as file:
            while True:
                try:
                    block = reply.read(BLOCK)
                except (TimeoutError, http.client.HTTPException, ConnectionError) as error:
                    raise _Interrupted(_network(error)) from None
                if not block:
                    break
                file.write(block)
                done += len(block)
                yield Progress(topic, done, total, words)
            file.flush()
            os.fsync(file.fileno())
        if total and done < total:
            raise _Interrupted(f"the connection broke after {done} of {total} bytes")


def _checksum(path: Path, topic: str, words: str) -> Generator[Progress, None, str]:
    digest = hashlib.md5(usedforsecurity=False)
    total, done = path.stat().st_size, 0
    with path.open("rb") as file:
        while block := file.read(2**22):
            digest.update(block)
            done += len(block)
            yield Progress(topic, done, total, f"{words}: checking")
    return digest.hexdigest()


def _network(error: BaseException) -> str:
    """What a network error means, in few words."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"no answer within {PATIENCE:g} s"
    if isinstance(reason, ConnectionRefusedError):
        return "the connection was refused"
    if isinstance(reason, OSError) and type(reason).__name__ == "gaierror":
        return "the address is unknown; is this machine offline?"
    return str(reason) or type(reason).__name__


def _disk(error: OSError, path: Path) -> str:
    if error.errno == errno.ENOSPC:
        return f"the disk is full; {path.name} could not be written to {path.parent}: free some space, then try again"
    if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return f"{path.parent} cannot be written to ({error.strerror}); set data.folder to a folder that can"
    return f"{path} could not be written ({error.strerror or error}); check the disk and try again"
