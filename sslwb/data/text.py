"""The readers of real texts: files on disk → `Texts`, windows of a running text or one line an item, as numbers.

Every set takes the same dials. `tokens`: "characters", "bpe" (byte pairs), or a `Tokenizer` that another set brought,
so that a model finds the words that it knows; `vocabulary`: how many byte pairs; `context`: numbers in a row. A
tokenizer is trained on the training part alone and is the same for all splits. A running text is cut into windows that
follow each other without a gap or an overlap; the last one is padded.
"""

from __future__ import annotations

import ast
import codecs
import functools
import hashlib
import os
import re
import sys
import sysconfig
import warnings
from collections.abc import Sequence
from pathlib import Path

import tokenizers
import torch
import torch.nn.functional as F

from sslwb.core import PAD, place, printable
from sslwb.data.containers import Texts
from sslwb.data.folder import splits_among
from sslwb.data.readers import draw
from sslwb.data.store import DataError, cache_folder, not_kept
from sslwb.data.tokenizing import Tokenizer

SPLITS = ("train", "val", "test")
BOOKS = {
    "11-0.txt": "Alice in Wonderland",
    "84-0.txt": "Frankenstein",
    "98-0.txt": "A Tale of Two Cities",
    "345.txt": "Dracula",
    "1342-0.txt": "Pride and Prejudice",
    "1400-0.txt": "Great Expectations",
    "1661.txt": "Sherlock Holmes",
    "2701-0.txt": "Moby-Dick",
}
SENTIMENTS = ("negative", "positive")
# What a question of TREC asks for: Li & Roth 2002, table 1.
TREC_KINDS = {
    "ABBR": "abbreviation",
    "DESC": "description",
    "ENTY": "entity",
    "HUM": "human",
    "LOC": "location",
    "NUM": "number",
}
# Modules that print, draw, are not in every CPython, or are there to be tested.
APART = {"antigravity", "this", "turtle"}
Tokens = str | Tokenizer


def plain_text(
    path: str | os.PathLike[str],
    *,
    split: str | None = None,
    tokens: Tokens = "bpe",
    vocabulary: int = 2000,
    context: int = 64,
    n: int | None = None,
    seed: int = 0,
) -> Texts:
    """Windows of your own text: a file in UTF-8, or a folder of .txt files, labelled by file where there are several.

    Header and footer of Project Gutenberg are left out. The first 80 % of each file are for training, then 10 % each
    for val and test; where files are called train.txt, valid.txt, test.txt or alike, these are the splits.

    Args:
        path: a file, or a folder, whose .txt files are taken; not those of deeper folders.
        split: "train", "val", "test"; None for all.
        tokens: "characters", "bpe", or a `Tokenizer`, such as that of another set.
        vocabulary: how many byte pairs.
        context: numbers in a row.
        n: that many windows, drawn without replacement; None: all, in order.
        seed: of that draw.

    Raises:
        DataError: no such file, no text in it, or text that is not UTF-8.
        ValueError: a dial out of range, or a text with words that the tokenizer does not know.
    """
    where = place(path)
    if split not in (None, *SPLITS):
        raise ValueError(f"split is {split!r}; a text has None (all), {', '.join(map(repr, SPLITS))}")
    if os.path.isdir(where):
        files = sorted(f for f in where.iterdir() if f.suffix.lower() == ".txt" and not f.name.startswith("."))
        if not files:
            raise DataError(f"path is {str(path)!r}: no .txt file lies in this folder; expected plain texts in UTF-8")
    else:
        files = [where]
    name = f"text:{printable(where.resolve().name)}"
    if (parts := splits_among({file: file.stem for file in files}, split)) is not None:
        if others := [printable(file.name) for file in files if file not in parts.values()]:
            warnings.warn(
                f"{printable(where)}: {', '.join(others)} left out, beside the files of the splits", stacklevel=2
            )
        made = tokenizer_of(tokens, vocabulary, [book(parts.get("train", files[0]))], name)
        return _cut([(0, book(parts[str(split)]))], (), made, context, n, seed, name)
    stems = [file.stem for file in files]
    titles = [file.stem if stems.count(file.stem) == 1 else file.name for file in files]  # a.txt beside a.TXT
    books = {printable(title): book(file) for title, file in zip(titles, files, strict=True)}
    return _windows(books, split, n, seed, name, tokens=tokens, vocabulary=vocabulary, context=context)


def tiny_shakespeare(
    folder: Path,
    split: str,
    n: int | None,
    seed: int,
    *,
    tokens: Tokens = "characters",
    vocabulary: int = 2000,
    context: int = 64,
) -> Texts:
    """Windows of scenes by Shakespeare; the last tenth of the text is "val", and "test" too: nanoGPT has no other."""
    text = read_text(folder / "input.txt")
    cut = int(0.9 * len(text))
    parts = [(0, text[:cut] if split == "train" else text[cut:])]
    made = tokenizer_of(tokens, vocabulary, [text[:cut]], "tinyshakespeare")
    return _cut(parts, (), made, context, n, seed, f"tinyshakespeare ({split})")


def gutenberg(
    folder: Path,
    split: str,
    n: int | None,
    seed: int,
    *,
    tokens: Tokens = "bpe",
    vocabulary: int = 2000,
    context: int = 64,
) -> Texts:
    """Windows of eight novels, the label is the book: 80 % of each for training, then 10 % for val and for test."""
    books = {title: book(folder / name) for name, title in BOOKS.items()}
    return _windows(books, split, n, seed, "gutenberg", tokens=tokens, vocabulary=vocabulary, context=context)


def wikitext2(
    folder: Path,
    split: str,
    n: int | None,
    seed: int,
    *,
    tokens: Tokens = "bpe",
    vocabulary: int = 2000,
    context: int = 64,
) -> Texts:
    """Windows of Wikipedia articles, rare words as <unk>. The registry knows val and test; train.txt may lie beside.

    Where train.txt is not there the tokenizer is trained on val.

    Raises:
        DataError: "train" is asked for and train.txt is not there.
    """
    train, file = folder / "train.txt", folder / {"val": "valid.txt"}.get(split, f"{split}.txt")
    if split == "train" and not train.is_file():
        raise DataError(
            f"wikitext-2 has no train.txt in {folder}, and it is not among the files that sslwb fetches. Train on "
            "'val' (load('wikitext-2', 'val'), 214,000 words) and measure on 'test'; or put train.txt there, from "
            "https://raw.githubusercontent.com/pytorch/examples/main/word_language_model/data/wikitext-2/train.txt"
        )
    learnt = train if train.is_file() else folder / "valid.txt"
    made = tokenizer_of(tokens, vocabulary, [read_text(learnt)], "wikitext-2")
    return _cut([(0, read_text(file))], (), made, context, n, seed, f"wikitext-2 ({split})")


def sst2(
    folder: Path,
    split: str,
    n: int | None,
    seed: int,
    *,
    tokens: Tokens = "bpe",
    vocabulary: int = 2000,
    context: int = 64,
) -> Texts:
    """Sentences of film reviews and whether they praise, a row each; what is longer than the context is cut off."""
    sentences = {
        part: _labelled(folder / f"stsa.binary.{name}")
        for part, name in (("train", "train"), ("val", "dev"), ("test", "test"))
    }
    return _sentences(
        sentences, SENTIMENTS, split, n, seed, "sst2", tokens=tokens, vocabulary=vocabulary, context=context
    )


def rotten_tomatoes(
    folder: Path,
    split: str,
    n: int | None,
    seed: int,
    *,
    tokens: Tokens = "bpe",
    vocabulary: int = 2000,
    context: int = 64,
) -> Texts:
    """Snippets of film reviews and whether they praise, a row each; what is longer than the context is cut off.

    Nobody published a split. Here each snippet has its own by a hash of its words: about 8 in 10 are for training, one
    each for val and test, and what is said twice lies in one of them.
    """
    lines = [
        (label, line)
        for label, name in enumerate(("neg", "pos"))
        for line in _western_lines(folder / f"rt-polarity.{name}")
    ]
    return _sentences(
        _by_hash(lines),
        SENTIMENTS,
        split,
        n,
        seed,
        "rotten-tomatoes",
        tokens=tokens,
        vocabulary=vocabulary,
        context=context,
    )


def trec(
    folder: Path,
    split: str,
    n: int | None,
    seed: int,
    *,
    tokens: Tokens = "bpe",
    vocabulary: int = 2000,
    context: int = 64,
) -> Texts:
    """Questions and what they ask for, one of six kinds, a row each; what is longer than the context is cut off.

    "test" is the published one. Of the published training questions those that test asks too are left out (11 of
    5,452), and of the others about a tenth, by a hash of the words, is "val".
    """
    asked = {part: [_trec_line(*line) for line in _numbered(folder / f"TREC.{part}")] for part in ("train", "test")}
    seen = {_plain(text) for _, text in asked["test"]}
    parts: dict[str, list[tuple[int, str]]] = {"train": [], "val": [], "test": asked["test"]}
    for label, text in asked["train"]:
        if _plain(text) not in seen:
            parts["val" if _tenth(text) == 8 else "train"].append((label, text))
    return _sentences(
        parts,
        tuple(TREC_KINDS.values()),
        split,
        n,
        seed,
        "trec",
        tokens=tokens,
        vocabulary=vocabulary,
        context=context,
    )


def sms_spam(
    folder: Path,
    split: str,
    n: int | None,
    seed: int,
    *,
    tokens: Tokens = "bpe",
    vocabulary: int = 2000,
    context: int = 64,
) -> Texts:
    """Short messages and whether they are spam, a row each; what is longer than the context is cut off.

    Nobody published a split. Here each message has its own by a hash of its words, so that one that was sent to many
    (403 lines stand there again) lies in one part alone: about 8 in 10 for training, one each for val and test.
    """
    file = folder / "SMSSpamCollection"
    lines = []
    for number, line in enumerate(read_text(file).rstrip("\n").split("\n"), 1):
        label, _, text = line.partition("\t")
        if label not in ("ham", "spam") or not text.strip():
            raise DataError(f"{file}, line {number}, is {line[:40]!r}; expected ham or spam, a tab, and a message")
        lines.append((int(label == "spam"), text.strip()))
    return _sentences(
        _by_hash(lines),
        ("ham", "spam"),
        split,
        n,
        seed,
        "sms-spam",
        tokens=tokens,
        vocabulary=vocabulary,
        context=context,
    )


def python_docs(
    split: str, n: int | None, seed: int, *, tokens: Tokens = "bpe", vocabulary: int = 2000, context: int = 64
) -> Texts:
    """Windows of the English that every CPython carries: its help topics and the docstrings of its modules.

    Paragraphs of prose only, marks of layout taken off; each topic and each module lies in one split. Another version
    of Python says other things.

    Raises:
        DataError: this Python came without its sources.
    """
    prose = python_prose()
    made = tokenizer_of(tokens, vocabulary, [prose["train"]], "python-docs")
    return _cut([(0, prose[split])], (), made, context, n, seed, f"python-docs ({split})")


@functools.cache
def python_prose() -> dict[str, str]:
    """{split: its paragraphs, a line each}, read from the sources of this Python without running any of them."""
    root = Path(sysconfig.get_path("stdlib"))
    names = sorted(name for name in sys.stdlib_module_names - APART if name[0] != "_")
    sources = {name: root / f"{name}.py" for name in names if (root / f"{name}.py").is_file()}
    topics = root / "pydoc_data" / "topics.py"
    if not sources or not topics.is_file():
        raise DataError(f"this Python has no sources in {root}: python-docs reads them; load('tales') is built in too")
    said = {name: _docstrings(file) for name, file in sources.items()}
    tree = ast.parse(topics.read_bytes())
    (table,) = (node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict))
    said |= {f"topic {name}": [text] for name, text in ast.literal_eval(table).items()}
    lines: dict[str, str] = {}  # a paragraph → its split; what is said twice belongs to where it is said first
    for name, texts in sorted(said.items()):
        tenth = hashlib.sha256(name.encode()).digest()[0] % 10
        split = {8: "val", 9: "test"}.get(tenth, "train")
        lines |= {line: split for text in texts for line in paragraphs(text) if line not in lines}
    return {split: "\n".join(line for line, where in lines.items() if where == split) for split in SPLITS}


def paragraphs(text: str) -> list[str]:
    """The sentences of a docstring or help topic: no code, headings, grammars or tables, no marks of layout."""
    found = []
    for block in re.split(r"\n\s*\n|\n(?=[*-] )", text):
        block = re.sub(r"^(?:[*-]|\d+\.) +", "", block)  # an item of a list
        line = " ".join(block.split())
        line = re.sub(r":[a-z:]+:`~?([^`<]*?)(?: <[^`]*>)?`", r"\1", line)  # :class:`~x.Y` → x.Y
        line = re.sub(r"`{1,2}([^`]+)`{1,2}", r"\1", line)
        line = re.sub(r"(?<![\w*])(\*{1,2})(\w[^*]*)\1(?!\w)", r"\2", line)
        plain = sum(c.isalpha() or c == " " for c in line) / max(1, len(line))
        indented = block.startswith((" ", "\t"))
        if not indented and line.isascii() and plain > 0.88 and len(line.split()) > 5 and line[-1] in ".!?:":
            found.append(line)
    return found


def read_text(file: Path) -> str:
    """A text file in UTF-8, with or without a byte order mark; every end of a line becomes one newline.

    Raises:
        DataError: it cannot be read, is not UTF-8 (the byte is named, and how to change it), or holds no character.
    """
    named = printable(file)
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise DataError(f"{named} cannot be read ({error.strerror}); expected a text file in UTF-8") from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        at = error.start + (3 if raw.startswith(codecs.BOM_UTF8) else 0)
        line = raw.count(b"\n", 0, at) + 1
        found = f"byte 0x{raw[at]:02x} at position {at}, in line {line}"
        raise DataError(f"{named} is not UTF-8: {found}. {_how_to_change(file, raw)}") from error
    if "\0" in text:
        found = f"a NUL byte at position {raw.index(0)}, which no text holds"
        raise DataError(f"{named} is not UTF-8: {found}. {_how_to_change(file, raw)}")
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise DataError(f"{named} is empty; expected text")
    return text


def _how_to_change(file: Path, raw: bytes) -> str:
    """Advice for a file that is not UTF-8: an encoding with which its bytes are a text, and what to run."""
    if (encoding := _encoding(raw)) is None:
        return "Its bytes are a text in none of UTF-16, UTF-32 and Windows' Western alphabet: save it as UTF-8 yourself"
    sure = encoding.startswith("utf")
    other = "" if sure else f", or with another encoding in the place of {encoding}, if those are not its words"
    return (
        f"It looks like {encoding}. Save it as UTF-8: "
        f'Path("new.txt").write_text(Path({str(file)!r}).read_text("{encoding}"), "utf-8"){other}'
    )


def _encoding(raw: bytes) -> str | None:
    marks = {codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32"}  # before UTF-16, whose mark one begins with
    marks |= {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
    candidates = [encoding for mark, encoding in marks.items() if raw.startswith(mark)]
    if b"\0" in raw:  # each newline brings one, and it stands on the side of the greater half
        little = raw[1::2].count(0) >= raw[0::2].count(0)
        candidates += ["utf-16-le", "utf-32-le"] if little else ["utf-16-be", "utf-32-be"]
    for encoding in [*candidates, "cp1252"]:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if text.strip() and "\0" not in text:
            return encoding
    return None


def book(file: Path) -> str:
    """A text file; of Project Gutenberg's what lies between its lines `*** START OF` and `*** END OF`.

    Raises:
        DataError: as `read_text`.
    """
    text = read_text(file)
    begin = re.search(r"^\*\*\* ?START OF.*$", text, re.MULTILINE)
    end = re.search(r"^(End of (the )?Project Gutenberg.*\n(.+\n)?\s*)?\*\*\* ?END OF", text, re.MULTILINE)
    if begin and end and begin.end() < end.start():
        text = text[begin.end() : end.start()].strip() + "\n"
    return text


def _windows(
    books: dict[str, str],
    split: str | None,
    n: int | None,
    seed: int,
    name: str,
    *,
    tokens: Tokens,
    vocabulary: int,
    context: int,
) -> Texts:
    """Windows of the parts of several texts, labelled by text where there is more than one."""
    cuts = {title: _tenths(text) for title, text in books.items()}
    made = tokenizer_of(tokens, vocabulary, [text[: cuts[title][0]] for title, text in books.items()], name)
    parts = []
    for label, (title, text) in enumerate(books.items()):
        val, test = cuts[title]
        part = {"train": text[:val], "val": text[val:test], "test": text[test:], None: text}[split]
        if not part:
            raise DataError(
                f"{title!r} has {len(text)} characters, too few for a part {split!r}; expected a longer text"
            )
        parts.append((label, part))
    return _cut(parts, tuple(books) if len(books) > 1 else (), made, context, n, seed, name)


def _tenths(text: str) -> tuple[int, int]:
    """Where val and test begin: after 8 and 9 tenths, moved on to where a word ends."""
    val, test = (re.compile(r"\s|$").search(text, len(text) * tenth // 10) for tenth in (8, 9))
    assert val is not None
    assert test is not None  # at the latest at the end
    return val.start(), test.start()


def _cut(
    parts: Sequence[tuple[int, str]],
    classes: tuple[str, ...],
    made: Tokenizer,
    context: int,
    n: int | None,
    seed: int,
    name: str,
) -> Texts:
    """(label, text) → rows of `context` numbers, of which n are drawn."""
    _check_context(context)
    rows, labels = [], []
    for label, text in parts:
        (row,) = made.numbers([text])
        windows = F.pad(row, (0, -len(row) % context), value=PAD).view(-1, context)
        rows.append(windows)
        labels += [label] * len(windows)
    x = torch.cat(rows)
    chosen = draw(len(x), n, seed, name)
    y = torch.tensor(labels)[chosen] if classes else None
    return Texts(x[chosen], y, classes, name=name.split(" (")[0], vocabulary=made.vocabulary, tokenizer=made)


def _sentences(
    parts: dict[str, list[tuple[int, str]]],
    classes: tuple[str, ...],
    split: str,
    n: int | None,
    seed: int,
    name: str,
    *,
    tokens: Tokens,
    vocabulary: int,
    context: int,
) -> Texts:
    """(label, text) of each split → a row each of `context` numbers; the tokenizer learns from the training part."""
    made = tokenizer_of(tokens, vocabulary, [text for _, text in parts["train"]], name)
    _check_context(context)
    rows = made.numbers([text for _, text in parts[split]])
    x = torch.stack([F.pad(row[:context], (0, max(0, context - len(row))), value=PAD) for row in rows])
    y = torch.tensor([label for label, _ in parts[split]])
    chosen = draw(len(y), n, seed, f"{name} ({split})")
    return Texts(x[chosen], y[chosen], classes, name=name, vocabulary=made.vocabulary, tokenizer=made)


def _by_hash(lines: Sequence[tuple[int, str]]) -> dict[str, list[tuple[int, str]]]:
    """(label, text) → the split of each, which depends on its own words alone."""
    parts: dict[str, list[tuple[int, str]]] = {split: [] for split in SPLITS}
    for label, text in lines:
        parts[{8: "val", 9: "test"}.get(_tenth(text), "train")].append((label, text))
    return parts


def _tenth(text: str) -> int:
    """A number from 0 to 9 that looks random and is the same for texts of the same words."""
    return int.from_bytes(hashlib.sha256(_plain(text).encode()).digest()[:8], "big") % 10


def _plain(text: str) -> str:
    """The words of a text, so that two that differ in capitals and spaces alone are the same."""
    return " ".join(text.casefold().split())


def tokenizer_of(tokens: Tokens, vocabulary: int, texts: Sequence[str], name: str) -> Tokenizer:
    """The tokenizer that a dial asks for. Byte pairs are kept in the cache by what they were learnt from."""
    if isinstance(tokens, Tokenizer):
        return tokens
    if tokens == "characters":
        return Tokenizer.characters(texts)
    if tokens != "bpe":
        raise ValueError(f'tokens is {tokens!r}; expected "characters", "bpe" or a Tokenizer, such as data.tokenizer')
    learnt = hashlib.sha256(f"{tokenizers.__version__} {vocabulary}".encode())
    for text in texts:
        learnt.update(hashlib.sha256(text.encode()).digest())
    plain = re.sub(r"[^\w.-]", "_", name)
    kept = cache_folder() / "tokenizers" / f"{plain}-{learnt.hexdigest()[:16]}.json"
    if os.path.isfile(kept):
        try:
            return Tokenizer.load(kept)
        except DataError:
            pass  # it is made anew below
    made = Tokenizer.byte_pairs(texts, vocabulary)
    try:
        made.save(kept)
    except OSError as error:
        not_kept("what the tokenizer learnt", error.strerror or error)
    return made


def _labelled(file: Path) -> list[tuple[int, str]]:
    """(label, text) of each line "1 a fine film"."""
    pairs = []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        label, _, text = line.partition(" ")
        if label not in ("0", "1") or not text.strip():
            raise DataError(f"{file}, line {number}, is {line[:40]!r}; expected 0 or 1 and a sentence")
        pairs.append((int(label), text.strip()))
    return pairs


def _western_lines(file: Path) -> list[str]:
    """The lines of a file in Windows' Western alphabet, in which old data sets were written: cp1252.

    Raises:
        DataError: it cannot be read, has bytes that are no letters there, or a line without a word.
    """
    return [line for _, _, line in _numbered(file)]


def _numbered(file: Path) -> list[tuple[Path, int, str]]:
    """Each line of `_western_lines` with where it stands: (file, number, line)."""
    named = printable(file)
    try:
        text = file.read_bytes().decode("cp1252")
    except OSError as error:
        raise DataError(f"{named} cannot be read ({error.strerror}); expected a text file") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{named} holds the byte 0x{error.object[error.start]:02x} at position {error.start}, which is no letter "
            "of Windows' Western alphabet (cp1252); expected the file as its authors gave it"
        ) from error
    lines = [line.strip() for line in text.rstrip().split("\n")]
    for number, line in enumerate(lines, 1):
        if not line:
            raise DataError(f"{named}, line {number}, is empty; expected a text in each line")
    return [(file, number, line) for number, line in enumerate(lines, 1)]


def _trec_line(file: Path, number: int, line: str) -> tuple[int, str]:
    """(label, question) of "LOC:city What city … ?"."""
    kind, _, question = line.partition(" ")
    coarse = kind.partition(":")[0]
    if coarse not in TREC_KINDS or ":" not in kind or not question.strip():
        raise DataError(
            f"{file}, line {number}, is {line[:40]!r}; expected a kind and a question, such as LOC:city What …: the "
            f"kinds are {', '.join(TREC_KINDS)}"
        )
    return list(TREC_KINDS).index(coarse), question.strip()


def _docstrings(file: Path) -> list[str]:
    tree = ast.parse(file.read_bytes())
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    said = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, kinds))
    return [text for text in said if text]


def _check_context(context: int) -> None:
    if context < 2:
        raise ValueError(f"context is {context}; expected at least 2 numbers in a row")
