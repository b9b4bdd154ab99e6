"""Finds, downloads, verifies and unpacks the files of a data set: they are there completely or not at all.

Search order: the path given → `$SSLWB_DATA` (may be read-only, shared by a class) → the cache. Only the cache is
written to: `$SSLWB_CACHE`, or else the checkout's own `data/`, or else the platform's cache folder. Sizes are checked
at each search, digests when bytes arrive and by `verify` (files under 100 kB always: they tell look-alikes apart).
"""

import contextlib
import difflib
import hashlib
import os
import shutil
import tarfile
import tempfile
import warnings
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

import pooch
from filelock import FileLock, Timeout
from tqdm import tqdm

from sslwb.core import place
from sslwb.data.registry import SOURCES, File, Source
from sslwb.screen import say

ALWAYS_HASHED = 100_000  # bytes
CHUNK = 1 << 20
OTHER_MEMBERS = 32  # an archive may hold this many files more than we read (a readme, fold indices) …
OTHER_BYTES = 1 << 20  # … of together this many bytes
HELP = 'load("shapes"), load("digits"), load("tales") and load("python-docs") are built in and need no file'


class DataError(ValueError):
    """A data set is unknown, absent, damaged, or cannot be fetched or stored; the message says what to do."""


@dataclass(frozen=True)
class Row:
    """One line of `table()`: size in bytes that a download moves; where is None for what is not on this machine.

    by_hand: it can be fetched nowhere.
    """

    name: str
    title: str
    where: Path | None
    size: int
    licence: str
    built_in: bool
    by_hand: bool


def cache_folder() -> Path:
    """The one folder that the store writes to."""
    if chosen := os.environ.get("SSLWB_CACHE"):
        return place(chosen)
    checkout = Path(__file__).resolve().parents[2]
    if (checkout / "pyproject.toml").is_file() and _writable(checkout / "data"):
        return checkout / "data"
    with contextlib.suppress(RuntimeError):  # no home folder is known, as in a container with a user of no name
        if (found := Path(pooch.os_cache("sslwb"))).is_absolute():
            return found
    return Path(tempfile.gettempdir()) / "sslwb"


def shared_folder() -> Path | None:
    """`$SSLWB_DATA`, or None where it is not set."""
    chosen = os.environ.get("SSLWB_DATA")
    return place(chosen) if chosen else None


def not_kept(what: str, why: object) -> None:
    """Warn that the cache keeps something not: it is made anew the next time, and what was asked for goes on."""
    warnings.warn(
        f"{what} is not kept for another time, because {cache_folder()} cannot be written to ({why}); set SSLWB_CACHE "
        "to a folder of yours",
        stacklevel=3,
    )


def source(name: str) -> Source:
    """The registry's entry of this name.

    Raises:
        DataError: no data set is called so.
    """
    if name in SOURCES:
        return SOURCES[name]
    near = difflib.get_close_matches(str(name).casefold(), SOURCES, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}? " if near else ""
    raise DataError(
        f"name is {name!r}: no data set is called so; {guess}known: {', '.join(SOURCES)}; "
        "or the path of a folder with your own pictures"
    )


def find(name: str, path: str | os.PathLike[str] | None = None) -> Path | None:
    """Where the data set is, or None: a folder with all its files, or its archive. Nothing is fetched or unpacked.

    `path`: a data folder, the set's own folder or its archive; given, nowhere else is searched.

    Raises:
        DataError: unknown name; or `path` is given and the set is not there.
    """
    return _find(source(name), path)[0]


def get(name: str, path: str | os.PathLike[str] | None = None, download: bool = True) -> Path:
    """The folder with all files of the data set; fetches and unpacks into the cache where need be.

    One of many kernels downloads, the others wait.

    Raises:
        DataError: unknown or built-in name, not found and not to be had, damaged, disk full.
    """
    entry = source(name)
    if entry.built_in:
        raise DataError(f"{name} is built in: there is nothing to fetch; load({name!r}) works at once")
    place, faults = _find(entry, path, unpacked=True)
    if place is not None and place.is_dir():
        return place
    if place is None and (entry.by_hand or not download):
        raise DataError(_absent(entry, faults))
    with _locked(entry) as cache:
        # While we waited for the lock, another kernel may have finished the work.
        place, faults = _find(entry, path, unpacked=True)
        return place if place is not None and place.is_dir() else _install(entry, place, cache, faults)


def verify(name: str, path: str | os.PathLike[str] | None = None) -> Path:
    """Compares every byte of the data set with the registry; returns where it is.

    Raises:
        DataError: built-in or unknown name, not on this machine, or a file is altered (each is named).
    """
    entry = source(name)
    if entry.built_in:
        raise DataError(f"{name} is built in: it has no files to verify")
    place, faults = _find(entry, path)
    if place is None:
        raise DataError(_absent(entry, faults))
    pairs = [(place, entry.archive)] if place.is_file() and entry.archive else list(_present(entry, place))
    wrong = [str(file) for file, known in pairs if known and _digest(file, known.digest) != known.digest]
    if wrong:
        raise DataError(
            f"{name} is altered: {', '.join(wrong)}: the digest is not the registry's. Delete what is named and fetch "
            f"it again: sslwb data get {name}"
        )
    return place


def table() -> list[Row]:
    """Every known data set: name, title, where it is, bytes to download, licence, whether it is built in."""
    return [
        Row(
            entry.name,
            entry.title,
            _find(entry, None)[0],
            entry.size,
            entry.licence,
            entry.built_in,
            bool(entry.by_hand),
        )
        for entry in SOURCES.values()
    ]


def prefetch(names: Iterable[str]) -> dict[str, Path]:
    """Fetches all of these before class; built-in sets are passed over. Returns where each one is.

    Raises:
        DataError: some could not be had (all are tried first, each failure is reported).
    """
    places, failures = {}, []
    for name in names:
        try:
            if not source(name).built_in:
                places[name] = get(name)
        except DataError as error:
            failures.append(str(error))
    if failures:
        raise DataError("\n\n".join(failures))
    return places


def clean(name: str | None = None) -> list[Path]:
    """Removes the files of one data set, or of all, from the cache, and what an interrupted download left there.

    Only files that the registry names are removed, and only in the cache. Returns what was removed.

    Raises:
        DataError: unknown name; or the cache lies in `$SSLWB_DATA` or the other way round.
    """
    entries = [source(name)] if name else list(SOURCES.values())
    cache, shared = cache_folder().resolve(), shared_folder()
    if shared and (cache.is_relative_to(shared.resolve()) or shared.resolve().is_relative_to(cache)):
        raise DataError(
            f"the cache {cache} and $SSLWB_DATA {shared} lie one in the other, and $SSLWB_DATA is never "
            "cleaned: set SSLWB_CACHE to another folder, or remove the files by hand"
        )
    removed: list[Path] = []
    for entry in entries:
        if entry.built_in or not cache.is_dir():
            continue
        with _locked(entry):
            removed += _remove_partial(entry, cache)
            for file in _own_files(entry, cache):
                file.unlink()
                removed.append(file)
                _remove_empty(file.parent, cache)
    return removed


# Searching


def _find(entry: Source, path: str | os.PathLike[str] | None, unpacked: bool = False) -> tuple[Path | None, list[str]]:
    """The first complete place and, for messages, what was wrong with the incomplete ones.

    `unpacked`: for an archive, the folder that the cache already made of it.
    """
    place, faults = _search_all(entry, path)
    if unpacked and place is not None and place.is_file():
        ready, _ = _search(entry, cache_folder())
        place = ready if ready is not None and ready.is_dir() else place
    return place, faults


def _search_all(entry: Source, path: str | os.PathLike[str] | None) -> tuple[Path | None, list[str]]:
    faults: list[str] = []
    if path is not None:
        roots = [place(path)]
    else:
        shared = shared_folder()
        roots = [shared, cache_folder()] if shared else [cache_folder()]
        if shared and not os.path.isdir(shared):
            faults.append(f"$SSLWB_DATA is {str(shared)!r}, which is not a folder that can be read")
    for root in roots:
        found, more = _search(entry, root)
        faults += more
        if found is not None:
            return found, faults
    if path is not None and not entry.built_in:
        raise DataError(
            f"path is {str(path)!r}: {entry.name} is not there"
            + "".join(f"\n  {fault}" for fault in faults)
            + f"\nexpected {_layouts(entry, roots[0])}"
        )
    return None, faults


def _search(entry: Source, root: Path) -> tuple[Path | None, list[str]]:
    if entry.built_in:
        return None, []
    if os.path.isfile(root):
        fault = _fault(root, entry.archive) if entry.archive else "a single file, where a folder is expected"
        return (None, [f"{root}: {fault}"]) if fault else (root, [])
    faults: list[str] = []
    for folder in (root, *(root / layout for layout in entry.folders)):
        if not os.path.isdir(folder):
            continue
        present = {known.name for _, known in _present(entry, folder)}
        wrong = [f"{file.name} {fault}" for file, known in _present(entry, folder) if (fault := _fault(file, known))]
        needed = {f.name if f.name in present or not f.plain else f.plain.name for f in entry.files if not f.optional}
        missing = sorted(needed - present)
        if present and not missing and not wrong:
            return folder, faults
        if present:
            wrong += [f"{', '.join(missing)} missing"] if missing else []
            faults.append(f"{folder}: {'; '.join(wrong)}")
    for file in _archives(entry, root):
        if entry.archive and os.path.isfile(file):
            fault = _fault(file, entry.archive)
            if not fault:
                return file, faults
            faults.append(f"{file}: {fault}")
    return None, faults


def _present(entry: Source, folder: Path) -> Iterator[tuple[Path, File]]:
    """The files of the set that lie in this folder, each as itself or without gzip."""
    for known in entry.files:
        for variant in (known, known.plain):
            if variant and os.path.isfile(folder / variant.name):
                yield folder / variant.name, variant
                break


def _archives(entry: Source, root: Path) -> list[Path]:
    return [root / entry.archive.name, root / entry.name / entry.archive.name] if entry.archive else []


def _fault(file: Path, known: File) -> str:
    """What is wrong with this file at first sight; "" when nothing is."""
    try:
        size = file.stat().st_size
        if size != known.size:
            return f"has {size:,} bytes, expected {known.size:,}: truncated or altered"
        if size <= ALWAYS_HASHED and _digest(file, known.digest) != known.digest:
            return f"is not the file of that name: its {known.digest.split(':')[0]} differs from the registry's"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return ""


def _digest(file: Path, like: str) -> str:
    """The file's digest by the algorithm of `like`, written the same way."""
    algorithm = like.split(":")[0]
    with open(file, "rb") as stream:
        return f"{algorithm}:{hashlib.file_digest(stream, lambda: _hasher(algorithm)).hexdigest()}"


def _hasher(algorithm: str) -> "hashlib._Hash":
    return hashlib.new(algorithm, usedforsecurity=False)  # md5 of machines that forbid it elsewhere


# Writing: everything happens in a folder beside the final one, which then appears by one rename


@contextmanager
def _locked(entry: Source) -> Iterator[Path]:
    """The cache, while no other kernel touches this data set in it."""
    cache = cache_folder()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock = FileLock(cache / f".{entry.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            say(f"Another kernel is fetching {entry.name}; waiting until it is there.")
            lock.acquire(poll_interval=0.2)
    except OSError as error:
        raise DataError(
            f"the cache {cache} cannot be written to ({error.strerror}): set SSLWB_CACHE to a folder of yours; {HELP}"
        ) from error
    try:
        yield cache
    finally:
        lock.release()


def _install(entry: Source, archive: Path | None, cache: Path, faults: list[str]) -> Path:
    _remove_partial(entry, cache)  # we hold the lock, so whoever made it is gone
    _check_space(entry, archive, cache)
    for fault in faults:
        say(f"Passed over: {fault}")
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{entry.name}.partial-", dir=cache))
        try:
            if archive is None:
                _download(entry, work, faults)
            if entry.archive:
                packed = archive or work / entry.archive.name
                if archive and _digest(archive, entry.archive.digest) != entry.archive.digest:
                    raise DataError(f"{archive} is altered: its digest is not the registry's. Fetch it again.")
                unpack(entry, packed, work / "files")
            else:
                _into(work / "files", [work / known.name for known in entry.files])
            final = cache / entry.folders[0]
            final.parent.mkdir(parents=True, exist_ok=True)
            if final.exists():  # incomplete, or it would have been found; it is not ours to delete
                aside = Path(tempfile.mkdtemp(prefix=f"{final.name}.incomplete-", dir=final.parent))
                final.rename(aside / final.name)
                say(f"What lay in {final} was incomplete; it is now in {aside}")
            work.joinpath("files").rename(final)
            return final
        finally:
            shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise DataError(
            f"{entry.name} could not be stored in {cache} ({error.strerror or error}); nothing was kept. "
            f"Free some space or set SSLWB_CACHE to another disk; {HELP}"
        ) from error


def _into(folder: Path, files: list[Path]) -> None:
    folder.mkdir()
    for file in files:
        # pooch's temporary files are for their owner only; a class shares them as far as the umask allows
        file.chmod(folder.stat().st_mode & 0o666)
        file.rename(folder / file.name)


def _check_space(entry: Source, archive: Path | None, cache: Path) -> None:
    """Says what will be fetched, and refuses when the disk is too small for it."""
    free = shutil.disk_usage(cache).free
    need = (0 if archive else entry.size) + (entry.unpacked if entry.archive else 0)
    if free < need:
        raise DataError(
            f"{entry.name} needs {pretty(need)} in {cache}, and {pretty(free)} are free: free some space or set "
            f"SSLWB_CACHE to another disk; {HELP}"
        )
    if archive:
        say(f"Unpacking {archive} into {cache} ({pretty(need)}, {pretty(free)} free)")
    else:
        say(f"Downloading {entry.name}: {pretty(entry.size)} into {cache} ({pretty(free)} free)")


def _download(entry: Source, work: Path, faults: list[str]) -> None:
    import requests  # as pooch does it: only a download needs it

    pooch.get_logger().setLevel("WARNING")  # it would tell the names of temporary files
    for known in entry.downloads:
        reasons = []
        for url in known.urls:
            try:
                pooch.retrieve(url, known.digest, fname=known.name, path=work, downloader=_Fetch(known))
                break
            except requests.exceptions.RequestException as error:
                reasons.append(f"{url}: {_reason(error)}")
            except ValueError as error:  # pooch: the digest differs. DataError: ours
                ours = isinstance(error, DataError)
                reasons.append(f"{url}: {error if ours else 'altered: its digest is not the registry’s'}")
        else:
            raise DataError(_absent(entry, faults, reasons))


class _Fetch:
    """A downloader for pooch that stops at the size of the registry and says what a wrong file is."""

    def __init__(self, known: File) -> None:
        self.known = known

    def __call__(self, url: str, output_file: str, pooch_: object) -> None:
        # identity: an http server that gzips once more, or requests undoing it, would change the digest
        bar = _Bar(self.known, output_file)
        with bar.bar:
            pooch.HTTPDownloader(
                progressbar=bar, chunk_size=CHUNK, timeout=(10, 60), headers={"Accept-Encoding": "identity"}
            )(url, output_file, None)
        with open(output_file, "rb") as stream:
            head = stream.read(512).lstrip().lower()
        size = os.path.getsize(output_file)
        if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
            raise DataError(
                "an HTML page came instead of the file: a log-in page of the network, or the file has moved"
            )
        if size != self.known.size:
            kind = "truncated" if size < self.known.size else "altered"
            raise DataError(f"{kind}: {size:,} bytes came, expected {self.known.size:,}")


class _Bar:
    """What pooch asks of a progress bar; stops a download that is longer than the file can be."""

    total = 0  # pooch sets it to what the server announces

    def __init__(self, known: File, file: str) -> None:
        self.known, self.file = known, file
        self.bar = tqdm(total=known.size, desc=known.name, unit="B", unit_scale=True, delay=1)

    def update(self, _count: int) -> None:
        size = os.path.getsize(self.file)  # pooch counts every chunk as a full one
        if size > self.known.size:
            raise DataError(f"altered: more than the expected {self.known.size:,} bytes came")
        self.bar.update(size - self.bar.n)

    def reset(self) -> None:
        """pooch empties and fills the bar at the end; ours is full already."""

    def close(self) -> None:
        self.bar.close()


def _reason(error: BaseException) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code} {response.reason}"
    return {
        "ConnectionError": "no connection, or it broke off (no network, or the server is down)",
        "ConnectTimeout": "no answer within 10 s",
        "ReadTimeout": "the server fell silent for 60 s",
        "ChunkedEncodingError": "truncated: the connection broke off",
        "SSLError": "the certificate of the server is not trusted here",
        "ProxyError": "the proxy of this network refused",
    }.get(type(error).__name__, str(error))


def unpack(entry: Source, archive: Path, folder: Path) -> None:
    """Writes the files of the data set that a tar archive holds to a new folder, each one checked.

    The whole archive is refused when a member climbs out of it, is a link or a device, or when it holds more than the
    registry says. Nothing but the files that the registry names is ever written.

    Raises:
        DataError: the archive is refused, truncated, or lacks a file; or a file's bytes are not the registry's.
    """
    wanted = {f"{entry.inside}/{known.name}".lstrip("/"): known for known in entry.files}
    budget, members = entry.unpacked + OTHER_BYTES, 0
    folder.mkdir()
    try:
        with tarfile.open(archive, "r|*") as tar:
            for member in tar:
                members += 1
                budget -= max(member.size, 0)
                path = PurePosixPath(member.name)
                if path.is_absolute() or ".." in path.parts or "\\" in member.name or PureWindowsPath(path).drive:
                    raise DataError(f"{archive.name} is refused: its member {member.name!r} climbs out of the folder")
                if not (member.isreg() or member.isdir()):
                    raise DataError(f"{archive.name} is refused: its member {member.name!r} is a link or a device")
                if budget < 0 or members > len(entry.files) + OTHER_MEMBERS:
                    raise DataError(f"{archive.name} is refused: it holds more than {entry.name} does (a bomb?)")
                known = wanted.pop(str(path), None)
                if known and member.isreg():
                    _write_member(tar, member, known, folder, archive)
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's trouble, not the archive's
            raise
        raise DataError(f"{archive.name} cannot be unpacked ({error}): it is truncated or damaged") from error
    if missing := [known.name for known in wanted.values() if not known.optional]:
        raise DataError(f"{archive.name} lacks {', '.join(missing)}: it is not the archive of {entry.name}")


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, known: File, folder: Path, archive: Path) -> None:
    if member.size != known.size:
        raise DataError(f"{archive.name}: {known.name} has {member.size:,} bytes, expected {known.size:,}")
    stream = tar.extractfile(member)
    assert stream is not None  # a regular member has a stream
    algorithm, expected = known.digest.split(":")
    hasher = _hasher(algorithm)
    with open(folder / known.name, "xb") as out:
        while chunk := stream.read(CHUNK):
            hasher.update(chunk)
            out.write(chunk)
    if hasher.hexdigest() != expected:
        raise DataError(f"{archive.name}: {known.name} is altered: its {algorithm} is not the registry's")


# Removing


def _remove_partial(entry: Source, cache: Path) -> list[Path]:
    stale = sorted(cache.glob(f".{entry.name}.partial-*"))
    for folder in stale:
        shutil.rmtree(folder, ignore_errors=True)
    return stale


def _own_files(entry: Source, cache: Path) -> list[Path]:
    folder = cache / entry.folders[0]
    files = [folder / variant.name for known in entry.files for variant in (known, known.plain) if variant]
    return [file for file in (*files, *_archives(entry, cache)) if file.is_file() and not file.is_symlink()]


def _remove_empty(folder: Path, cache: Path) -> None:
    while folder != cache and folder.is_relative_to(cache) and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


# Words


def pretty(size: float) -> str:
    """Bytes for people: 170 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.1f} {unit}" if unit == "GB" else f"{size:.0f} {unit}"
        size /= 1000
    raise AssertionError


def _layouts(entry: Source, root: Path) -> str:
    """Where below `root` the files are looked for, in words."""
    files = f"{entry.files[0].name} and the other files of the set"
    places = f"{files} in {root / entry.folders[0]} (or in {root})"
    return f"{root / entry.archive.name}, or {places}" if entry.archive else places


def _absent(entry: Source, faults: list[str], reasons: list[str] | None = None) -> str:
    """The message for a data set that is not here and, where `reasons` tell why, could not be fetched."""
    lines = [f"{entry.name} is not on this machine" + (" and could not be downloaded:" if reasons else ".")]
    lines += [f"  {reason}" for reason in reasons or []]
    lines += [f"  passed over: {fault}" for fault in faults]
    lines.append("What you can do:")
    lines.append(f"  - stay offline: {HELP};")
    if reasons is None and not entry.by_hand:
        lines.append(f"  - fetch it ({pretty(entry.size)}): sslwb data get {entry.name}")
    shared = shared_folder()
    root = shared if shared and os.access(shared, os.W_OK) else cache_folder()
    if entry.by_hand:
        names = ", ".join(known.name for known in entry.downloads)
        lines.append(f"  - bring {names} by hand ({pretty(entry.size)}); it is nowhere to be fetched: ask who teaches.")
        lines.append(f"      It holds {entry.by_hand};")
    else:
        lines.append(f"  - bring it by hand: on a machine with a network fetch ({pretty(entry.size)})")
    lines += [f"      {known.urls[0]}" for known in entry.downloads if known.urls]
    place = root if entry.archive else root / entry.folders[0]
    lines.append(f"    and put it into {place}; or set SSLWB_DATA to the folder that holds it.")
    return "\n".join(lines)


def _writable(folder: Path) -> bool:
    """Whether files can be made in this folder, or it can be made itself."""
    return os.access(folder if os.path.exists(folder) else folder.parent, os.W_OK)
