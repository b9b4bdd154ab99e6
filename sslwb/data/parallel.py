"""The readers of translations: two files of which line i says the same → `Pairs` of `Texts`, one list of byte pairs."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path

import torch
from torch import Tensor

from sslwb.core import PAD, printable
from sslwb.data.containers import Pairs, Texts
from sslwb.data.readers import draw
from sslwb.data.store import DataError
from sslwb.data.text import Tokens, tokenizer_of
from sslwb.data.tokenizing import Tokenizer


def multi30k(
    folder: Path,
    split: str,
    n: int | None,
    seed: int,
    *,
    tokens: Tokens = "bpe",
    vocabulary: int = 4000,
    context: int = 64,
) -> Pairs:
    """English and German captions of photographs: a is English, b German; 29,000 for training, 1,014 val, 1,000 test.

    One tokenizer is made of both sides of the training part, so that one net reads and writes both. A pair of which one
    side takes more than `context` numbers is left out.

    Raises:
        DataError: a file that cannot be read, or two files with other numbers of lines, or a line without a word.
        ValueError: context below 2, or no pair that is so short.
    """
    parts = {"train": "train", "val": "val", "test": "test_2016_flickr"}
    learnt = [line for language in ("en", "de") for line in _lines(folder / f"train.{language}.gz")]
    made = tokenizer_of(tokens, vocabulary, learnt, "multi30k")
    if context < 2:
        raise ValueError(f"context is {context}; expected at least 2 numbers in a row")
    sides = {language: _lines(folder / f"{parts[split]}.{language}.gz") for language in ("en", "de")}
    if len(sides["en"]) != len(sides["de"]):
        raise DataError(
            f"{parts[split]} in {printable(folder)} has {len(sides['en'])} lines in English and {len(sides['de'])} in "
            "German; expected as many: sslwb data verify multi30k"
        )
    a, b = (made.numbers(lines) for lines in sides.values())
    short = torch.tensor([max(len(one), len(other)) <= context for one, other in zip(a, b, strict=True)])
    if not short.any():
        raise ValueError(f"context is {context}, and every pair has a side of more numbers; expected more, such as 64")
    kept = short.nonzero()[:, 0]
    rows = kept[draw(len(kept), n, seed, f"multi30k ({split})")]
    english, german = (_texts(side, rows, context, made, name) for side, name in ((a, "English"), (b, "German")))
    return Pairs(english, german)


def _texts(rows: list[Tensor], kept: Tensor, context: int, made: Tokenizer, language: str) -> Texts:
    """Some rows of numbers as texts of `context` places."""
    x = torch.full((len(kept), context), PAD)
    for i, row in enumerate(kept.tolist()):
        x[i, : len(rows[row])] = rows[row]
    return Texts(x, vocabulary=made.vocabulary, tokenizer=made, name=f"multi30k, {language}")


def _lines(file: Path) -> list[str]:
    """The lines of a text in UTF-8 that is packed with gzip, or lies beside that name unpacked."""
    plain = file.with_suffix("")
    there = file if file.is_file() else plain
    named = printable(there)
    try:
        raw = there.read_bytes()
        text = (gzip.decompress(raw) if there == file else raw).decode("utf-8")
    except OSError as error:
        raise DataError(f"{named} cannot be read ({error.strerror or error}): sslwb data verify multi30k") from error
    except (EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{named} is damaged ({error}): sslwb data verify multi30k") from error
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise DataError(f"{named}, line {number}, is empty; expected a caption in each line")
    return [line.strip() for line in lines]
