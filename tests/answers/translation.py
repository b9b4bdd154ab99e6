"""Lesson 23: what an encoder reads of texts with hidden spans."""

import torch
import torch.nn.functional as F

from . import right, wrong


def padded(rows, length):
    return torch.stack([F.pad(torch.as_tensor(row, dtype=torch.int64), (0, length - len(row))) for row in rows])


@right("span_corruption")
def _(x, hidden):
    rows = []
    for words, gone in zip(x, hidden, strict=True):
        row = []
        inside = False
        for word, hides in zip(words.tolist(), gone.tolist(), strict=True):
            if word == 0:
                break
            if not hides:
                row.append(word)
            elif not inside:
                row.append(1)
            inside = hides
        rows.append(row)
    return padded(rows, x.shape[1])


@right("span_corruption")
def _(x, hidden):
    hidden = hidden & (x != 0)
    follows = torch.zeros_like(hidden)
    follows[:, 1:] = hidden[:, 1:] & hidden[:, :-1]
    masked = torch.where(hidden, 1, x)
    return padded([row[~gone & (row != 0)] for row, gone in zip(masked, follows, strict=True)], x.shape[1])


@right("span_corruption")
def _(x, hidden):
    hidden = hidden & (x > 0)
    opens = hidden & ~F.pad(hidden, (1, 0))[:, :-1]
    keep = (x > 0) & (opens | ~hidden)
    order = torch.argsort(~keep, dim=1, stable=True)
    return torch.where(keep, torch.where(opens, 1, x), 0).gather(1, order)


@wrong("span_corruption", "of its own")
def _(x, hidden):
    return torch.where(hidden & (x != 0), 1, x)


@wrong("span_corruption", "nothing says where")
def _(x, hidden):
    return padded([row[(row != 0) & ~gone] for row, gone in zip(x, hidden, strict=True)], x.shape[1])


@wrong("span_corruption", "Equal words|drawn together")
def _(x, hidden):
    masked = torch.where(hidden & (x != 0), 1, x)
    rows = [torch.unique_consecutive(row) for row in masked]
    return padded(rows, x.shape[1])


@wrong("span_corruption", "last one of the text|roll")
def _(x, hidden):
    hidden = hidden & (x != 0)
    drop = hidden & torch.roll(hidden, 1, dims=1)
    masked = torch.where(hidden, 1, x)
    return padded([row[~gone & (row != 0)] for row, gone in zip(masked, drop, strict=True)], x.shape[1])


@wrong("span_corruption", "Padding is hidden too", "padding")
def _(x, hidden):
    opens = hidden & ~F.pad(hidden, (1, 0))[:, :-1]
    masked = torch.where(hidden, 1, x)
    keep = opens | ~hidden
    return padded([row[k & (row != 0)] for row, k in zip(masked, keep, strict=True)], x.shape[1])


@wrong("span_corruption", "to be seen")
def _(x, hidden):
    seen = ~hidden & (x != 0)
    opens = seen & ~F.pad(seen, (1, 0))[:, :-1]
    masked = torch.where(seen, 1, x)
    return padded([row[(o | ~s) & (row != 0)] for row, o, s in zip(masked, opens, seen, strict=True)], x.shape[1])


@wrong("span_corruption", "move up", "padding")
def _(x, hidden):
    hidden = hidden & (x != 0)
    out = x.clone()
    for i in range(len(x)):
        for j in range(x.shape[1]):
            if hidden[i, j]:
                out[i, j] = 0 if j and hidden[i, j - 1] else 1
    return out


@wrong("span_corruption", "flattened|by itself", "<mask>")
def _(x, hidden):
    flat, gone = x.flatten().tolist(), (hidden & (x != 0)).flatten().tolist()
    rows, row = [], []
    for i, word in enumerate(flat):
        if word and not gone[i]:
            row.append(word)
        elif word and not (i and gone[i - 1]):
            row.append(1)
        if (i + 1) % x.shape[1] == 0:
            rows.append(row)
            row = []
    return padded(rows, x.shape[1])


@wrong("span_corruption", "padding fills", "shape")
def _(x, hidden):
    hidden = hidden & (x != 0)
    opens = hidden & ~F.pad(hidden, (1, 0))[:, :-1]
    masked = torch.where(hidden, 1, x)
    rows = [row[(o | ~h) & (row != 0)] for row, o, h in zip(masked, opens, hidden, strict=True)]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)


@wrong("span_corruption", "list|stack|tensor")
def _(x, hidden):
    hidden = hidden & (x != 0)
    opens = hidden & ~F.pad(hidden, (1, 0))[:, :-1]
    masked = torch.where(hidden, 1, x)
    return [row[(o | ~h) & (row != 0)] for row, o, h in zip(masked, opens, hidden, strict=True)]


@wrong("span_corruption", "overwrites")
def _(x, hidden):
    hidden = hidden & (x != 0)
    opens = hidden & ~F.pad(hidden, (1, 0))[:, :-1]
    x[hidden] = 1
    keep = (x != 0) & (opens | ~hidden)
    return padded([row[k] for row, k in zip(x, keep, strict=True)], x.shape[1])
