"""The user's cache of data files: filled by download, resumed after a cut, checked at the end.

Design choices

- pooch checks the sha256 and puts the file in place in one step; our downloader only adds that a
  broken transfer goes on where it stopped, from a ``.part`` file beside the target.
- Two processes that want the same file take turns, by a lock file.
- Whether the network answers is asked once for a process and never takes more than five seconds;
  a "no" is remembered on disk for ten minutes, so that many notebooks do not each wait for it.

Environment: ``HYPECHECK_CACHE`` names the folder, ``HYPECHECK_OFFLINE=1`` forbids the network.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypecheck.registry import DataFile, DatasetError, check_file, registry, select

PROBE_SECONDS = 4.0
STAMP_SECONDS = 600.0
_TIMEOUT = (10.0, 60.0)  # to connect, and between two pieces of an answer
_CHUNK = 1 << 16


def cache_folder() -> Path:
    """Say where downloaded data are kept.

    Returns
    -------
    folder : Path
        ``HYPECHECK_CACHE`` if set, else the usual cache folder of the operating system.
    """
    named = os.environ.get("HYPECHECK_CACHE")
    if named:
        return Path(named).expanduser()
    import pooch  # slow to import, and needed only here and to download

    return Path(pooch.os_cache("hypecheck"))


def offline_forced() -> bool:
    """Say whether ``HYPECHECK_OFFLINE`` forbids the network.

    Returns
    -------
    forced : bool
        True for any value but the empty one and 0.
    """
    return os.environ.get("HYPECHECK_OFFLINE", "") not in ("", "0")


def online() -> bool:
    """Find out whether the public addresses of the data answer, within five seconds.

    Returns
    -------
    online : bool
        The answer is kept for the process; a "no" also on disk, for ten minutes.
    """
    return not offline_forced() and _online()


@functools.cache
def _online() -> bool:
    stamp = cache_folder() / "no-network"
    with contextlib.suppress(OSError):
        if 0 <= time.time() - stamp.stat().st_mtime < STAMP_SECONDS:
            return False
    addresses = (file for dataset in registry().values() for file in dataset.files if file.url)
    if _answers(min(addresses, key=lambda file: file.bytes).url):
        return True
    with contextlib.suppress(OSError):  # an unwritable cache only costs the next process a probe
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.touch()
    return False


def _answers(url: str) -> bool:
    """Ask for one address, in a thread because looking a host's name up knows no time limit."""
    import requests

    answers: list[bool] = []

    def ask() -> None:
        with contextlib.suppress(requests.RequestException):
            answers.append(requests.head(url, timeout=PROBE_SECONDS, allow_redirects=True).ok)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(PROBE_SECONDS)
    return any(answers)


@dataclass(frozen=True)
class ResumingDownloader:
    """A downloader for pooch that goes on where an earlier transfer broke off.

    Parameters
    ----------
    part : Path
        Where the bytes gather until all are there.
    n_bytes : int
        How many there will be.
    """

    part: Path
    n_bytes: int

    def __call__(self, url: str, output_file: str, _pooch: Any) -> None:
        """Download what is still missing, and move the whole to `output_file`."""
        done = self.part.stat().st_size if self.part.exists() else 0
        if done > self.n_bytes:
            self.part.unlink()
            done = 0
        if done < self.n_bytes:
            self._append(url, done)
        self.part.replace(output_file)

    def _append(self, url: str, done: int) -> None:
        import requests
        from tqdm.auto import tqdm

        # A range of a compressed answer would be a range of other bytes: ask for plain ones.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
        with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as response:
            if response.status_code == requests.codes.requested_range_not_satisfiable:
                self.part.unlink()  # or the same question would fail for ever
            response.raise_for_status()
            resumed = response.status_code == requests.codes.partial_content
            progress = tqdm(
                desc=self.part.stem,
                total=self.n_bytes,
                initial=done if resumed else 0,
                unit="B",
                unit_scale=True,
                leave=False,
                disable=None,  # silent where nobody watches
            )
            with self.part.open("ab" if resumed else "wb") as out, progress:
                for chunk in response.iter_content(_CHUNK):
                    out.write(chunk)
                    progress.update(len(chunk))


def download(file: DataFile, folder: Path) -> Path:
    """Download one file unless it is there and right.

    Parameters
    ----------
    file : DataFile
        What to download; it must have a public address.
    folder : Path
        Below which it is put.

    Returns
    -------
    path : Path
        The checked file.

    Raises
    ------
    DatasetError
        If there is no public address, the network fails, the folder cannot be written, or what
        came is not the registered file.
    """
    if not file.url:
        raise DatasetError(
            f"{file.path} has no public address to download it from; set HYPECHECK_DATA to a "
            "folder that holds it"
        )
    import pooch
    import requests
    from filelock import FileLock

    target = folder / file.path
    pooch.get_logger().setLevel("WARNING")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(target.name + ".lock")):
            pooch.retrieve(
                file.url,
                known_hash=f"sha256:{file.sha256}",
                fname=target.name,
                path=target.parent,
                downloader=ResumingDownloader(target.with_name(target.name + ".part"), file.bytes),
            )
    except requests.RequestException as error:
        raise DatasetError(
            f"{file.path} could not be downloaded from {file.url} ({error}); try again (it goes on "
            "where it stopped), or set HYPECHECK_OFFLINE=1 to run on stand-ins"
        ) from error
    except OSError as error:
        raise DatasetError(
            f"{target} cannot be written ({error}); set HYPECHECK_CACHE to a folder where you may "
            "write, or HYPECHECK_DATA to one that holds the data"
        ) from error
    except ValueError as error:  # pooch found another checksum
        raise DatasetError(
            f"what came from {file.url} is not the registered file: expected sha256 "
            f"{file.sha256}; {error}; try again, and if it stays so report it as a bug"
        ) from error
    return check_file(target, file)


def fetch(names: Iterable[str] | None = None) -> list[Path]:
    """Download data sets into the user's cache.

    Parameters
    ----------
    names : iterable of str, optional
        Data sets or groups of them ("gue"); all that have public addresses if not given.

    Returns
    -------
    paths : list of Path
        The checked files.

    Raises
    ------
    DatasetError
        If a name is unknown or a download fails.
    """
    folder = cache_folder()
    with contextlib.suppress(OSError):
        (folder / "no-network").unlink()  # whoever fetches believes in a network
    files = [file for dataset in select(names) for file in dataset.files]
    return [download(file, folder) for file in files if file.url or names is not None]
