"""The VQ-VAE: codes by loops, what the gradient sees, the codebook's moving averages, and tokens that are pictures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from sslwb import nets
from sslwb.augment import images
from sslwb.data import Images, load
from sslwb.methods.vqvae import UNUSED, VQVAE, nearest_code, perplexity, straight_through
from sslwb.train import fit


def normal(*shape: int, seed: int = 3) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def small(**settings: Any) -> VQVAE:
    return VQVAE(nets.conv(4, seed=5), 16, **{"codes": 12, "dim": 6, "seed": 5, **settings})


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=256, seed=31, size=16)


def stepped(method: VQVAE, x: Tensor) -> tuple[Tensor, Tensor]:
    """One step without an optimiser: what was encoded, and the codes that it got."""
    method.train()
    method([x])
    assert method._seen is not None
    z, index = method._seen
    method.after_step(0.0)
    return z, index


# ── codes


def test_the_nearest_code_is_what_loops_give() -> None:
    z, codebook = normal(4, 5, 3), normal(7, 3, seed=4)
    found = nearest_code(z, codebook)
    assert found.shape == (4, 5)
    for i in range(4):
        for j in range(5):
            apart = [math.dist(z[i, j].tolist(), entry.tolist()) for entry in codebook]
            assert int(found[i, j]) == apart.index(min(apart))


def test_the_nearest_code_is_found_in_full_precision() -> None:
    z, codebook = normal(200, 8), normal(50, 8, seed=4)
    expected = nearest_code(z, codebook)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(nearest_code(z, codebook), expected)


def test_straight_through_has_the_codes_value_and_hands_the_gradient_on() -> None:
    z, e = normal(4, 3).requires_grad_(), normal(4, 3, seed=4).requires_grad_()
    q = straight_through(z, e)
    assert torch.allclose(q, e)
    weights = normal(4, 3, seed=5)
    (q * weights).sum().backward()
    assert torch.equal(z.grad, weights)
    assert e.grad is None


def test_perplexity_counts_the_codes_in_use() -> None:
    assert math.isclose(float(perplexity(torch.tensor([3, 3, 3]), 8)), 1, rel_tol=1e-6)
    assert math.isclose(float(perplexity(torch.arange(8).repeat(5), 8)), 8, rel_tol=1e-5)
    entropy = 0.75 * math.log(4 / 3) + 0.25 * math.log(4)
    assert math.isclose(float(perplexity(torch.tensor([0, 0, 0, 5]), 8)), math.exp(entropy), rel_tol=1e-5)


def test_the_loss_is_its_parts(data: Images) -> None:
    method, (x,) = small(commitment=0.7).eval(), data[:6].inputs()
    terms = method([x])
    z = method.encoded(x)
    e = method.codebook[nearest_code(z, method.codebook)]
    assert torch.allclose(terms["commitment"], (z - e).square().mean(), rtol=1e-5)
    painted = method.decoder(e.flatten(1))
    assert torch.allclose(terms["reconstruction"], (painted - x).square().mean(), rtol=1e-5)
    assert torch.allclose(terms["loss"], terms["reconstruction"] + 0.7 * terms["commitment"], rtol=1e-5)
    assert math.isclose(
        float(terms["perplexity"]), float(perplexity(nearest_code(z, method.codebook).flatten(), 12)), rel_tol=1e-5
    )


def test_commitment_draws_the_encoding_to_its_code(data: Images) -> None:
    method, (x,) = small().eval(), data[:6].inputs()
    z = method.encoded(x).detach().requires_grad_()
    e = method.codebook[nearest_code(z, method.codebook)]
    (z - e).square().mean().backward()
    assert torch.allclose(z.grad, 2 * (z - e).detach() / z.numel())
    assert not method.codebook.requires_grad


# ── the codebook


def test_the_first_codes_are_vectors_of_the_batch_or_means_of_them(data: Images) -> None:
    method = small()
    z, index = stepped(method, data[:32].inputs()[0])
    chosen = index.bincount(minlength=12) >= len(z) / 12  # by the first, random codebook, often enough to be kept
    assert 0 < chosen.sum() < 12
    apart = (method.codebook[:, None] - z).norm(dim=2)
    assert apart[~chosen].min(1).values.max() < 1e-5
    for k in chosen.nonzero()[:, 0].tolist():
        assert torch.allclose(method.codebook[k], z[index == k].mean(0), atol=1e-5)


def test_the_codebook_is_a_moving_average_of_what_chose_it(data: Images) -> None:
    """Appendix A.1, equations 6 to 8, with loops; entries that are in use."""
    method = small(codes=3, decay=0.9)
    batches = [data[i : i + 64].inputs()[0] for i in (0, 64, 128)]
    stepped(method, batches[0])
    counts = method.counts.clone()
    sums = counts[:, None] * method.codebook
    for x in batches[1:]:
        z, index = stepped(method, x)
        for k in range(3):
            mine = [row for row, i in zip(z, index.tolist(), strict=True) if i == k]
            counts[k] = 0.9 * counts[k] + 0.1 * len(mine)
            sums[k] = 0.9 * sums[k] + 0.1 * (torch.stack(mine).sum(0) if mine else torch.zeros(6))
        assert (counts >= UNUSED * len(z) / 3).all()  # none begins anew
        assert torch.allclose(method.counts, counts, rtol=1e-4)
        assert torch.allclose(method.codebook, sums / counts[:, None], rtol=1e-3, atol=1e-5)


def test_a_code_that_nothing_is_near_to_begins_anew(data: Images) -> None:
    method, (x,) = small(decay=0.5), data[:64].inputs()
    stepped(method, x)
    method.codebook[4] = 1e3
    for _ in range(8):
        z, index = stepped(method, x)
        assert 4 not in index
        if method.codebook[4].abs().max() < 100:
            break
    assert torch.cdist(method.codebook[4:5], z).min() < 1e-5


def test_evaluation_leaves_the_codebook(data: Images) -> None:
    method, (x,) = small(), data[:32].inputs()
    stepped(method, x)
    before = method.codebook.clone()
    method.eval()
    method.paint(method.tokens(x))
    method.after_step(0.5)
    assert torch.equal(method.codebook, before)


# ── tokens


@pytest.mark.parametrize("encoder", [lambda: nets.conv(4, seed=5), lambda: nets.vit(4, 32, 1, 2, seed=5)])
def test_tokens_are_codes_and_become_pictures(encoder: Callable[[], Any], data: Images) -> None:
    method = VQVAE(encoder(), 16, codes=12, dim=6, seed=5)
    fit(method, data, images.weak(16), steps=3, batch_size=32, device="cpu", progress=False)
    tokens = method.tokens(data[:5].x)
    assert tokens.dtype == torch.int64
    assert tokens.shape == (5, method.places)
    assert torch.equal(tokens, method.tokens(data[:5].inputs()[0]))
    painted = method.paint(tokens)
    assert painted.shape == (5, 3, 16, 16)
    assert 0 <= float(painted.min()) <= float(painted.max()) <= 1
    with torch.no_grad():
        e = method.codebook[nearest_code(method.encoded(data[:5].inputs()[0]), method.codebook)]
        assert torch.allclose(painted, method.decoder(e.flatten(1)).clamp(0, 1), atol=1e-6)


def test_tokens_stand_row_by_row() -> None:
    """Of a transformer that has not mixed its patches: the token of a place depends on the patch there alone."""
    method = VQVAE(nets.vit(8, 32, 0, 2, seed=5), 16, codes=40, dim=6, seed=5).eval()
    x = torch.zeros(1, 3, 16, 16)
    before = method.encoded(x)
    x[:, :, :8, 8:] = 1  # above, right
    changed = (method.encoded(x) - before).abs().sum(2)[0] > 1e-4
    assert changed.tolist() == [False, True, False, False]


# ── bad input


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: small(codes=1), ValueError, "codes is 1; expected 2 or more"),
        (lambda: small(codes=8.0), TypeError, "codes is 8.0"),
        (lambda: small(dim=0), ValueError, "dim is 0"),
        (lambda: small(commitment=-1), ValueError, "commitment is -1; expected a weight of 0 or more"),
        (lambda: small(decay=1.5), ValueError, "decay is 1.5; expected a number from 0 to below 1"),
        (lambda: small(decay=1.0), ValueError, "decay is 1.0"),
        (lambda: VQVAE(nets.linear(4, 3, 16), 32), ValueError, "size is 32, and the encoder was made for size=16"),
        (lambda: VQVAE(nets.bert(20, 8, 16, 1, 2), 16), TypeError, r"without an integer \.channels"),
        (lambda: small()([torch.rand(2, 3, 16, 16)] * 2), ValueError, "views holds 2 tensors; expected one"),
        (lambda: small()([torch.rand(2, 3, 8, 8)]), ValueError, r"x has shape \(2, 3, 8, 8\); expected \(B, 3, 16"),
        (lambda: small().paint(torch.zeros(2, 4)), TypeError, "tokens is torch.float32; expected torch.int64"),
        (lambda: small().paint(torch.zeros(2, 5).long()), ValueError, r"expected \(B, 4\), one a place"),
        (lambda: small().paint(torch.full((2, 4), 12)), ValueError, "tokens run to 12, but there are 12: expected 0"),
        (lambda: nearest_code(normal(2, 3), normal(4, 2)), ValueError, r"z has shape \(2, 3\) and codebook \(4, 2\)"),
        (lambda: straight_through(normal(2, 3), normal(2, 2)), ValueError, r"z has shape \(2, 3\) and e \(2, 2\)"),
        (lambda: perplexity(torch.tensor([0, 9]), 8), ValueError, "index run to 9"),
    ],
)
def test_what_makes_no_sense_is_named(call: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
