"""The store: a data set is there completely or not at all, whoever downloads, and whatever a server sends."""

import contextlib
import errno
import gzip
import hashlib
import io
import multiprocessing
import os
import random
import shutil
import signal
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sslwb.data import DataError, store
from sslwb.data.registry import SOURCES, File, Source

CONTENT = {
    "a.bin": bytes(range(256)) * 4,
    "b.bin": random.Random(0).randbytes(150_000),
}  # b.bin is not hashed at each look
Answer = Callable[[BaseHTTPRequestHandler], None]


def digest(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def tar(members: dict[str, bytes], *others: tarfile.TarInfo) -> bytes:
    """A tar.gz of these files and of these members without content."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        for info in others:
            archive.addfile(info)
    return out.getvalue()


PACKED = tar({f"toy-files/{name}": data for name, data in CONTENT.items()} | {"toy-files/readme.html": b"hello"})


def toy(packed: bytes | None = PACKED, host: str = "http://127.0.0.1:1") -> Source:
    """A data set of two files, in an archive; with packed=None the files come one by one."""
    files = tuple(
        File(name, len(data), digest(data, "md5" if name == "a.bin" else "sha256"), (f"{host}/{name}",))
        for name, data in CONTENT.items()
    )
    archive = File("toy.tar.gz", len(packed), digest(packed), (f"{host}/toy.tar.gz",)) if packed is not None else None
    return Source(
        "toy", "two files", "none", "nobody", ("train",), files, ("toy-files", "Toy/raw"), archive, inside="toy-files"
    )


class Server:
    """A mirror on this machine: answers[path](handler) sends what it wants; `asked` lists the paths in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, Answer] = {f"/{n}": send(d) for n, d in CONTENT.items()} | {"/toy.tar.gz": send(PACKED)}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                outer.answers.get(self.path, lambda handler: handler.send_error(404))(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


def send(data: bytes, announced: int | None = None, kind: str = "application/octet-stream") -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", kind)
        if announced != -1:
            handler.send_header("Content-Length", str(len(data) if announced is None else announced))
        handler.end_headers()
        with contextlib.suppress(OSError):  # the client may have hung up
            handler.wfile.write(data)

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SSLWB_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[Source], Source]:
    def put(entry: Source) -> Source:
        monkeypatch.setitem(SOURCES, entry.name, entry)
        return entry

    return put


def lay(folder: Path, names: Iterator[str] | list[str] | None = None) -> Path:
    """Puts the toy's files (or these of them) into a folder, as a person would."""
    folder.mkdir(parents=True)
    for name in CONTENT if names is None else names:
        (folder / name).write_bytes(CONTENT[name])
    return folder


def is_whole(folder: Path) -> bool:
    return {f.name: f.read_bytes() for f in folder.iterdir()} == CONTENT


def leftovers(cache: Path) -> list[str]:
    """What lies in the cache besides the lock."""
    return sorted(f.name for f in cache.iterdir() if f.name != ".toy.lock") if cache.exists() else []


# Fetching


@pytest.mark.parametrize("packed", [PACKED, None], ids=["archive", "single files"])
def test_get_downloads_once_and_leaves_nothing_else(
    server: Server, cache: Path, register: Any, packed: bytes | None, capsys: pytest.CaptureFixture[str]
) -> None:
    register(toy(packed, server.url))
    assert store.find("toy") is None
    folder = store.get("toy")
    assert folder == cache / "toy-files"
    assert is_whole(folder)
    assert leftovers(cache) == ["toy-files"]
    asked = list(server.asked)
    assert store.get("toy") == store.find("toy") == store.verify("toy") == folder
    assert server.asked == asked == (["/toy.tar.gz"] if packed else ["/a.bin", "/b.bin"])
    said = capsys.readouterr().out
    assert "Downloading toy" in said
    assert "free" in said


def test_others_may_read_what_one_downloaded(server: Server, cache: Path, register: Any, tmp_path: Path) -> None:
    """pooch's temporary files are for their owner only; a shared folder filled so would be of no use to a class."""
    register(toy(None, server.url))
    (tmp_path / "ordinary").touch()
    for file in store.get("toy").iterdir():
        assert file.stat().st_mode == (tmp_path / "ordinary").stat().st_mode


def test_the_next_mirror_is_tried(server: Server, cache: Path, register: Any) -> None:
    entry = toy(host=server.url)
    assert entry.archive
    urls = ("http://127.0.0.1:1/toy.tar.gz", f"{server.url}/missing", f"{server.url}/page", *entry.archive.urls)
    server.answers["/page"] = send(b"<!DOCTYPE html><html>log in</html>", kind="text/html")
    register(replace(entry, archive=replace(entry.archive, urls=urls)))
    assert is_whole(store.get("toy"))
    assert server.asked == ["/missing", "/page", "/toy.tar.gz"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (send(b"\n <HTML><body>Please log in</body></HTML>", kind="text/html"), "HTML page"),
        (send(PACKED[:-100]), "truncated"),
        (send(PACKED[:-100], announced=len(PACKED)), "truncated|broke off"),
        (send(PACKED[:-100], announced=-1), "truncated"),
        (send(PACKED[:-1] + bytes([PACKED[-1] ^ 1])), "altered"),
        (send(PACKED + b"!" * 3_000_000), "altered"),
        (send(b""), "truncated"),
        (lambda handler: handler.send_error(503), "503"),
    ],
    ids=["html", "short", "cut off", "cut off, no length", "one bit", "too long", "nothing", "server error"],
)
def test_a_wrong_download_is_told_and_not_kept(
    server: Server, cache: Path, register: Any, answer: Answer, said: str
) -> None:
    register(toy(host=server.url))
    server.answers["/toy.tar.gz"] = answer
    with pytest.raises(DataError, match=said):
        store.get("toy")
    assert leftovers(cache) == []
    assert store.find("toy") is None


def test_without_a_network_the_error_says_what_to_do(cache: Path, register: Any) -> None:
    register(toy())
    with pytest.raises(DataError) as caught:
        store.get("toy")
    message = str(caught.value)
    for part in ("no network", 'load("shapes")', 'load("digits")', "http://127.0.0.1:1/toy.tar.gz", str(cache)):
        assert part in message
    assert leftovers(cache) == []


def test_download_false_asks_nobody(server: Server, cache: Path, register: Any) -> None:
    register(toy(host=server.url))
    with pytest.raises(DataError, match="sslwb data get toy"):
        store.get("toy", download=False)
    assert server.asked == []
    assert not cache.exists()


def test_an_interrupt_keeps_nothing(server: Server, cache: Path, register: Any, monkeypatch: Any) -> None:
    register(toy(host=server.url))

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(store._Bar, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        store.get("toy")
    assert leftovers(cache) == []
    monkeypatch.undo()


def test_a_full_disk_is_told_before_the_download(server: Server, cache: Path, register: Any, monkeypatch: Any) -> None:
    register(toy(host=server.url))
    usage = shutil.disk_usage("/")._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(DataError, match=r"needs 30\d kB.*100 bytes are free.*SSLWB_CACHE"):
        store.get("toy")
    assert server.asked == []


def test_a_disk_that_fills_up_keeps_nothing(server: Server, cache: Path, register: Any, monkeypatch: Any) -> None:
    register(toy(host=server.url))

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(store, "_write_member", full)
    with pytest.raises(DataError, match="No space left on device"):
        store.get("toy")
    assert leftovers(cache) == []


def test_a_cache_that_cannot_be_made_is_reported(tmp_path: Path, cache: Path, register: Any, monkeypatch: Any) -> None:
    register(toy())
    (tmp_path / "file").touch()
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(DataError, match=r"cannot be written to.*SSLWB_CACHE"):
        store.get("toy")


@pytest.mark.parametrize("home", [None, "", "not/absolute", "/nowhere"])
@pytest.mark.parametrize("cache_home", [None, "", "not/absolute"])
def test_there_is_an_absolute_cache_folder_whatever_the_home(
    monkeypatch: pytest.MonkeyPatch, home: str | None, cache_home: str | None
) -> None:
    monkeypatch.delenv("SSLWB_CACHE", raising=False)
    monkeypatch.setattr(store, "_writable", lambda _: False)  # no checkout
    for name, value in (("HOME", home), ("XDG_CACHE_HOME", cache_home)):
        monkeypatch.delenv(name, raising=False) if value is None else monkeypatch.setenv(name, value)
    assert store.cache_folder().is_absolute()


@pytest.mark.parametrize("answer", ["~/.cache/sslwb", RuntimeError("no home")], ids=["~", "error"])
def test_without_any_home_the_cache_is_a_temporary_folder(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    def os_cache(_: str) -> str:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.delenv("SSLWB_CACHE", raising=False)
    monkeypatch.setattr(store, "_writable", lambda _: False)
    monkeypatch.setattr(store.pooch, "os_cache", os_cache)
    assert store.cache_folder() == Path(tempfile.gettempdir()) / "sslwb"


def test_the_folders_of_the_environment_are_meant_from_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    for said in ("mine", "./mine", "~/mine", str(tmp_path / "mine")):
        monkeypatch.setenv("SSLWB_CACHE", said)
        monkeypatch.setenv("SSLWB_DATA", said)
        assert store.cache_folder() == store.shared_folder() == tmp_path / "mine"


# Many kernels


def _get_in_child(entry: Source, cache: str, said: Any) -> None:
    os.environ["SSLWB_CACHE"] = cache
    os.environ["NO_PROXY"] = "127.0.0.1"
    SOURCES[entry.name] = entry
    store.say = said.put  # type: ignore[attr-defined]
    said.put(("got", str(store.get(entry.name))))


def _children(count: int, entry: Source, cache: Path) -> tuple[list[Any], Any]:
    context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
    if os.name == "posix":
        context.set_forkserver_preload(["sslwb.data.store"])  # torch is imported once, not eight times
    said = context.Queue()
    children = [context.Process(target=_get_in_child, args=(entry, str(cache), said)) for _ in range(count)]
    for child in children:
        child.start()
    return children, said


def test_one_of_many_kernels_downloads_and_the_others_wait(server: Server, cache: Path) -> None:
    gate = threading.Event()

    def wait(handler: BaseHTTPRequestHandler) -> None:
        gate.wait(60)
        send(PACKED)(handler)

    server.answers["/toy.tar.gz"] = wait
    children, said = _children(8, toy(host=server.url), cache)
    # The download stands still until all the others have found the door locked.
    first = [said.get(timeout=60) for _ in range(8)]
    gate.set()
    then = [said.get(timeout=60) for _ in range(8)]
    for child in children:
        child.join(60)
    assert sum(text.startswith("Downloading toy") for text in first) == 1
    assert sum(text.startswith("Another kernel is fetching toy") for text in first) == 7
    assert then == [("got", str(cache / "toy-files"))] * 8
    assert [child.exitcode for child in children] == [0] * 8
    assert server.asked == ["/toy.tar.gz"]
    assert is_whole(cache / "toy-files")
    assert leftovers(cache) == ["toy-files"]


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_a_killed_download_leaves_nothing_half_there(server: Server, cache: Path, register: Any) -> None:
    entry = register(toy(host=server.url))
    begun, gate = threading.Event(), threading.Event()

    def half(handler: BaseHTTPRequestHandler) -> None:
        send(PACKED[:200], announced=len(PACKED))(handler)
        begun.set()
        gate.wait(60)

    server.answers["/toy.tar.gz"] = half
    (child,), _ = _children(1, entry, cache)
    assert begun.wait(60)
    os.kill(child.pid, signal.SIGKILL)
    child.join(60)
    gate.set()
    assert any(name.startswith(".toy.partial-") for name in leftovers(cache))
    assert store.find("toy") is None
    server.answers["/toy.tar.gz"] = send(PACKED)
    assert is_whole(store.get("toy"))
    assert leftovers(cache) == ["toy-files"]


# Archives


def link(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


GOOD = {f"toy-files/{name}": data for name, data in CONTENT.items()}


@pytest.mark.parametrize(
    ("packed", "said"),
    [
        (tar({"../out.txt": b"!"} | GOOD), "climbs out"),
        (tar({"toy-files/../../out.txt": b"!"} | GOOD), "climbs out"),
        (tar({"/out.txt": b"!"} | GOOD), "climbs out"),
        (tar({"toy-files\\..\\..\\out.txt": b"!"} | GOOD), "climbs out"),
        (tar({"C:out.txt": b"!"} | GOOD), "climbs out"),
        (tar(GOOD, link("toy-files/c", tarfile.SYMTYPE, "/etc/passwd")), "link or a device"),
        (tar(GOOD, link("toy-files/c", tarfile.LNKTYPE, "toy-files/a.bin")), "link or a device"),
        (tar(GOOD, link("toy-files/c", tarfile.CHRTYPE)), "link or a device"),
        (tar(GOOD, link("toy-files/c", tarfile.FIFOTYPE)), "link or a device"),
        (tar({"toy-files/zeros": bytes(20_000_000)} | GOOD), "more than toy does"),
        (tar({f"toy-files/{i}": b"" for i in range(1000)} | GOOD), "more than toy does"),
        (tar({"toy-files/a.bin": CONTENT["a.bin"]}), "lacks b.bin"),
        (tar(GOOD | {"toy-files/b.bin": CONTENT["b.bin"][:-1] + b"?"}), "b.bin is altered"),
        (tar(GOOD | {"toy-files/b.bin": CONTENT["b.bin"] + b"?"}), "b.bin has 150,001 bytes, expected 150,000"),
        (PACKED[: len(PACKED) // 2], "truncated or damaged"),
        (b"not an archive at all", "truncated or damaged"),
        (gzip.compress(b"not a tar"), "truncated or damaged"),
    ],
    ids=[
        "..",
        "inner ..",
        "absolute",
        "backslash",
        "drive",
        "symlink",
        "hard link",
        "device",
        "pipe",
        "bomb",
        "too many",
        "lacks a file",
        "altered",
        "longer",
        "truncated",
        "text",
        "gzip of text",
    ],
)
def test_a_bad_archive_is_refused_whole(tmp_path: Path, cache: Path, register: Any, packed: bytes, said: str) -> None:
    """Its digest is right, as if the registry itself had been fooled."""
    register(toy(packed))
    (tmp_path / "toy.tar.gz").write_bytes(packed)
    with pytest.raises(DataError, match=said):
        store.get("toy", path=tmp_path)
    assert leftovers(cache) == []
    assert not list(tmp_path.rglob("out.txt"))
    assert not Path("/out.txt").exists()


def test_only_files_of_the_registry_are_unpacked(tmp_path: Path, cache: Path, register: Any) -> None:
    register(toy())
    (tmp_path / "toy.tar.gz").write_bytes(PACKED)
    assert sorted(f.name for f in store.get("toy", path=tmp_path / "toy.tar.gz").iterdir()) == ["a.bin", "b.bin"]


def test_an_archive_brought_by_hand_is_checked(tmp_path: Path, cache: Path, register: Any) -> None:
    register(toy())
    (tmp_path / "toy.tar.gz").write_bytes(PACKED[:-1] + bytes([PACKED[-1] ^ 1]))
    with pytest.raises(DataError, match="altered"):
        store.get("toy", path=tmp_path)
    assert leftovers(cache) == []


# Searching


@pytest.mark.parametrize("layout", [".", "toy-files", "Toy/raw"])
def test_files_are_used_where_they_lie(tmp_path: Path, cache: Path, register: Any, layout: str) -> None:
    register(toy())
    folder = lay(tmp_path / "mine" / layout)
    assert store.get("toy", path=tmp_path / "mine") == folder
    assert not cache.exists()


def test_the_order_is_path_then_shared_then_cache(tmp_path: Path, cache: Path, register: Any, monkeypatch: Any) -> None:
    register(toy())
    in_cache, shared, given = (lay(f / "toy-files") for f in (cache, tmp_path / "shared", tmp_path / "given"))
    assert store.find("toy") == in_cache
    monkeypatch.setenv("SSLWB_DATA", str(tmp_path / "shared"))
    assert store.find("toy") == shared
    assert store.find("toy", tmp_path / "given") == given
    shutil.rmtree(shared)
    assert store.find("toy") == in_cache


def test_a_path_that_lacks_the_set_is_an_error_and_nothing_is_fetched(
    tmp_path: Path, server: Server, cache: Path, register: Any
) -> None:
    register(toy(host=server.url))
    lay(tmp_path / "mine", ["a.bin"])
    for path, said in ((tmp_path / "nowhere", "toy is not there"), (tmp_path / "mine", "b.bin missing")):
        with pytest.raises(DataError, match=said):
            store.get("toy", path=path)
    assert server.asked == []


def test_a_shared_folder_is_never_written_to(tmp_path: Path, cache: Path, register: Any, monkeypatch: Any) -> None:
    register(toy())
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "toy.tar.gz").write_bytes(PACKED)
    (shared / "toy.tar.gz").chmod(0o444)
    shared.chmod(0o555)
    monkeypatch.setenv("SSLWB_DATA", str(shared))
    before = [(f.name, f.stat().st_mtime_ns) for f in (shared, *shared.iterdir())]
    assert store.get("toy") == cache / "toy-files"
    assert is_whole(store.get("toy"))
    assert [(f.name, f.stat().st_mtime_ns) for f in (shared, *shared.iterdir())] == before
    with pytest.raises(DataError, match=r"lacks|not there"):
        store.get("toy", path=shared / "deeper")
    shared.chmod(0o755)


def test_an_archive_is_unpacked_once(
    tmp_path: Path, cache: Path, register: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    register(toy())
    (tmp_path / "toy.tar.gz").write_bytes(PACKED)
    for _ in range(2):
        store.get("toy", path=tmp_path)
    assert capsys.readouterr().out.count("Unpacking") == 1


def test_a_shared_folder_that_is_not_there_is_reported(cache: Path, register: Any, monkeypatch: Any) -> None:
    register(toy())
    monkeypatch.setenv("SSLWB_DATA", "/nowhere/at/all")
    with pytest.raises(DataError, match="SSLWB_DATA is '/nowhere/at/all'"):
        store.get("toy", download=False)


def test_an_incomplete_set_is_fetched_again_and_what_lay_there_is_kept(
    server: Server, cache: Path, register: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    register(toy(host=server.url))
    lay(cache / "toy-files")
    (cache / "toy-files" / "b.bin").write_bytes(b"short")
    (cache / "toy-files" / "mine.txt").write_text("notes")
    assert store.find("toy") is None
    assert is_whole(store.get("toy"))
    (aside,) = cache.glob("toy-files.incomplete-*")
    assert (aside / "toy-files" / "mine.txt").read_text() == "notes"
    assert "b.bin has 5 bytes, expected 150,000" in capsys.readouterr().out


def test_a_look_alike_of_the_same_size_is_not_taken(tmp_path: Path, cache: Path, register: Any) -> None:
    """MNIST's files have the names and, unpacked, the sizes of Fashion-MNIST's: small files tell them apart."""
    register(toy())
    folder = lay(tmp_path / "mine")
    (folder / "a.bin").write_bytes(bytes(1024))
    with pytest.raises(DataError, match=r"a.bin is not the file of that name"):
        store.get("toy", path=folder)


def test_files_without_gzip_are_taken_too(tmp_path: Path, cache: Path, register: Any) -> None:
    files = tuple(
        File(f"{name}.gz", len(packed), digest(packed), plain=File(name, len(data), digest(data)))
        for name, data in CONTENT.items()
        for packed in [gzip.compress(data)]
    )
    register(replace(toy(None), files=files))
    folder = lay(tmp_path / "mine")
    assert store.get("toy", path=folder) == folder
    (folder / "a.bin.gz").write_bytes(gzip.compress(CONTENT["a.bin"]))
    assert store.verify("toy", folder) == folder


# Verifying, cleaning, listing


def test_verify_finds_a_byte_that_a_look_does_not(cache: Path, register: Any) -> None:
    register(toy())
    folder = lay(cache / "toy-files")
    assert store.verify("toy") == folder
    (folder / "b.bin").write_bytes(CONTENT["b.bin"][:-1] + b"?")
    assert store.find("toy") == folder
    with pytest.raises(DataError, match=r"b.bin"):
        store.verify("toy")
    with pytest.raises(DataError, match=r"nothing to fetch|no files"):
        store.verify("digits")


def test_clean_removes_ours_and_nothing_else(server: Server, cache: Path, register: Any) -> None:
    register(toy(host=server.url))
    folder = store.get("toy")
    (folder / "mine.txt").touch()
    (cache / ".toy.partial-old").mkdir()
    (cache / "mine.txt").touch()
    assert set(store.clean("toy")) == {folder / "a.bin", folder / "b.bin", cache / ".toy.partial-old"}
    assert leftovers(cache) == ["mine.txt", "toy-files"]
    assert store.clean() == []
    (folder / "mine.txt").unlink()
    lay(cache / "again")
    shutil.rmtree(folder)
    shutil.move(cache / "again", folder)
    store.clean()
    assert not folder.exists()


def test_clean_never_touches_the_shared_folder(cache: Path, register: Any, monkeypatch: Any) -> None:
    register(toy())
    folder = lay(cache / "toy-files")
    for shared in (cache, cache.parent, folder):
        monkeypatch.setenv("SSLWB_DATA", str(shared))
        with pytest.raises(DataError, match="never cleaned"):
            store.clean("toy")
    assert is_whole(folder)


def test_prefetch_tries_all_and_tells_each_failure(server: Server, cache: Path, register: Any) -> None:
    register(toy(host=server.url))
    assert store.prefetch(["digits", "toy"]) == {"toy": cache / "toy-files"}
    store.clean("toy")
    with pytest.raises(DataError, match="toyy"):
        store.prefetch(["toyy", "shapes", "toy"])
    assert is_whole(cache / "toy-files")


def test_the_table_names_every_set(cache: Path, register: Any) -> None:
    register(toy())
    folder = lay(cache / "toy-files")
    rows = {row.name: row for row in store.table()}
    pictures = {"shapes", "scenes", "digits", "fashion-mnist", "cifar10", "stl10", "coco128", "toy"}
    texts = {"tales", "python-docs", "tinyshakespeare", "gutenberg", "wikitext-2"}
    labelled = {"sst2", "rotten-tomatoes", "trec", "sms-spam"}
    assert set(rows) == pictures | texts | labelled | {"xquad", "multi30k"}
    assert rows["toy"].where == folder
    assert rows["cifar10"].where is None
    assert rows["cifar10"].size == 170_498_071
    assert rows["digits"].built_in
    assert all(row.licence and row.title for row in rows.values())


@pytest.mark.parametrize(("name", "near"), [("CIFAR-10", "cifar10"), ("FashionMNIST", "fashion-mnist"), ("xyz", None)])
def test_an_unknown_name_gets_the_nearest(name: str, near: str | None) -> None:
    with pytest.raises(DataError, match="known: shapes, scenes, tales, digits") as caught:
        store.get(name)
    assert (f"did you mean {near!r}" in str(caught.value)) is bool(near)


def test_built_in_sets_have_nothing_to_fetch() -> None:
    with pytest.raises(DataError, match="built in"):
        store.get("shapes")
    assert store.find("digits") is None


@pytest.mark.parametrize("entry", [e for e in SOURCES.values() if not e.built_in], ids=lambda e: e.name)
def test_the_registry_is_complete(entry: Source) -> None:
    assert entry.licence
    assert entry.citation
    for known in (*entry.downloads, *entry.files, *(f.plain for f in entry.files if f.plain)):
        algorithm, digits = known.digest.split(":")
        assert len(digits) == {"sha256": 64, "md5": 32}[algorithm]
        assert known.size > 0
    for known in entry.downloads:
        assert bool(known.urls) is not bool(entry.by_hand)
        assert all(url.rsplit("/", 1)[-1] == known.name for url in known.urls)
