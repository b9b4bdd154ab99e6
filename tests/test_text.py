"""Texts as numbers: the tokenizers come back whole, the readers cut without a gap, and what is wrong is reported."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from sslwb.data import DataError, Texts, Tokenizer, load, plain_text, store, text, tokenizing
from sslwb.data.questions import said as said_in
from sslwb.data.worlds.tales import SPECIAL, TOKENIZER, VOCABULARY

PROSE = (
    "The cat sat on the mat. Then the cat saw the other cat, and it ran from the mat to the hat.\n\n"
    "“Naïve cats”, said the hat – in 日本 they say 猫 – “are the best cats.”\n  An indented line.\n"
) * 20
# What trips tokenizers: runs of spaces, tabs, lone newlines, marks that combine, emoji, a byte order mark inside.
ODD = ["  two  spaces ", "a\tb\r\n\n\nc", "e\u0301", "👩‍👩‍👧", "\ufeff", "\x00\x7f", "the hat\n  the mat"]
KINDS = {
    "characters": lambda: Tokenizer.characters([PROSE]),
    "bpe": lambda: Tokenizer.byte_pairs([PROSE], 320),
    "words": lambda: Tokenizer.words(VOCABULARY),
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def file(tmp_path: Path, cache: Path) -> Path:
    path = tmp_path / "cats.txt"
    path.write_text(PROSE, encoding="utf-8")
    return path


# ── tokenizers


@pytest.mark.parametrize("kind", KINDS)
def test_the_special_words_have_the_same_places_everywhere(kind: str) -> None:
    made = KINDS[kind]()
    assert made.kind == kind
    assert made.vocabulary[:3] == SPECIAL == VOCABULARY[:3]
    assert len(set(made.vocabulary)) == len(made.vocabulary) == len(made)
    said = made.encode("<pad><mask><sep>")
    assert said.tolist() == [[0, 1, 2]]
    assert said.dtype == torch.int64


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_tokenizer_is_the_same(kind: str, tmp_path: Path) -> None:
    made = KINDS[kind]()
    made.save(tmp_path / "made.json")
    assert [f.name for f in tmp_path.iterdir()] == ["made.json"]
    back = Tokenizer.load(tmp_path / "made.json")
    assert (back.kind, back.vocabulary) == (made.kind, made.vocabulary)
    line = "lily met <mask>." if kind == "words" else "the cat <mask> naïve 猫"
    assert torch.equal(back.encode(line), made.encode(line))


def test_byte_pairs_write_any_text_and_bring_it_back() -> None:
    made = KINDS["bpe"]()
    assert len(made) == 320
    assert {" cat", " the"} <= set(made.vocabulary)
    lines = [PROSE, *ODD]
    x = made.encode(lines)
    assert x.shape == (len(lines), int((x[0] != 0).sum()))
    assert made.decode(x) == lines
    assert made.decode(x[1]) == [ODD[0]]
    assert len(made.encode(PROSE)[0]) < 0.6 * len(PROSE)


def test_byte_pairs_are_learnt_the_same_way_every_time() -> None:
    code = (
        "import sys; from sslwb.data import Tokenizer; from pathlib import Path\n"
        "print(Tokenizer.byte_pairs([Path(sys.argv[1]).read_text('utf-8')], 700).backend.to_str())"
    )
    # Other hashes, and another number of threads than here.
    env = {**os.environ, "PYTHONHASHSEED": "1", "RAYON_NUM_THREADS": "3"}
    command = [sys.executable, "-c", code, text.__file__]
    printed = subprocess.run(command, env=env, capture_output=True, text=True, check=True, encoding="utf-8").stdout
    made = [Tokenizer.byte_pairs([Path(text.__file__).read_text("utf-8")], 700) for _ in range(2)]
    assert made[0].backend.to_str() == made[1].backend.to_str() == printed.rstrip("\n")


def test_characters_are_in_order_and_others_become_unknown() -> None:
    made = Tokenizer.characters(["banana", "cab\n"])
    assert made.vocabulary == (*SPECIAL, "<unk>", "\n", "a", "b", "c", "n")
    assert made.encode("a\nnZ").tolist() == [[5, 4, 8, 3]]
    assert made.decode(made.encode(["ban", "a"])) == ["ban", "a"]
    assert made.decode(made.encode("Zab")) == ["<unk>ab"]


def test_a_typed_sentence_becomes_a_tale() -> None:
    tales = load("tales", n=20)
    assert tales.tokenizer is TOKENIZER
    lines = [tales.text(i) for i in range(20)]
    assert torch.equal(TOKENIZER.encode(lines, tales.shape[0]), tales.x)
    assert torch.equal(
        TOKENIZER.encode("Lily met TOM in the <mask> ."), TOKENIZER.encode("lily met tom in the <mask>.")
    )


def test_a_word_that_the_tales_do_not_know_is_named() -> None:
    with pytest.raises(ValueError, match=r"texts\[1\] says 'Lilly', .*164 words.*nearest are lily"):
        TOKENIZER.encode(["anna met tom.", "Lilly met tom."])
    with pytest.raises(ValueError, match=r"says 'zzzzzzz', .*such as \w+"):
        TOKENIZER.encode("zzzzzzz")


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda t: t.encode(["the", ""]), ValueError, r"texts\[1\] is empty"),
        (lambda t: t.encode([]), ValueError, "texts is empty"),
        (lambda t: t.encode(["the", 3]), TypeError, r"texts\[1\] is int; expected a str"),
        (lambda t: t.encode("the cat sat on", length=2), ValueError, r"texts\[0\] has \d+ byte pairs, .* length of 2"),
        (lambda t: t.decode(torch.tensor([[0, 320]])), ValueError, "x runs from 0 to 320; expected .* 0 to 319"),
        (lambda t: t.byte_pairs(["the"], 258), ValueError, "vocabulary is 258; expected at least 259"),
        (lambda t: t.byte_pairs([""]), ValueError, "no character"),
        (lambda t: t.characters([]), ValueError, "no character"),
        (lambda t: t.words(["a", "b"]), ValueError, r"begins with \['a', 'b'\]"),
    ],
)
def test_a_wrong_use_of_a_tokenizer_is_reported(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call(KINDS["bpe"]())


@pytest.mark.parametrize("damage", ["cut", "empty", "another", "bytes", "gap", "absent"])
def test_a_damaged_tokenizer_file_is_reported(damage: str, tmp_path: Path) -> None:
    from tokenizers import Tokenizer as Other
    from tokenizers import models, pre_tokenizers

    path = tmp_path / "made.json"
    KINDS["bpe"]().save(path)
    whole = path.read_text("utf-8")
    if damage == "cut":
        path.write_text(whole[: len(whole) // 2], "utf-8")
    elif damage == "empty":
        path.write_text("")
    elif damage == "bytes":
        path.write_bytes(b"\xff\xfe" + whole.encode())
    elif damage == "gap":
        path.write_text(whole.replace('"<sep>"', '"<cls>"'), "utf-8")
    elif damage == "another":
        other = Other(models.WordLevel({"[PAD]": 0, "[UNK]": 1}, unk_token="[UNK]"))
        other.pre_tokenizer = pre_tokenizers.Whitespace()
        other.save(str(path))
    else:
        path.unlink()
    with pytest.raises(DataError, match=r"made\.json.*(damaged|cannot be read|not a tokenizer of this course)"):
        Tokenizer.load(path)


SAYS = "Type <pad> and <mask>, then <sep>: <unk> is a word too. " * 40


@pytest.mark.parametrize("kind", ["characters", "bpe"])
def test_a_text_of_ones_own_keeps_the_special_words(kind: str, tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text(SAYS, encoding="utf-8")
    for _ in range(2):  # the second time with the tokenizer that the first one kept
        data = load(path, split="train", tokens=kind, context=32)
        assert int(data.x[:-1].min()) > 2
        assert SAYS.startswith("".join(data.text(i) for i in range(len(data))))
    made = data.tokenizer
    assert made is not None
    made.save(tmp_path / "made.json")
    for some in (made, Tokenizer.load(tmp_path / "made.json")):
        (row,) = some.numbers([SAYS])
        assert some.decode(row) == [SAYS]
        assert 1 in some.encode("and <mask>")[0].tolist()  # a sentence that is typed says what it hides


# ── running texts


def test_windows_follow_each_other_without_gap_or_overlap(file: Path) -> None:
    data = plain_text(file, tokens="characters", context=50)
    assert isinstance(data, Texts)
    assert data.shape == (50,)
    assert data.y is None
    assert "".join(data.text(i) for i in range(len(data))) == PROSE
    assert (data.lengths[:-1] == 50).all()
    parts = [plain_text(file, split=split, tokens="bpe", vocabulary=300, context=16) for split in text.SPLITS]
    said = ["".join(part.text(i) for i in range(len(part))) for part in parts]
    assert "".join(said).count("cat") == PROSE.count("cat")
    whole = torch.cat([part.x[part.x != 0] for part in parts])
    assert parts[0].tokenizer is not None
    assert parts[0].tokenizer.decode(whole) == [PROSE]  # a window may end within a character of several bytes
    assert [round(len(part) / len(PROSE), 1) for part in said] == [0.8, 0.1, 0.1]
    assert len({part.vocabulary for part in parts}) == 1


def test_byte_pairs_of_pieces_are_those_of_the_whole_text() -> None:
    made, indented = KINDS["bpe"](), "    x = [\n" + "                1,\n" * 200 + "]\n\n\n\n    y\n"
    for whole in (PROSE, *ODD, "\n\n\n a\n\n\nb\n", "a\n", "\na", " a", "a  ", "a\x1c b!\x85 c\u3000d", indented):
        expected = made.backend.encode(whole, add_special_tokens=False).ids
        assert made.numbers([whole])[0].tolist() == expected
        cuts = [0, *(found.start() for found in tokenizing.BETWEEN.finditer(whole)), len(whole)]
        parts = [whole[a:b] for a, b in itertools.pairwise(cuts) if a < b]
        assert torch.cat(made.numbers(parts)).tolist() == expected


def test_byte_pairs_are_learnt_from_pieces_as_from_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    taught = Tokenizer.byte_pairs([PROSE, 2 * PROSE], 400).backend.to_str()
    monkeypatch.setattr(tokenizing, "PIECE", 10**9)
    assert Tokenizer.byte_pairs([PROSE, 2 * PROSE], 400).backend.to_str() == taught


@pytest.mark.parametrize(
    "endless",
    ["".join(chr(97 + i * i * 7919 % 26) for i in range(300_000)), "a" * 300_000, " " * 300_000 + "b"],
    ids=["letters", "one letter", "spaces"],
)
def test_a_text_without_a_place_to_cut_is_cut_all_the_same(endless: str) -> None:
    pieces = list(tokenizing._pieces(endless))
    assert "".join(pieces) == endless
    assert max(map(len, pieces)) <= 2 * tokenizing.PIECE  # learning takes a time that grows with the square of it
    made = Tokenizer.byte_pairs([endless], 1000)
    assert made.decode(made.numbers([endless])[0]) == [endless]


MEMORY = """
import resource, sys
from sslwb.data.tokenizing import Tokenizer

made, lines = Tokenizer.characters(["a\\n"]), "a\\n" * 750_000
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(numbers,) = made.numbers([lines])
assert len(numbers) == 1_500_000
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="counts kilobytes as Linux does")
def test_a_text_of_many_short_lines_takes_little_memory() -> None:
    run = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, text=True, check=True)
    assert int(run.stdout) < 150_000  # kilobytes; all lines at once take 1,000,000


def test_the_tokenizer_knows_the_training_part_alone(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("ab " * 450 + "xy " * 100)
    for split in text.SPLITS:
        data = load(f"text:{path}", split, tokens="characters", context=8)
        assert data.vocabulary == (*SPECIAL, "<unk>", " ", "a", "b")
    assert "<unk><unk>" in data.text(0)


def test_byte_pairs_are_kept_by_what_they_were_learnt_from(file: Path, cache: Path) -> None:
    first = plain_text(file, vocabulary=300)
    (kept,) = (cache / "tokenizers").iterdir()
    before = kept.stat().st_mtime_ns
    again = plain_text(file, split="test", vocabulary=300)
    assert again.vocabulary == first.vocabulary
    assert kept.stat().st_mtime_ns == before
    kept.write_text("{")  # a damaged one is made anew
    assert plain_text(file, vocabulary=300).vocabulary == first.vocabulary
    assert Tokenizer.load(kept).vocabulary == first.vocabulary
    plain_text(file, vocabulary=310)
    file.write_text("something else " * 50)
    plain_text(file, vocabulary=310)
    assert len(list((cache / "tokenizers").iterdir())) == 3


def test_a_cache_that_cannot_be_written_to_stops_nothing(file: Path, cache: Path) -> None:
    cache.write_text("a file where the folder would be")
    with pytest.warns(UserWarning, match="what the tokenizer learnt is not kept.*set SSLWB_CACHE") as caught:
        assert len(plain_text(file, vocabulary=300))
    assert [str(one.message).count("\n") for one in caught] == [0]


def test_another_set_can_speak_the_same_words(file: Path, tmp_path: Path) -> None:
    first = plain_text(file, vocabulary=300)
    other = tmp_path / "other.txt"
    other.write_text("an unlike text " * 30)
    data = load(str(other), tokens=first.tokenizer)
    assert data.vocabulary == first.vocabulary
    assert data.tokenizer is first.tokenizer


def test_a_folder_of_texts_is_labelled_by_file(file: Path) -> None:
    (file.parent / "dogs.txt").write_text("a dog " * 300)
    (file.parent / "notes.md").write_text("no text of the set")
    data = load(f"text:{file.parent}", "train", context=32)
    assert data.classes == ("cats", "dogs")
    dogs = data[data.labels == 1]
    assert dogs.text(0).startswith("a dog a dog")
    assert set(data.labels.tolist()) == {0, 1}
    few = load(f"text:{file.parent}", "train", n=5, seed=1, context=32)
    more = load(f"text:{file.parent}", "train", n=9, seed=1, context=32)
    assert torch.equal(few.x, more.x[:5])


def test_of_a_gutenberg_book_the_book_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "pg.txt"
    body = "CHAPTER I\n\nIt was a dark night.\n"
    for start, end in (("*** START OF THIS PROJECT", "*** END OF"), ("***START OF THE", "***END OF")):
        foot = "End of the Project Gutenberg EBook of X, by\nY\n"
        whole = f"\ufeffTitle: X\n\n{start} X ***\n\n\n{body}\n\n{foot}\n{end} X ***\nlicence"
        path.write_bytes(whole.replace("\n", "\r\n").encode())
        assert text.book(path) == body
    path.write_text("nothing to strip\n")
    assert text.book(path) == "nothing to strip\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"first line\ncaf\xe9", r"mine\.txt is not UTF-8: byte 0xe9 at position 14, in line 2"),
        (b"\xef\xbb\xbfab\xff", r"byte 0xff at position 5, in line 1"),
        (b"\x80", "byte 0x80 at position 0"),
        (b"", "mine.txt is empty"),
        (b" \r\n \n", "mine.txt is empty"),
        (None, r"mine\.txt cannot be read"),
    ],
)
def test_a_file_that_is_no_text_is_reported(tmp_path: Path, cache: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "mine.txt").write_bytes(content)
    with pytest.raises(DataError, match=said):
        plain_text(tmp_path / "mine.txt")


SAID = "Das Café sagt: “Für 5 € gibt es Tee.” ¼ Liter.\nZweite Zeile.\n"
RUSSIAN = "Мама мыла раму.\nА рама была чистая.\n"


@pytest.mark.parametrize("ends", ["\n", "\r\n"], ids=["unix", "windows"])
@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        *itertools.product(
            [SAID, "plain letters\nin two lines\n", RUSSIAN, "日本の猫\n吾輩は猫である\n"],
            ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be", "mark utf-16-be"],
        ),
        (SAID, "cp1252"),
    ],
)
def test_the_advice_for_a_text_in_another_encoding_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, ends: str, encoding: str
) -> None:
    file = tmp_path / "my own.txt"
    raw = content.replace("\n", ends).encode(encoding.removeprefix("mark "))
    file.write_bytes((b"\xfe\xff" if encoding.startswith("mark") else b"") + raw)
    with pytest.raises(DataError, match="is not UTF-8") as error:
        text.read_text(file)
    (advice,) = re.findall(r'Path\("new\.txt"\).*?"utf-8"\)', str(error.value))
    monkeypatch.chdir(tmp_path)
    exec(advice, {"Path": Path})
    assert text.read_text(tmp_path / "new.txt") == content


@pytest.mark.parametrize(
    "raw",
    [b"\x00\x01\x02\xff\xd8\x00\xd8\x00\x00", bytes(100), b"text\0with\0NUL", b"\xff\xfe", b"\x81\x8d\x8f\x90\x9d"],
    ids=["binary", "NULs", "text with NULs", "a mark alone", "no alphabet's"],
)
def test_bytes_that_are_no_text_get_no_advice_that_loads_them(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "mine.txt").write_bytes(raw)
    with pytest.raises(DataError, match="is not UTF-8") as error:
        text.read_text(tmp_path / "mine.txt")
    for advice in re.findall(r'read_text\("(.*?)"\)', str(error.value)):
        assert "\0" not in raw.decode(advice)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["unix", "windows", "old mac"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["no mark", "mark"])
def test_every_end_of_a_line_is_one(tmp_path: Path, ends: str, mark: str) -> None:
    (tmp_path / "mine.txt").write_bytes((mark + SAID.replace("\n", ends)).encode())
    assert text.read_text(tmp_path / "mine.txt") == SAID


@pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there a name is the same in capitals")
def test_texts_whose_names_differ_in_capitals_are_all_there(tmp_path: Path, cache: Path) -> None:
    for name, words in (("a.txt", "one "), ("a.TXT", "two "), ("A.txt", "six ")):
        (tmp_path / name).write_text(words * 100)
    data = plain_text(tmp_path, tokens="characters")
    assert data.classes == ("A", "a.TXT", "a.txt")
    assert [data[data.labels == i].text(0)[:3] for i in range(3)] == ["six", "two", "one"]


@pytest.mark.parametrize("names", [("train.txt", "valid.txt", "test.txt"), ("TRAIN.TXT", "Val.txt", "testing.txt")])
def test_files_of_splits_are_no_classes(tmp_path: Path, cache: Path, names: tuple[str, ...]) -> None:
    for name, words in zip(names, ("one ", "two ", "six "), strict=True):
        (tmp_path / name).write_text(words * 100)
    parts = {split: load(f"text:{tmp_path}", split, tokens="characters", context=8) for split in text.SPLITS}
    assert [part.text(0) for part in parts.values()] == [
        "one one ",
        *["<unk><unk>o <unk><unk>o "],
        *["<unk><unk><unk> " * 2],
    ]
    assert all(part.y is None for part in parts.values())
    with pytest.raises(ValueError, match=r"split is None.*expected 'train' or 'val' or 'test'"):
        plain_text(tmp_path)
    (tmp_path / "notes.txt").write_text("no part of it")
    with pytest.warns(UserWarning, match=r"notes\.txt left out"):
        plain_text(tmp_path, split="test")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems' file names are Unicode")
def test_a_text_whose_name_is_not_utf8_is_read(tmp_path: Path, cache: Path) -> None:
    for name in (b"caf\xe9.txt", b"tea.txt"):
        (tmp_path / os.fsdecode(name)).write_text("a b " * 100)
    data = plain_text(tmp_path / os.fsdecode(b"caf\xe9.txt"), tokens="characters")
    assert data.name == "text:caf\\xe9.txt"
    assert plain_text(tmp_path, tokens="characters").classes == ("caf\\xe9", "tea")
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_bytes(b"\xff")
    with pytest.raises(DataError) as error:
        plain_text(tmp_path)
    str(error.value).encode()


@pytest.mark.parametrize(
    ("dials", "error", "said"),
    [
        ({"context": 1}, ValueError, "context is 1; expected at least 2"),
        ({"tokens": "words"}, ValueError, "tokens is 'words'; expected \"characters\""),
        ({"vocabulary": 100}, ValueError, "vocabulary is 100; expected at least 259"),
        ({"split": "unlabeled"}, ValueError, "split is 'unlabeled'; a text has None"),
        ({"tokens": TOKENIZER}, ValueError, "says 'cat', which is none of"),
        ({"n": 0}, ValueError, "n is 0"),
    ],
)
def test_a_wrong_dial_is_reported(file: Path, dials: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        plain_text(file, **dials)


def test_wrong_paths_are_reported(file: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match=r"no \.txt file lies in this folder"):
        load(f"text:{tmp_path / 'none'}")
    with pytest.raises(TypeError, match="no dial 'size'; its dials: tokens, vocabulary, context"):
        load(str(file), size=3)
    with pytest.raises(ValueError, match="give one of them"):
        load(str(file), path=tmp_path)
    (tmp_path / "short.txt").write_text("word")
    with pytest.raises(DataError, match="'short' has 4 characters, too few for a part 'val'"):
        load(str(tmp_path / "short.txt"), "val")


def test_texts_and_tokenizer_must_agree() -> None:
    with pytest.raises(ValueError, match="tokenizer has another vocabulary"):
        Texts(torch.ones(2, 3, dtype=torch.long), vocabulary=("a", "b"), tokenizer=TOKENIZER)


# ── the set that every Python carries


def test_python_docs_are_prose_in_disjoint_parts() -> None:
    prose = text.python_prose()
    lines = {split: said.split("\n") for split, said in prose.items()}
    assert len(prose["train"]) > 250_000
    assert min(len(said) for said in prose.values()) > 20_000
    everything = [line for said in lines.values() for line in said]
    assert len(set(everything)) == len(everything)
    assert all(line.isascii() and len(line.split()) > 5 for line in everything)
    for mark in (">>>", "``", ":func:", ":class:", "::=", "====", "  "):
        assert not [line for line in everything if mark in line], mark


def test_the_docs_are_read_the_same_way_and_not_run() -> None:
    before = set(sys.modules)
    assert text.python_prose.__wrapped__() == text.python_prose()
    assert "this" not in before
    assert {"pydoc_data.topics", *sys.stdlib_module_names} & (set(sys.modules) - before) == set()


def test_python_docs_load(cache: Path) -> None:
    data = load("python-docs", "val", n=50, vocabulary=400, context=32)
    assert tuple(data.x.shape) == (50, 32)
    assert len(data.vocabulary) == 400
    assert data.name == "python-docs"


@pytest.mark.parametrize(
    ("block", "lines"),
    [
        ("The :class:`~a.B` of ``c`` is *very* good, as `d` says.", ["The a.B of c is very good, as d says."]),
        ("* An item of a list\n  that has two lines.", ["An item of a list that has two lines."]),
        (
            "* The first of two items is here.\n* The second of two items is the number 2**3 here.",
            ["The first of two items is here.", "The second of two items is the number 2**3 here."],
        ),
        ("Heading of a page with many words\n*****", []),
        ("   code = is_left(out) of the text here.", []),
        ("Too few words.", []),
        ("A line with no stop at its end", []),
        (
            "The first paragraph stands here alone.\n\nAnd the second one follows it.",
            ["The first paragraph stands here alone.", "And the second one follows it."],
        ),
        ("The product a*b*c of three numbers is commutative.", ["The product a*b*c of three numbers is commutative."]),
    ],
)
def test_marks_of_layout_are_taken_off(block: str, lines: list[str]) -> None:
    assert text.paragraphs(block) == lines


# ── real sets, where they are at hand


def real(name: str) -> None:
    if store.find(name) is None:
        pytest.skip(f"{name} is not on this machine: set SSLWB_DATA")


def test_tiny_shakespeare_is_cut_as_nano_gpt_does(cache: Path) -> None:
    real("tinyshakespeare")
    train, val = (load("tinyshakespeare", split, context=256) for split in ("train", "val"))
    assert (int(train.lengths.sum()), int(val.lengths.sum())) == (1_003_854, 111_540)
    assert len(train.vocabulary) == 65 + 4
    assert train.text(0).startswith("First Citizen:\nBefore we proceed any further, hear me speak.")
    assert torch.equal(load("tinyshakespeare", "test", context=256).x, val.x)


def test_gutenberg_holds_eight_books(cache: Path) -> None:
    real("gutenberg")
    place = store.find("gutenberg")
    assert place is not None
    books = {title: text.book(place / name) for name, title in text.BOOKS.items()}
    for said in books.values():
        assert len(said) > 140_000
        assert "*** START" not in said
        assert "End of the Project" not in said
        assert "\r" not in said
    assert "Alice was beginning to get very tired" in books["Alice in Wonderland"]
    made = Tokenizer.characters(books.values())
    data = load("gutenberg", "test", tokens=made, context=512)
    assert data.classes == tuple(books)
    alice = data[data.labels == data.classes.index("Alice in Wonderland")]
    said = "".join(alice.text(i) for i in range(len(alice)))
    assert books["Alice in Wonderland"].endswith(said)
    assert len(said) / len(books["Alice in Wonderland"]) == pytest.approx(0.1, abs=0.001)


def test_wikitext_says_that_its_training_part_is_not_here(cache: Path, tmp_path: Path) -> None:
    real("wikitext-2")
    val, test = (load("wikitext-2", split, vocabulary=400) for split in ("val", "test"))
    assert val.vocabulary == test.vocabulary
    assert "Homarus gammarus" in val.text(0)
    place = store.find("wikitext-2")
    assert place is not None
    if (place / "train.txt").is_file():
        pytest.skip("train.txt is here")
    with pytest.raises(DataError, match=r"no train\.txt.*load\('wikitext-2', 'val'\)"):
        load("wikitext-2")
    for name in ("valid.txt", "test.txt"):
        (tmp_path / name).symlink_to(place / name)
    (tmp_path / "train.txt").write_text("A b c d e f g\n" * 99)
    brought = load("wikitext-2", path=tmp_path, tokens="characters")
    assert brought.text(0).startswith("A b c d")


@pytest.mark.parametrize(("split", "counts"), [("train", [3310, 3610]), ("val", [428, 444]), ("test", [912, 909])])
def test_sst2_has_its_published_sentences(split: str, counts: list[int], cache: Path) -> None:
    real("sst2")
    data = load("sst2", split, vocabulary=400, context=48)
    assert data.labels.bincount().tolist() == counts
    assert data.classes == ("negative", "positive")
    assert data.shape == (48,)
    assert data.lengths.min() > 0
    if split == "train":
        assert data[0].y.item() == 1  # type: ignore[union-attr]
        assert data.text(0).startswith("a stirring , funny and finally transporting")


def test_a_line_that_is_no_labelled_sentence_is_reported(tmp_path: Path) -> None:
    for part in ("train", "dev", "test"):
        (tmp_path / f"stsa.binary.{part}").write_text("1 a fine film\n2 what is this\n")
    with pytest.raises(DataError, match=r"stsa\.binary\.train, line 2, is '2 what is this'; expected 0 or 1"):
        text.sst2(tmp_path, "train", None, 0)


# ── labelled sentences


def test_a_set_without_splits_is_cut_by_a_hash_of_each_text(tmp_path: Path, cache: Path) -> None:
    for name, word in (("neg", "dull"), ("pos", "fine")):
        lines = [f"a {word} film number {i} \u2013 caf\u00e9" for i in range(120)]
        lines += [f"A  {word.upper()} film number {i} \u2013 CAF\u00c9" for i in range(120)]  # the same words again
        (tmp_path / f"rt-polarity.{name}").write_bytes("\n".join(lines).encode("cp1252") + b"\n")
    parts = {split: text.rotten_tomatoes(tmp_path, split, None, 0, tokens="characters") for split in text.SPLITS}
    said = {split: [" ".join(line.casefold().split()) for line in part.lines()] for split, part in parts.items()}
    assert sum(map(len, said.values())) == 480
    for split, other in itertools.combinations(said, 2):
        assert not set(said[split]) & set(said[other])
    assert len(said["train"]) > 300
    assert min(len(said["val"]), len(said["test"])) > 10
    assert all(line.endswith("\u2013 caf\u00e9") for line in said["train"])
    for part in parts.values():
        assert part.classes == ("negative", "positive")
        assert all(("fine" in line.casefold()) == bool(y) for line, y in zip(part.lines(), part.labels, strict=True))
    again = text.rotten_tomatoes(tmp_path, "train", 5, 3, tokens="characters", context=16)
    assert again.shape == (16,)
    assert torch.equal(again.x, text.rotten_tomatoes(tmp_path, "train", 9, 3, tokens="characters", context=16).x[:5])


def test_questions_that_test_asks_are_not_trained_on(tmp_path: Path, cache: Path) -> None:
    asks = [f"{kind}:{i} What is number {i} of {kind} ?" for i in range(40) for kind in text.TREC_KINDS]
    (tmp_path / "TREC.train").write_text("\n".join(["LOC:city Where is  ROME ?", *asks]))
    (tmp_path / "TREC.test").write_text("LOC:city Where is Rome ?\nNUM:count What number ?\n")
    train, val, test = (text.trec(tmp_path, split, None, 0, tokens="characters") for split in text.SPLITS)
    assert len(train) + len(val) == 240
    assert 10 < len(val) < 45
    assert not any("ROME" in line for line in (*train.lines(), *val.lines()))
    assert [test.classes[y] for y in test.labels] == ["location", "number"]
    assert test.text(1) == "What number ?"


@pytest.mark.parametrize(
    ("read", "files", "said"),
    [
        (text.rotten_tomatoes, {"rt-polarity.pos": b"good\n\nfine\n"}, r"rt-polarity\.pos, line 2, is empty"),
        (text.rotten_tomatoes, {"rt-polarity.pos": b"\x81"}, r"rt-polarity\.pos holds the byte 0x81 at position 0"),
        (text.rotten_tomatoes, {}, r"rt-polarity\.pos cannot be read"),
        (text.trec, {"TREC.train": b"WHAT:is this ?"}, r"TREC\.train, line 1, is 'WHAT:is this \?'.*ABBR, DESC"),
        (text.trec, {"TREC.train": b"LOC:city\n"}, "expected a kind and a question"),
        (text.sms_spam, {"SMSSpamCollection": b"ham\thello\neggs\thello\n"}, "line 2, is 'eggs"),
        (text.sms_spam, {"SMSSpamCollection": b"ham hello"}, "line 1, .*expected ham or spam, a tab, and a message"),
    ],
)
def test_a_damaged_set_of_sentences_is_reported(
    tmp_path: Path, cache: Path, read: Any, files: dict[str, bytes], said: str
) -> None:
    (tmp_path / "rt-polarity.neg").write_bytes(b"bad\n")
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        read(tmp_path, "train", None, 0)


@pytest.mark.parametrize(
    ("name", "counts", "first"),
    [
        (
            "rotten-tomatoes",
            {"train": [4260, 4331], "val": [536, 487], "test": [535, 513]},
            "it's so laddish and juven",
        ),
        ("sms-spam", {"train": [3860, 611], "val": [513, 62], "test": [454, 74]}, "Go until jurong point, crazy.."),
        (
            "trec",
            {"train": [74, 1050, 1120, 1115, 751, 794], "test": [9, 138, 94, 65, 81, 113]},
            "How did serfdom develop",
        ),
    ],
)
def test_real_sentences_are_all_there(name: str, counts: dict[str, list[int]], first: str, cache: Path) -> None:
    real(name)
    for split, of_class in counts.items():
        data = load(name, split, vocabulary=400)
        assert data.labels.bincount().tolist() == of_class
        assert data.lengths.min() > 0
        if split == "train":
            assert data.text(0).startswith(first)


@pytest.mark.parametrize("language", ["en", "de", "es"])
def test_xquad_asks_the_same_in_three_languages(language: str, cache: Path) -> None:
    real("xquad")
    parts = {split: load("xquad", split, language=language, vocabulary=800) for split in text.SPLITS}
    assert [len(part) for part in parts.values()] == [726, 245, 219]
    assert [len(set(part.passage.tolist())) for part in parts.values()] == [145, 50, 45]
    for part in parts.values():
        spans = part.decoded(said_in(part.b.x, part.answers))
        pairs = list(zip(spans, part.right_answers(), strict=True))
        assert all(right[0] in said for said, right in pairs)
        assert sum(said.strip() == right[0] for said, right in pairs) > 0.97 * len(pairs)  # else a piece is longer
