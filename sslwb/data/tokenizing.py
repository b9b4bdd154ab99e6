"""Words as numbers: characters, byte pairs or whole words, by Hugging Face's `tokenizers`.

Whatever the pieces are, the first numbers mean the same: 0 is padding, 1 hides a word, 2 begins and divides texts.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers import Tokenizer as Backend
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from sslwb.core import MASK, PAD, SEP, as_labels, place, whole, written_whole
from sslwb.data.store import DataError

SPECIAL = ("<pad>", "<mask>", "<sep>")
UNKNOWN = "<unk>"  # a character that the training text did not have; the last of all in a tokenizer of words
# What cuts a text into pieces tells the three kinds apart, in a file too.
PIECE = 1000  # characters that are read at a time
AT_ONCE = 500  # pieces that are encoded together: what comes back takes a hundred times the memory of the numbers
BETWEEN = re.compile(r"(?<=\S)(?=[ \n])|(?=\n\S)")  # where a word ends or a line begins: no byte pair reaches over it
KINDS = {"Split": "characters", "ByteLevel": "bpe", "BertPreTokenizer": "words"}


class Tokenizer:
    """Text → numbers and back. Made by `characters`, `byte_pairs`, `words` or `load`.

    Attributes:
        kind: "characters", "bpe" or "words".
        vocabulary: what each number stands for, to read; a byte pair that is no whole character stands in ⟨ ⟩.
    """

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.backend.encode_special_tokens = True  # a text that says "<pad>" says five characters
        self.kind = KINDS[type(backend.pre_tokenizer).__name__]
        pieces = [piece for piece, _ in sorted(backend.get_vocab().items(), key=lambda item: item[1])]
        if self.kind == "bpe":
            pieces = [*SPECIAL, *map(_readable, pieces[len(SPECIAL) :])]
        self.vocabulary = tuple(pieces[:-1] if self.kind == "words" else pieces)

    @classmethod
    def characters(cls, texts: Iterable[str]) -> Tokenizer:
        """A number for every character of these texts, in the order of Unicode; any other becomes <unk>, number 3.

        Raises:
            ValueError: no character.
        """
        known = sorted(set().union(*texts))
        if not known:
            raise ValueError("texts holds no character; expected a text to learn from")
        made = Backend(models.WordLevel(_numbered([*SPECIAL, UNKNOWN, *known]), unk_token=UNKNOWN))
        made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        made.decoder = decoders.Fuse()
        made.add_special_tokens([AddedToken(word) for word in SPECIAL])
        return cls(made)

    @classmethod
    def byte_pairs(cls, texts: Iterable[str], vocabulary: int = 2000) -> Tokenizer:
        """Byte-pair encoding: frequent neighbours are joined until there are `vocabulary` pieces, or none to join.

        It begins with the 256 bytes, so every text can be written and comes back as it was. Of more than 1,000 letters
        in a row a pair does not reach over some places: to learn from them takes time in proportion.

        Raises:
            ValueError: vocabulary is too small, or there is no text.
        Source: Sennrich et al. 2016; over bytes: Radford et al. 2019 (GPT-2).
        """
        least = len(SPECIAL) + 256
        if vocabulary < least:
            raise ValueError(
                f"vocabulary is {vocabulary}; expected at least {least}: 256 bytes and {len(SPECIAL)} signs"
            )
        if not any(texts := list(texts)):
            raise ValueError("texts holds no character; expected a text to learn from")
        made = Backend(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        # A piece brings the space before it; so does what hides a piece.
        special = [AddedToken(word, lstrip=word == SPECIAL[MASK], special=True) for word in SPECIAL]
        made.train_from_iterator(
            (piece for text in texts for piece in _pieces(text)),
            trainers.BpeTrainer(
                vocab_size=vocabulary,
                special_tokens=special,
                show_progress=False,
                initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
            ),
        )
        return cls(made)

    @classmethod
    def words(cls, vocabulary: Sequence[str]) -> Tokenizer:
        """Whole words in lower case, punctuation apart; word i of the vocabulary has number i. No other can be encoded.

        Raises:
            ValueError: the vocabulary does not begin with the special words.
        """
        if tuple(vocabulary[: len(SPECIAL)]) != SPECIAL:
            raise ValueError(f"vocabulary begins with {vocabulary[:3]}; expected {SPECIAL}")
        made = Backend(models.WordLevel(_numbered([*vocabulary, UNKNOWN]), unk_token=UNKNOWN))
        made.normalizer = normalizers.Lowercase()
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        made.add_special_tokens([AddedToken(word) for word in SPECIAL])
        return cls(made)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Tokenizer:
        """What `save` wrote.

        Raises:
            DataError: no such file, damaged, or another tokenizer than the three of the course.
        """
        try:
            made = Backend.from_str(place(path).read_text(encoding="utf-8"))
        except OSError as error:
            raise DataError(f"path is {str(path)!r}: it cannot be read ({error.strerror})") from error
        except Exception as error:  # `tokenizers` raises Exception itself
            raise DataError(
                f"{path} is no tokenizer file, or it is damaged ({error}): delete it and train the tokenizer again"
            ) from error
        kind = type(made.pre_tokenizer).__name__
        first = tuple(made.id_to_token(i) for i in range(len(SPECIAL)))
        complete = {*range(made.get_vocab_size())} == {*made.get_vocab().values()}
        if kind not in KINDS or first != SPECIAL or not complete:
            raise DataError(
                f"{path} is not a tokenizer of this course: it cuts by {kind} and begins with {first}; expected one "
                f"that `Tokenizer.save` wrote, which begins with {SPECIAL}"
            )
        return cls(made)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write one JSON file, in the form of `tokenizers`; it is there completely or not at all."""
        with written_whole(place(path)) as file:
            file.write(self.backend.to_str(pretty=True).encode())

    def __len__(self) -> int:
        return len(self.vocabulary)

    def encode(self, texts: str | Sequence[str], length: int | None = None) -> Tensor:
        """Texts → int64 (N, L), each followed by padding; one text is one row.

        "<mask>", "<sep>" and "<pad>" in a text are the special words themselves, for this is how a sentence is typed.
        In the texts of a data set they are what they say: `numbers`.

        Args:
            texts: one or several.
            length: L; None takes the longest text's.

        Raises:
            TypeError: a text is not a str.
            ValueError: a text is empty or longer than `length`, or a tokenizer of words does not know a word.
        """
        length = None if length is None else whole("length", length, least=1)
        rows = self._numbers([texts] if isinstance(texts, str) else texts, self._signs)
        for i, row in enumerate(rows):
            if not len(row):
                raise ValueError(f"texts[{i}] is empty; expected at least one {self._piece}")
            if length is not None and len(row) > length:
                raise ValueError(
                    f"texts[{i}] has {len(row)} {self._piece}s, more than the length of {length}; shorten the text"
                )
        x = pad_sequence(rows, batch_first=True, padding_value=PAD)
        return x if length is None else F.pad(x, (0, length - x.shape[1]), value=PAD)

    def numbers(self, texts: Sequence[str]) -> list[Tensor]:
        """The numbers of each text, int64 (length of the text,), which may be none; every word is what it says.

        Raises:
            TypeError, ValueError: as `encode`, but for length.
        """
        return self._numbers(texts, lambda text: [text])

    def _signs(self, text: str) -> list[str | int]:
        """A text in parts, with the numbers of the signs between them."""
        before = r"\s*" if self.kind == "bpe" else ""  # a piece brings the space before it; so does what hides a piece
        parts = re.split(rf"{before}({SPECIAL[MASK]})|({SPECIAL[SEP]}|{SPECIAL[PAD]})", text)
        return [SPECIAL.index(part) if part in SPECIAL else part for part in parts if part]

    def _numbers(self, texts: Sequence[str], parts: Callable[[str], Sequence[str | int]]) -> list[Tensor]:
        if isinstance(texts, str) or not isinstance(texts, Sequence):
            raise TypeError(f"texts is {type(texts).__name__}; expected a list of str")
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise TypeError(f"texts[{i}] is {type(text).__name__}; expected a str")
        if not texts:
            raise ValueError("texts is empty; expected at least one text")
        # Where each piece stood is needed to name an unknown word, and takes half of the time.
        encode = self.backend.encode_batch if self.kind == "words" else self.backend.encode_batch_fast
        found: list[list[Tensor]] = [[torch.empty(0, dtype=torch.int64)] for _ in texts]
        pieces = (
            (i, piece)
            for i, text in enumerate(texts)
            for part in parts(text)
            for piece in (_pieces(part) if isinstance(part, str) else [part])
        )
        while some := list(itertools.islice(pieces, AT_ONCE)):
            encoded = iter(encode([piece for _, piece in some if isinstance(piece, str)], add_special_tokens=False))
            for i, piece in some:
                if isinstance(piece, int):
                    found[i].append(torch.tensor([piece]))
                    continue
                one = next(encoded)
                if self.kind == "words" and len(self) in one.ids:
                    begin, end = one.offsets[one.ids.index(len(self))]
                    raise ValueError(f"texts[{i}] says {piece[begin:end]!r}, {self._nearest(piece[begin:end])}")
                found[i].append(torch.tensor(one.ids, dtype=torch.int64))
        return [torch.cat(parts) for parts in found]

    def decode(self, x: Tensor) -> list[str]:
        """int64 (N, L), or one row (L,) → N texts; padding is left out, <mask> and <sep> are written.

        Raises:
            ValueError: a number without a word.
        """
        x = torch.atleast_2d(as_labels("x", x)).cpu()
        if x.numel() and (x.min() < 0 or x.max() >= len(self)):
            raise ValueError(f"x runs from {x.min()} to {x.max()}; expected word numbers from 0 to {len(self) - 1}")
        rows = [[number for number in row if number != PAD] for row in x.tolist()]
        texts = self.backend.decode_batch(rows, skip_special_tokens=False)
        return [re.sub(r" ([.,!?])", r"\1", text) for text in texts] if self.kind == "words" else texts

    @property
    def _piece(self) -> str:
        return {"characters": "character", "bpe": "byte pair", "words": "word"}[self.kind]

    def _nearest(self, word: str) -> str:
        near = difflib.get_close_matches(word.lower(), self.vocabulary[len(SPECIAL) :], n=3, cutoff=0.5)
        known = f"the nearest are {', '.join(near)}" if near else f"such as {', '.join(self.vocabulary[5:60:9])}"
        return f"which is none of the {len(self) - len(SPECIAL)} words known here; {known}"


def _pieces(text: str) -> Iterator[str]:
    """A text in pieces of one to two thousand characters, cut where no byte pair reaches over; in a row of letters
    without such a place, anywhere: pairs are learnt in a time that grows with the square of a word's length."""
    start = 0
    while start < len(text):
        cut = BETWEEN.search(text, start + PIECE, start + 2 * PIECE)
        end = cut.start() if cut else start + 2 * PIECE
        yield text[start:end]
        start = end


def _numbered(words: Sequence[str]) -> dict[str, int]:
    return {word: i for i, word in enumerate(words)}


def _readable(piece: str) -> str:
    """A byte-level piece as what it writes, where that is whole characters."""
    written = decoders.ByteLevel().decode([piece])
    return f"⟨{piece}⟩" if "\ufffd" in written else written
