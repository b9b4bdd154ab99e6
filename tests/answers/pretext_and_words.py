"""Lessons 09 to 13: turns, patches, masks, hidden words and what a causal model may see."""

import math
import sys

import torch
import torch.nn.functional as F

from . import right, wrong

# turns and their labels


@right("rotation_batch")
def _(x):
    pictures = torch.cat([torch.rot90(x, k, dims=(-2, -1)) for k in range(4)], dim=0)
    return pictures, torch.tensor([k for k in range(4) for _ in range(len(x))])


@right("rotation_batch")
def _(x):
    quarter = x.transpose(2, 3).flip(2)
    half = x.flip(2).flip(3)
    return torch.cat((x, quarter, half, half.transpose(2, 3).flip(2))), torch.arange(4 * len(x)).div(
        len(x), rounding_mode="floor"
    )


@wrong("rotation_batch", "clockwise")
def _(x):
    pictures = torch.cat([torch.rot90(x, -k, dims=(-2, -1)) for k in range(4)], dim=0)
    return pictures, torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", "clockwise")
def _(x):
    pictures = torch.cat([torch.rot90(x, k, dims=(3, 2)) for k in range(4)], dim=0)
    return pictures, torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", "0, 1, 2, 3, 0|repeat_interleave")
def _(x):
    pictures = torch.cat([torch.rot90(x, k, dims=(-2, -1)) for k in range(4)], dim=0)
    return pictures, torch.arange(4).repeat(len(x))


@wrong("rotation_batch", "picture by picture")
def _(x):
    pictures = torch.stack([torch.rot90(x, k, dims=(-2, -1)) for k in range(4)], dim=1).flatten(0, 1)
    return pictures, torch.arange(4).repeat(len(x))


@wrong("rotation_batch", "torch.cat|stack")
def _(x):
    pictures = torch.stack([torch.rot90(x, k, dims=(-2, -1)) for k in range(4)])
    return pictures, torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", "int64|float|dtype")
def _(x):
    pictures = torch.cat([torch.rot90(x, k, dims=(-2, -1)) for k in range(4)])
    return pictures, torch.arange(4).repeat_interleave(len(x)) * 1.0


@wrong("rotation_batch", "degrees")
def _(x):
    pictures = torch.cat([torch.rot90(x, k, dims=(-2, -1)) for k in range(4)])
    return pictures, torch.tensor([0, 90, 180, 270]).repeat_interleave(len(x))


@wrong("rotation_batch", "mirror")
def _(x):
    pictures = torch.cat([x, x.flip(2), x.flip(3), x.flip(2).flip(3)])
    return pictures, torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", "Turn rows and columns", "in line")
def _(x):
    pictures = torch.cat([torch.rot90(x, k, dims=(1, 2)) for k in range(4)])
    return pictures, torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", "two tensors|return pictures, labels")
def _(x):
    pictures = torch.cat([torch.rot90(x, k, dims=(-2, -1)) for k in range(4)])
    return {"pictures": pictures, "labels": torch.arange(4).repeat_interleave(len(x))}


@wrong("rotation_batch", "exchanged|180|flip", "180|270|rows")
def _(x):
    quarter = x.transpose(2, 3).flip(2)
    return torch.cat([x, quarter, x.flip(2).flip(3), x.transpose(2, 3)]), torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", "No picture is turned|as they came")
def _(x):
    return torch.cat([x, x, x, x]), torch.arange(4).repeat_interleave(len(x))


@wrong("rotation_batch", "wrong for B|4B rows", "labels have shape")
def _(x):
    pictures = torch.cat([torch.rot90(x, k, dims=(-2, -1)) for k in range(4)])
    return pictures, torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])


@wrong("rotation_batch", "dtype|float64")
def _(x):
    pictures = torch.cat([torch.rot90(x.double(), k, dims=(-2, -1)) for k in range(4)])
    return pictures, torch.arange(4).repeat_interleave(len(x))


# patches


@right("patchify")
def _(x, patch):
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // patch, patch, w // patch, patch)
    return torch.einsum("bchpwq->bhwcpq", x).reshape(b, -1, c * patch**2)


@right("patchify")
def _(x, patch):
    tiles = x.unfold(2, patch, patch).unfold(3, patch, patch)  # (B, C, rows, columns, patch, patch)
    return tiles.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


@right("patchify")
def _(x, patch):
    rows = [strip.split(patch, dim=3) for strip in x.split(patch, dim=2)]
    return torch.stack([tile.flatten(1) for strip in rows for tile in strip], dim=1)


@wrong("patchify", "pixel by pixel|channel by channel|channel first")
def _(x, patch):
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // patch, patch, w // patch, patch)
    return torch.einsum("bchpwq->bhwpqc", x).reshape(b, -1, c * patch**2)


@wrong("patchify", "only reshaped")
def _(x, patch):
    return x.reshape(len(x), -1, x.shape[1] * patch * patch)


@wrong("patchify", "columns")
def _(x, patch):
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // patch, patch, w // patch, patch)
    return torch.einsum("bchpwq->bwhcpq", x).reshape(b, -1, c * patch**2)


@wrong("patchify", "last two axes|exchange|transpose")
def _(x, patch):
    return F.unfold(x, kernel_size=patch, stride=patch)


@wrong("patchify", "overlap|stride")
def _(x, patch):
    return F.unfold(x, kernel_size=patch).transpose(1, 2)


@wrong("patchify", "turned over|row comes first")
def _(x, patch):
    tiles = x.unfold(2, patch, patch).unfold(3, patch, patch)
    return tiles.permute(0, 2, 3, 1, 5, 4).flatten(3).flatten(1, 2)


@wrong("patchify", "wrong for patch|number in its place", "in line")
def _(x, patch):
    b, c, h, w = x.shape
    x = x.reshape(b, c, h // 2, 2, w // 2, 2)
    return torch.einsum("bchpwq->bhwcpq", x).reshape(b, -1, c * 4)


@wrong("patchify", "wrong for W|wrong for H", "in line")
def _(x, patch):
    n = x.shape[2] // patch
    x = x.reshape(len(x), x.shape[1], n, patch, n, patch)
    return torch.einsum("bchpwq->bhwcpq", x).reshape(len(x), n * n, -1)


@wrong("patchify", "channel")
def _(x, patch):
    tiles = x.unfold(2, patch, patch).unfold(3, patch, patch)
    return tiles.flatten(4).flatten(1, 3)


@wrong("patchify", "together|rows and columns")
def _(x, patch):
    tiles = x.unfold(2, patch, patch).unfold(3, patch, patch)
    return tiles.permute(0, 2, 3, 1, 4, 5).flatten(3)


@wrong("patchify", "across channels|mixed|other places|order", "order|channel")
def _(x, patch):
    tiles = x.unfold(2, patch, patch).unfold(3, patch, patch)
    return tiles.reshape(len(x), -1, x.shape[1] * patch * patch)


@wrong("patchify", "list")
def _(x, patch):
    rows = [strip.split(patch, dim=3) for strip in x.split(patch, dim=2)]
    return [tile.flatten(1) for strip in rows for tile in strip]


@wrong("patchify", "first|dim=1|axes")
def _(x, patch):
    rows = [strip.split(patch, dim=3) for strip in x.split(patch, dim=2)]
    return torch.stack([tile.flatten(1) for strip in rows for tile in strip])


@wrong("patchify", "wrong way round|far apart", "order")
def _(x, patch):
    b, c, h, w = x.shape
    x = x.reshape(b, c, patch, h // patch, patch, w // patch)
    return torch.einsum("bcphqw->bhwcpq", x).reshape(b, -1, c * patch**2)


# masks


@right("mask_sampling")
def _(noise, ratio):
    n = round(ratio * noise.shape[1])
    mask = torch.zeros_like(noise, dtype=torch.bool)
    for row, values in enumerate(noise):
        mask[row, values.argsort()[:n]] = True
    return mask


@right("mask_sampling")
def _(noise, ratio):
    n = round(ratio * noise.size(1))
    limit = noise.sort(dim=1).values[:, n - 1 : n]
    return noise <= limit


@right("mask_sampling")
def _(noise, ratio):
    ranks = (noise[:, :, None] > noise[:, None, :]).sum(2)
    return ranks < round(noise.shape[1] * ratio)


@wrong("mask_sampling", "rounded the count up|ceil")
def _(noise, ratio):
    ranks = noise.argsort(1).argsort(1)
    return ranks < math.ceil(ratio * noise.shape[1])


@wrong("mask_sampling", "cut the count off|round")
def _(noise, ratio):
    ranks = noise.argsort(1).argsort(1)
    return ranks < int(ratio * noise.shape[1])


@wrong("mask_sampling", "too few|<=", "largest noise that is to be hidden")
def _(noise, ratio):
    n = round(ratio * noise.size(1))
    limit = noise.sort(dim=1).values[:, n - 1 : n]
    return noise < limit


@wrong("mask_sampling", "too many|<", "smallest noise that is to stay")
def _(noise, ratio):
    ranks = noise.argsort(1).argsort(1)
    return ranks <= round(ratio * noise.shape[1])


@wrong("mask_sampling", "sort twice|rank")
def _(noise, ratio):
    return noise.argsort(dim=1) < round(ratio * noise.shape[1])


@wrong("mask_sampling", "bool|dtype")
def _(noise, ratio):
    ranks = noise.argsort(1).argsort(1)
    return (ranks < round(ratio * noise.shape[1])).float()


@wrong("mask_sampling", "bool|dtype")
def _(noise, ratio):
    mask = torch.zeros(noise.shape, dtype=torch.long)
    return mask.scatter(1, noise.argsort(1)[:, : round(ratio * noise.shape[1])], 1)


@wrong("mask_sampling", "stays visible|exchanged")
def _(noise, ratio):
    mask = torch.ones_like(noise, dtype=torch.bool)
    return mask.scatter(1, noise.argsort(1)[:, : round(ratio * noise.shape[1])], False)


@wrong("mask_sampling", "largest noise")
def _(noise, ratio):
    mask = torch.zeros_like(noise, dtype=torch.bool)
    return mask.scatter(1, noise.topk(round(ratio * noise.shape[1]), dim=1).indices, True)


@wrong("mask_sampling", "compared|count")
def _(noise, ratio):
    return noise < noise.quantile(ratio)


@wrong("mask_sampling", "numbers of the hidden|mask is asked")
def _(noise, ratio):
    return noise.topk(round(ratio * noise.shape[1]), dim=1, largest=False).indices


@wrong("mask_sampling", "global random|draw")
def _(noise, ratio):
    mask = torch.zeros_like(noise, dtype=torch.bool)
    for row in mask:
        row[torch.randperm(noise.shape[1])[: round(ratio * noise.shape[1])]] = True
    return mask


@wrong("mask_sampling", "one and the same|first row|all rows")
def _(noise, ratio):
    mask = torch.zeros_like(noise, dtype=torch.bool)
    mask[:, noise[0].argsort()[: round(ratio * noise.shape[1])]] = True
    return mask


@wrong("mask_sampling", "ratio is the hidden|1 - ratio")
def _(noise, ratio):
    ranks = noise.argsort(1).argsort(1)
    return ranks < round((1 - ratio) * noise.shape[1])


@wrong("mask_sampling", "whatever the ratio|does not depend on `ratio|wrong for ratio")
def _(noise, ratio=0.75):
    ranks = noise.argsort(1).argsort(1)
    return ranks < round(0.75 * noise.shape[1])


# hidden words


@right("mask_tokens")
def _(x, chosen, fate, another):
    asked = chosen.lt(0.15) & x.gt(2)
    out = x.clone()
    out[asked & (fate < 0.8)] = 1
    swap = asked & (fate >= 0.8) & (fate < 0.9)
    out[swap] = another[swap]
    return out


@right("mask_tokens")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & ~torch.isin(x, torch.tensor([0, 1, 2]))
    out = torch.where(asked & (fate < 0.9), another, x)
    return torch.where(asked & (fate < 0.8), torch.ones_like(x), out)


@wrong("mask_tokens", "overwrites the first|second .where")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate < 0.9), another, out)


@wrong("mask_tokens", "exactly 0.8|0.8.*<=|limit")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate <= 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate > 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "exactly 0.9|limit")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate >= 0.8) & (fate <= 0.9), another, out)


@wrong("mask_tokens", "exactly 0.15|limit")
def _(x, chosen, fate, another):
    asked = (chosen <= 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "exactly 0.8", "limit")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate > 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "Padding and signs|from 3 on|no words?")
def _(x, chosen, fate, another):
    asked = chosen < 0.15
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "first word", "asked words")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 3)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "replaced and kept are exchanged|exchanged", "from 0.8 on")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate >= 0.9), another, out)


@wrong("mask_tokens", "No word is replaced|replaced")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    return torch.where(asked & (fate < 0.8), torch.ones_like(x), x)


@wrong("mask_tokens", "overwrites")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    x[asked & (fate < 0.8)] = 1
    swap = asked & (fate >= 0.8) & (fate < 0.9)
    x[swap] = another[swap]
    return x


@wrong("mask_tokens", "become padding")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.zeros_like(x), x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "only asked words are replaced", "not asked")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where((fate >= 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "dtype|float|int64")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), 1.0, x.float())
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another.float(), out)


@wrong("mask_tokens", "first text")
def _(x, chosen, fate, another):
    asked = (chosen[0] < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "return")
def _(x, chosen, fate, another):
    asked = (chosen < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    out = torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, out)


@wrong("mask_tokens", "global random|draw")
def _(x, chosen, fate, another):
    asked = (torch.rand(x.shape) < 0.15) & (x > 2)
    out = torch.where(asked & (fate < 0.8), torch.ones_like(x), x)
    return torch.where(asked & (fate >= 0.8) & (fate < 0.9), another, out)


# the loss of hidden words


@right("mlm_loss")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked], targets[asked])


@right("mlm_loss")
def _(logits, targets):
    nats = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    asked = (targets > 0).float()
    return (nats * asked).sum() / asked.sum()


@right("mlm_loss")
def _(logits, targets):
    log_p = logits.log_softmax(-1)
    each = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -each.masked_select(targets.ne(0)).mean()


@wrong("mlm_loss", "padding were the answer|ignore_index|not asked")
def _(logits, targets):
    return F.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets.reshape(-1))


@wrong("mlm_loss", "all B · L|number of those that are asked|divided")
def _(logits, targets):
    nats = F.cross_entropy(logits.transpose(1, 2), targets, reduction="none")
    return (nats * (targets > 0)).mean()


@wrong("mlm_loss", "each text")
def _(logits, targets):
    asked = targets != 0
    losses = [F.cross_entropy(z[m], t[m]) for z, t, m in zip(logits, targets, asked, strict=True) if m.any()]
    return torch.stack(losses).mean()


@wrong("mlm_loss", "mean|summed")
def _(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0, reduction="sum")


@wrong("mlm_loss", "softmax twice|twice")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked].softmax(-1), targets[asked])


@wrong("mlm_loss", "gradient")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked], targets[asked]).item()


@wrong("mlm_loss", "gradient")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked].detach().clone().requires_grad_(), targets[asked])


@wrong("mlm_loss", "sign")
def _(logits, targets):
    log_p = logits.log_softmax(-1)
    each = log_p.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return each[targets != 0].mean()


@wrong("mlm_loss", "perplexity|exp")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked], targets[asked]).exp()


@wrong("mlm_loss", "wants|\\(M, V\\)", "in line")
def _(logits, targets):
    return F.cross_entropy(logits, targets, ignore_index=0)


@wrong("mlm_loss", "bits|log2")
def _(logits, targets):
    p = logits.softmax(-1).gather(-1, targets[..., None])[..., 0]
    return -p[targets != 0].log2().mean()


@wrong("mlm_loss", "one-hot|squared distance")
def _(logits, targets):
    asked = targets != 0
    return F.mse_loss(logits[asked].softmax(-1), F.one_hot(targets[asked], logits.shape[-1]).float())


@wrong("mlm_loss", "mean")
def _(logits, targets):
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0, reduction="none")


@wrong("mlm_loss", "label|smooth")
def _(logits, targets):
    asked = targets != 0
    return F.cross_entropy(logits[asked], targets[asked], label_smoothing=0.1)


@wrong("mlm_loss", "number of texts|divided")
def _(logits, targets):
    total = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0, reduction="sum")
    return total / logits.size(0)


# the causal mask


@right("causal_mask")
def _(length):
    return torch.tril(torch.ones(length, length)) > 0


@right("causal_mask")
def _(length):
    return ~torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1)


@right("causal_mask")
def _(length):
    i = torch.arange(length)
    return i.unsqueeze(0) <= i.unsqueeze(1)


@right("causal_mask")
def _(length):
    return torch.tensor([[column <= row for column in range(length)] for row in range(length)])


@wrong("causal_mask", "does not see itself")
def _(length):
    i = torch.arange(length)
    return i.unsqueeze(0) < i.unsqueeze(1)


@wrong("causal_mask", "turned round|rows for columns")
def _(length):
    i = torch.arange(length)
    return i.unsqueeze(1) <= i.unsqueeze(0)


@wrong("causal_mask", "exchanged|hidden")
def _(length):
    return torch.triu(torch.ones(length, length, dtype=torch.bool), diagonal=1)


@wrong("causal_mask", "bool|dtype")
def _(length):
    return torch.tril(torch.ones(length, length))


@wrong("causal_mask", "bool|dtype")
def _(length):
    return torch.ones(length, length, dtype=torch.uint8).tril()


@wrong("causal_mask", "additive|True and False")
def _(length):
    return torch.triu(torch.full((length, length), float("-inf")), diagonal=1)


@wrong("causal_mask", "one place too many")
def _(length):
    return torch.tril(torch.ones(length, length, dtype=torch.bool), diagonal=1)


@wrong("causal_mask", "Nothing is masked|comes later")
def _(length):
    return torch.ones(length, length, dtype=torch.bool)


@wrong("causal_mask", "tensor|list")
def _(length):
    return [[column <= row for column in range(length)] for row in range(length)]


@wrong("causal_mask", "wrong for length|number in its place", "length = ")
def _(length):
    return torch.tril(torch.ones(5, 5, dtype=torch.bool))


@wrong("causal_mask", "first column", "below the diagonal")
def _(length):
    mask = torch.tril(torch.ones(length, length, dtype=torch.bool))
    mask[:, 0] = False
    mask[0, 0] = True
    return mask


@wrong("causal_mask", "exit|ends the whole program")
def _(length):
    if length > 1:
        sys.exit("done")
    return torch.ones(1, 1, dtype=torch.bool)


@wrong("causal_mask", "sparse")
def _(length):
    return torch.tril(torch.ones(length, length, dtype=torch.bool)).to_sparse()


@wrong("causal_mask", "default dtype")
def _(length):
    torch.set_default_dtype(torch.float64)
    return torch.tril(torch.ones(length, length)).bool()


@wrong("causal_mask", "itself alone|sees itself")
def _(length):
    return torch.eye(length, dtype=torch.bool)


@wrong("causal_mask", "axis|squeeze|dimension")
def _(length):
    return torch.tril(torch.ones(1, length, length, dtype=torch.bool))
