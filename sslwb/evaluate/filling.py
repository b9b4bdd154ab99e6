"""What a language model makes of a text: the word behind [MASK], how it goes on, and one embedding for all of it.

Ours or one of `transformers`, by the same functions; no word of a sentence ever leaves this machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from sslwb.core import MASK, SEP, typed, usual
from sslwb.data import DataError, Texts, Tokenizer
from sslwb.data.tokenizing import SPECIAL
from sslwb.data.worlds.tales import Tales
from sslwb.evaluate.embedding import evaluating

SIGN = "[MASK]"  # what a learner types, whatever the model calls it
FEWEST = ("config.json", "model.safetensors", "tokenizer.json")


@typed
@usual()
def fill_mask(model: Any, tokenizer: Any, sentence: str, k: int = 8) -> list[tuple[str, float]]:
    """The k likeliest words behind the one [MASK] of a sentence, (word, probability), the likeliest first.

    Args:
        model: our `BERT`, or a masked language model of `transformers`, left in its own mode; or the world of `Tales`,
            which knows the true probabilities of a story's words, or of those of a story's beginning.
        tokenizer: the one that its words come from: a `Tokenizer`, or that of `transformers`.
        sentence: with one [MASK], or the model's own sign.
        k: how many words; at most as many as there are.

    Raises:
        ValueError: no [MASK] or several, k < 1, a word outside the vocabulary, more words than the model reads, or
            words that the world never says.
    """
    if k < 1:
        raise ValueError(f"k is {k}; expected at least 1 word")
    _check_typed("sentence", sentence)
    ours = isinstance(tokenizer, Tokenizer)
    mask = SPECIAL[MASK] if ours else tokenizer.mask_token
    sentence = sentence.replace(SIGN, mask)
    if sentence.count(mask) != 1:
        count = sentence.count(mask)
        raise ValueError(
            f"sentence hides {count or 'no'} word{'s' if count != 1 else ''}; expected one {SIGN}, such as "
            + ("each hidden word by itself, the others written out" if count else "'they went to the [MASK].'")
        )
    if isinstance(model, Tales):
        x = tokenizer.encode(sentence)
        p = model.masked_token(x, x == MASK)[0]
    else:
        with evaluating(model):
            p = (_ours if ours else _theirs)(model, tokenizer, sentence, next(model.parameters()).device)
    best = p.float().cpu().topk(min(k, len(p)))
    said = [tokenizer.vocabulary[i] if ours else str(tokenizer.decode([i])) for i in best.indices.tolist()]
    return [(word.strip() or repr(word), value) for word, value in zip(said, best.values.tolist(), strict=True)]


def pretrained(name: str | os.PathLike[str] = "bert-base-uncased", *, says_words: bool = True) -> tuple[Any, Any]:
    """A masked language model of `transformers` and its tokenizer from this machine; nothing is ever fetched.

    Args:
        name: a folder that `save_pretrained` wrote, or a name that the library's own cache holds.
        says_words: with the layer that says words; False: the encoder alone, for `embedder`.

    Raises:
        DataError: the package or the files are not here (the message says how to bring them).
    """
    try:
        from transformers import (
            AutoModel,
            AutoModelForMaskedLM,
            AutoTokenizer,
        )  # takes seconds, and lessons run without it
    except ImportError as error:
        raise DataError("the package transformers is not installed: pip install transformers") from error
    try:
        model = (AutoModelForMaskedLM if says_words else AutoModel).from_pretrained(name, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError) as error:
        raise DataError(
            f"{str(name)!r} is not on this machine, or not a masked language model. Bring its {', '.join(FEWEST)} "
            f"into a folder and give that folder as name ({str(error).splitlines()[0]})"
        ) from error
    return model.eval(), tokenizer


def reader(encoder: Any, tokenizer: Tokenizer) -> Callable[[str], tuple[list[str], Tensor]]:
    """Where the words of a sentence look: what `widgets.attention` asks for.

    Args:
        encoder: one of `nets.bert` or `nets.gpt`.
        tokenizer: the one that its words come from; [MASK] may stand in the sentence.

    Returns:
        sentence → its L words, and the attention (layers, heads, L, L). Raises ValueError as `encode` and `features`.
    """

    @usual()
    def read(sentence: str) -> tuple[list[str], Tensor]:
        _check_typed("sentence", sentence)
        tokens = tokenizer.encode(sentence.replace(SIGN, SPECIAL[MASK])).to(next(encoder.parameters()).device)
        with evaluating(encoder):
            looks = torch.cat([encoder.attention(tokens, layer) for layer in range(len(encoder.blocks))])
        return [tokenizer.vocabulary[i] for i in tokens[0].tolist()], looks.float().cpu()

    return read


@typed
def writer(model: Any, tokenizer: Tokenizer, length: int = 64, begin: bool = True) -> Callable[..., Iterator[str]]:
    """How our `GPT` goes on with a text, piece by piece: what `widgets.sampler` asks for.

    Args:
        model: a `GPT`.
        tokenizer: the one that its words come from.
        length: how many words at most; it ends earlier where the model says that the text is over.
        begin: whether a prompt is the beginning of a text, as in the tales; False for a running text.

    Returns:
        (prompt, temperature, top_k, top_p, seed) → the pieces that follow. Raises ValueError as `encode` and `generate`
        do, and where a running text is to begin with nothing.
    """

    def write(
        prompt: str, *, temperature: float = 1.0, top_k: int | None = None, top_p: float = 1.0, seed: int = 0
    ) -> Iterator[str]:
        _check_typed("prompt", prompt)
        start = tokenizer.encode(prompt) if prompt else torch.empty(1, 0, dtype=torch.int64)
        if begin:
            start = torch.cat((torch.full((1, 1), SEP), start), 1)
        if not start.shape[1]:
            raise ValueError("prompt is empty; expected how the text begins")
        tokens = start.to(next(model.parameters()).device)
        said = _said(tokenizer, tokens)
        for step in range(length):
            with evaluating(model):  # another seed for each word, so that no generator outlives a step
                tokens = model.generate(
                    tokens, 1, temperature=temperature, top_k=top_k, top_p=top_p, seed=seed * 100_003 + step
                )
            if begin and int(tokens[0, -1]) == SEP:
                return
            now = _said(tokenizer, tokens)
            if now != said and not now.endswith("\ufffd"):  # a character of several bytes is not whole yet
                yield now[len(said) :]
                said = now

    return write


@typed
def embedder(model: Any, tokenizer: Any, batch: int = 64) -> Callable[[Texts], Tensor]:
    """Embeddings of our texts by a model of `transformers`, the mean over the pieces of each.

    Args:
        model: what `pretrained(…, says_words=False)` gives, or another model of `transformers` that reads both ways.
        tokenizer: the one of `transformers` that its pieces come from; it reads our texts as lines.
        batch: texts at a time. What is longer than the model reads is cut off.

    Returns:
        texts → float32 (N, dim) on the CPU.
    """
    body = getattr(model, "base_model", model)
    longest = min(tokenizer.model_max_length, model.config.max_position_embeddings)

    def embedded(texts: Texts) -> Tensor:
        lines, z = texts.lines(), []
        for first in range(0, len(lines), batch):
            how = {"padding": True, "truncation": True, "max_length": longest, "return_tensors": "pt"}
            read = tokenizer(lines[first : first + batch], **how).to(model.device)
            with evaluating(body), torch.no_grad():
                h = body(**read).last_hidden_state.float()
            there = read["attention_mask"][:, :, None]
            z.append(((h * there).sum(1) / there.sum(1)).cpu())
        return torch.cat(z)

    return embedded


def _check_typed(name: str, text: Any) -> None:
    if not isinstance(text, str):
        raise TypeError(f"{name} is {type(text).__name__}; expected a str")


def _said(tokenizer: Tokenizer, tokens: Tensor) -> str:
    return tokenizer.decode(tokens[tokens != SEP])[0] if (tokens != SEP).any() else ""


def _ours(model: Any, tokenizer: Tokenizer, sentence: str, device: torch.device) -> Tensor:
    probabilities: Tensor = model.fill(tokenizer.encode(sentence).to(device))
    return probabilities[0]


def _theirs(model: Any, tokenizer: Any, sentence: str, device: torch.device) -> Tensor:
    batch = tokenizer(sentence, return_tensors="pt")
    ids = batch["input_ids"][0]
    longest = min(tokenizer.model_max_length, model.config.max_position_embeddings)
    if len(ids) > longest:
        raise ValueError(f"sentence has {len(ids)} pieces; expected at most {longest}, as many as this model reads")
    if tokenizer.unk_token_id is not None and (ids == tokenizer.unk_token_id).any():
        known = tokenizer.convert_ids_to_tokens(ids.tolist())
        raise ValueError(f"sentence has a word outside the vocabulary of this model; it reads {' '.join(known)!r}")
    logits: Tensor = model(**batch.to(device)).logits[0]
    return logits[ids.to(device) == tokenizer.mask_token_id][0].softmax(-1)
