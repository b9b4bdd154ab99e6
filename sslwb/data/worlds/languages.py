"""Other languages of the tales: what is said is the same, words and grammar are not, and what aligns them is known.

"mirror" says each sentence backwards, word for word. "verb-last" puts verbs at the end of the sentence and adjectives
behind their noun, and a verb of the past takes two words: the verb, and a word that says "past". So one language asks
a translator for another order, the other for an order that hangs on what the words are, and for words that become two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb.core import PAD, typed, whole
from sslwb.data.containers import Pairs, Texts
from sslwb.data.tokenizing import SPECIAL, Tokenizer
from sslwb.data.worlds.tales import NUMBER, TOPICS, VOCABULARY

KEPT = (*SPECIAL, ".", ",")  # these are the same in all languages
PAST = (
    *("asked", "began", "called", "dreamed", "felt", "found", "had", "left", "made", "met", "said", "saw", "showed"),
    *("talked", "took", "wanted", "was", "went"),
)
VERBS = (*PAST, "will", *(verb for _, _, verbs in TOPICS.values() for verb in verbs))
ADJECTIVES = ("brave", "kind", "new", "round", "small")


def _words(syllables: Sequence[str], count: int) -> list[str]:
    """Words of two syllables: 45 and 14² have no common divisor, so no two of them are one."""
    return [syllables[45 * i % 196 // 14] + syllables[45 * i % 14] for i in range(count)]


def _meanings(syllables: Sequence[str], *more: str) -> dict[str, str]:
    """{word of a language: what it means here}, in the order of the words here."""
    meant = (*VOCABULARY, *more)
    words = _words(syllables, len(meant))
    return {here if here in KEPT else there: here for here, there in zip(meant, words, strict=True)}


# The other language: two syllables a word.
SYLLABLES = ("ba", "ko", "mi", "su", "ta", "lo", "na", "ri", "fe", "du", "pa", "gi", "vo", "ze")
MEANINGS = _meanings(SYLLABLES)
OTHER_VOCABULARY = SPECIAL + tuple(sorted(MEANINGS.keys() - set(SPECIAL)))
DICTIONARY = torch.tensor(
    [OTHER_VOCABULARY.index(word) for word in MEANINGS], device="cpu"
)  # number here → number there
OTHER_TOKENIZER = Tokenizer.words(OTHER_VOCABULARY)

# The second one: syllables that begin with a vowel, so no word of it is a word of the first; the last word says "past".
VOWELS = ("ab", "ek", "im", "os", "ut", "al", "en", "ir", "of", "ud", "ap", "eg", "iv", "oz")
SAYS_PAST = "<past>"  # what it means here: nothing that is a word of its own
LAST_MEANINGS = _meanings(VOWELS, SAYS_PAST)
LAST_VOCABULARY = SPECIAL + tuple(sorted(LAST_MEANINGS.keys() - set(SPECIAL)))
LAST_TOKENIZER = Tokenizer.words(LAST_VOCABULARY)
LAST_DICTIONARY = torch.tensor([LAST_VOCABULARY.index(word) for word in LAST_MEANINGS], device="cpu")

LANGUAGES = ("tales", "mirror", "verb-last")
# One list of words for all languages, so that one net reads and writes them all.
ALL_WORDS = SPECIAL + tuple(sorted({*VOCABULARY, *OTHER_VOCABULARY, *LAST_VOCABULARY} - set(SPECIAL)))
ALL_TOKENIZER = Tokenizer.words(ALL_WORDS)


def other_language(data: Texts, language: str = "mirror") -> Texts:
    """The same stories in another language, parallel to the first: labels, causes, starts and answers stay known.

    "mirror": word for word another vocabulary, and each sentence said backwards; full stops stay where they are.
    `OTHER_VOCABULARY[DICTIONARY[i]]` says what word i means.
    "verb-last": a third vocabulary. Verbs stand behind all other words of their sentence, in their order; an adjective
    stands behind its noun; and a verb of the past is two words, itself and one that says "past".

    Which word translates which says `aligned`.

    Raises:
        ValueError: data does not hold tales, or there is no such language.
    """
    source, past = _order(data, language)
    x = data.x.cpu()
    mirror = language == "mirror"
    vocabulary, dictionary = (OTHER_VOCABULARY, DICTIONARY) if mirror else (LAST_VOCABULARY, LAST_DICTIONARY)
    said = torch.where(past, dictionary[-1], dictionary[x].gather(1, source.clamp_min(0)))
    said = torch.where(source < 0, PAD, said)
    later = F.pad(_PAST[x].long().cumsum(1), (1, 0))[:, :-1]  # words that the past has added before each place
    starts, answers = data.starts, data.answers
    if starts is not None and not mirror:
        starts = torch.where(starts < 0, -1, starts + later.to(starts.device).gather(1, starts.clamp_min(0)))
    if answers is not None:
        # where each word stands there: a verb of the past where the first of its two words does
        place = torch.arange(source.shape[1]).expand_as(source)
        stands = torch.full((len(x), x.shape[1] + 1), source.shape[1])
        stands.scatter_reduce_(1, torch.where(source < 0, x.shape[1], source), place, "amin")
        answers = torch.where(answers < 0, -1, stands.to(answers.device).gather(1, answers.clamp_min(0)))
    return replace(
        data,
        x=said.to(data.x.device),
        vocabulary=vocabulary,
        tokenizer=OTHER_TOKENIZER if mirror else LAST_TOKENIZER,
        starts=starts,
        answers=answers,
        name="tales in the other language" if mirror else "tales in the verb-last language",
    )


def aligned(data: Texts, language: str = "mirror") -> Tensor:
    """Which word of `data` each word of `other_language(data, language)` translates: int64 (N, L), -1 at padding.

    A word that says "past" translates the verb before it.

    Raises:
        ValueError: as `other_language`.
    """
    return _order(data, language)[0].to(data.x.device)


def numbered(data: Texts) -> Texts:
    """The same texts of one language in the numbers of `ALL_WORDS`, which all languages share.

    Raises:
        ValueError: data is in none of the languages of the tales.
    """
    if data.vocabulary == ALL_WORDS:
        return data
    if data.vocabulary not in (VOCABULARY, OTHER_VOCABULARY, LAST_VOCABULARY):
        raise ValueError(f"{data.name or 'data'} has another vocabulary; expected tales, in any of their languages")
    of_all = torch.tensor([_NUMBER_OF_ALL[word] for word in data.vocabulary], device=data.x.device)
    return replace(data, x=of_all[data.x], vocabulary=ALL_WORDS, tokenizer=ALL_TOKENIZER)


@typed
def parallel(data: Texts, language: str = "mirror", most: int | None = None) -> Pairs:
    """Tales and their translation, row for row, both in the numbers of `ALL_WORDS`: `Pairs` of `Texts`.

    Args:
        data: tales as `make_tales` gives them, or their sentences: `data.pairs.sentences`.
        language: of the translation, "mirror" or "verb-last".
        most: words; a pair of which one side has more is left out, and rows are that wide. None: all, as they are.

    Raises:
        ValueError: as `other_language`; most < 1, or no pair is that short.
    """
    one, other = numbered(data), numbered(other_language(data, language))
    if most is not None:
        whole("most", most, least=1)
        short = (one.lengths <= most) & (other.lengths <= most)
        if not short.any():
            raise ValueError(
                f"most is {most}, and every pair has a side of more words; expected "
                f"{int(torch.maximum(one.lengths, other.lengths).min())} or more"
            )
        one, other = (_cut(side[short], most) for side in (one, other))
    return Pairs(one, other)


def in_turns(data: Texts, languages: Sequence[str] = LANGUAGES) -> Texts:
    """Each text in one language, the languages in turns, all in the numbers of `ALL_WORDS`: texts that nobody paired.

    What a net is trained on before it sees a translation: no text is there in two languages.

    Args:
        data: tales as `make_tales` gives them, or their sentences.
        languages: of "tales", "mirror", "verb-last".

    Raises:
        ValueError: as `other_language`, or no language.
    """
    if isinstance(languages, str) or not languages:
        raise ValueError(f"languages is {languages!r}; expected some of {', '.join(map(repr, LANGUAGES))}")
    said = [numbered(data if name == "tales" else other_language(data, name)) for name in languages]
    width = max(side.x.shape[1] for side in said)
    x = torch.stack([F.pad(side.x, (0, width - side.x.shape[1])) for side in said])
    row = torch.arange(len(data), device=x.device)
    turns = row % len(said)
    language = {"language": turns.clone()} if len(said) > 1 else {}
    return replace(
        data,
        x=x[turns, row],
        factors={**data.factors, **language},
        levels={**data.levels, **({"language": tuple(languages)} if language else {})},
        vocabulary=ALL_WORDS,
        tokenizer=ALL_TOKENIZER,
        starts=None,
        answers=None,
        name=f"tales in {', '.join(languages)}",
    )


def _order(data: Texts, language: str) -> tuple[Tensor, Tensor]:
    """For each word there the place that it translates, int64 (N, W), -1 at padding; and whether it says "past"."""
    if data.vocabulary != VOCABULARY:
        raise ValueError(f"{data.name or 'data'} has another vocabulary; expected the tales as `make_tales` gives them")
    if language not in LANGUAGES[1:]:
        raise ValueError(f"language is {language!r}; expected {' or '.join(map(repr, LANGUAGES[1:]))}")
    x, place = data.x.cpu(), torch.arange(data.x.shape[1])
    stop, word = x == NUMBER["."], x != PAD
    if language == "mirror":
        begin = F.pad(torch.where(stop, place + 1, 0)[:, :-1], (1, 0)).cummax(1).values
        end = torch.where(stop, place, len(place)).flip(1).cummin(1).values.flip(1)
        source = torch.where(stop, place, begin + end - 1 - place)
        return torch.where(word, source, -1), torch.zeros_like(word)
    # Each place may give two words, the second one behind the first; they are sorted by sentence, then verbs behind
    # others and the stop behind those, then by place, where an adjective is moved behind the word that follows it.
    verb, past = _VERB[x], _PAST[x]
    sentence = F.pad(stop.long().cumsum(1), (1, 0))[:, :-1]
    block = 3 * sentence + torch.where(stop, 2, verb.long())
    within = 2 * place + 3 * _ADJECTIVE[x].long()
    wide = 2 * len(place) + 4
    key = block * wide + within
    never = wide * (3 * len(place) + 3)
    keys = torch.cat((torch.where(word, key, never), torch.where(past, key + 1, never)), 1)
    count = int((word.sum(1) + past.sum(1)).max()) if len(x) else 0
    width = max(len(place) + len(place) // 4 + 1, count)  # one verb of the past in four words at most, in the tales
    sorted_keys, order = keys.sort(1)
    sorted_keys, order = (F.pad(t, (0, max(0, width - t.shape[1])), value=never) for t in (sorted_keys, order))
    there, order = sorted_keys[:, :width] < never, order[:, :width]
    return torch.where(there, order % len(place), -1), there & (order >= len(place))


def _cut(data: Texts, most: int) -> Texts:
    """Rows of `most` places, where no text is longer."""
    return replace(data, x=F.pad(data.x, (0, max(0, most - data.x.shape[1])))[:, :most].contiguous())


def _are(words: Sequence[str]) -> Tensor:
    """bool (V,): which words of the tales are these."""
    return torch.tensor([word in words for word in VOCABULARY], device="cpu")


_VERB, _PAST, _ADJECTIVE = _are(VERBS), _are(PAST), _are(ADJECTIVES)
_NUMBER_OF_ALL = {word: i for i, word in enumerate(ALL_WORDS)}
