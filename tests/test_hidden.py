"""What is hidden: patches and back, masks and puzzles, and what MAE, I-JEPA, inpainting and jigsaw do with them."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb import nets
from sslwb.augment import masks, puzzles
from sslwb.augment.images import as_float, weak
from sslwb.data import Images, load
from sslwb.methods.inpainting import Inpainting, region_loss
from sslwb.methods.jepa import JEPA, jepa_loss
from sslwb.methods.jigsaw import Jigsaw
from sslwb.methods.mae import FLAT, MAE, encode_some, masked_loss, normalised
from sslwb.methods.rotation import Rotation
from sslwb.nets.patches import grid_of, patchify, put_back, take, unpatchify


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(b: int = 5, channels: int = 3, height: int = 16, width: int = 16) -> Tensor:
    return torch.rand(b, channels, height, width, generator=generator(3))


def random_mask(b: int, length: int, count: int) -> Tensor:
    """`count` of each row are True."""
    return torch.rand(b, length, generator=generator(4)).argsort(1).argsort(1) < count


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=64, seed=31, size=24)


# ── patches


def slow_patches(x: Tensor, patch: int) -> Tensor:
    """Square by square, row by row."""
    found = []
    for picture in x:
        rows = range(0, x.shape[2], patch)
        columns = range(0, x.shape[3], patch)
        found.append(torch.stack([picture[:, r : r + patch, c : c + patch].flatten() for r in rows for c in columns]))
    return torch.stack(found)


@pytest.mark.parametrize(
    ("channels", "height", "width", "patch"), [(3, 16, 16, 4), (1, 12, 8, 4), (3, 6, 9, 3), (3, 5, 5, 1)]
)
def test_patches_are_what_loops_give_and_come_back(channels: int, height: int, width: int, patch: int) -> None:
    x = pictures(4, channels, height, width)
    patches = patchify(x, patch)
    assert torch.equal(patches, slow_patches(x, patch))
    assert patches.shape == (4, math.prod(grid_of(x, patch)), channels * patch**2)
    assert torch.equal(unpatchify(patches, patch, (height, width)), x)


def test_the_transformer_takes_these_patches() -> None:
    encoder, x = nets.vit(4, 16, 1, 2), pictures()
    expected = encoder.embed(patchify((x - 0.5) * 4, 4)) + encoder.tokens(x * 0 + 0.5) - encoder.embed.bias
    assert torch.allclose(encoder.tokens(x), expected, atol=1e-5)


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda: patchify(pictures(height=15), 4), r"x has shape \(5, 3, 15, 16\); .* divisible by the patch, 4"),
        (lambda: patchify(pictures()[0], 4), r"x has shape \(3, 16, 16\)"),
        (lambda: patchify(pictures(), 0), "divisible by the patch, 0"),
        (lambda: unpatchify(torch.rand(2, 15, 48), 4, (16, 16)), r"patches has shape \(2, 15, 48\)"),
        (lambda: unpatchify(torch.rand(2, 16, 47), 4, (16, 16)), r"C · 4²"),
        (lambda: unpatchify(torch.rand(2, 16, 48), 4, (16, 15)), "16×15"),
        (lambda: take(torch.rand(2, 4, 3), torch.ones(2, 4)), r"mask is torch\.float32 \(2, 4\); expected"),
        (lambda: take(torch.rand(2, 4, 3), torch.ones(2, 5, dtype=torch.bool)), r"expected torch\.bool \(2, 4\)"),
        (
            lambda: take(torch.rand(2, 2, 3), torch.tensor([[True, True], [True, False]])),
            "mask has 1 to 2 patches a picture; expected the same number",
        ),
    ],
)
def test_patches_without_sense_are_reported(f: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        f()


def test_taking_patches_out_and_putting_them_back_are_inverse() -> None:
    tokens, mask = torch.randn(5, 16, 3, generator=generator()), random_mask(5, 16, 6)
    filler = torch.tensor([7.0, 8.0, 9.0])
    some = take(tokens, mask)
    assert some.shape == (5, 6, 3)
    whole = put_back(some, mask, filler)
    assert torch.equal(take(whole, mask), some)
    assert torch.equal(whole[mask], tokens[mask])
    assert (whole[~mask] == filler).all()
    # both halves together are the whole
    assert torch.equal(torch.where(mask[:, :, None], whole, put_back(take(tokens, ~mask), ~mask, filler)), tokens)


def test_gradients_come_back_from_the_right_places() -> None:
    tokens, mask = torch.randn(3, 8, 2, generator=generator()).requires_grad_(), random_mask(3, 8, 3)
    filler = torch.zeros(2, requires_grad=True)
    put_back(take(tokens, mask), mask, filler).sum().backward()
    assert torch.equal(tokens.grad, mask[:, :, None].expand(-1, -1, 2).float())
    assert torch.equal(filler.grad, torch.full((2,), 3.0 * 5))


# ── masks


@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.75, 0.9])
def test_random_patches_hide_their_share_of_every_picture(ratio: float) -> None:
    hidden, _ = masks.RandomPatches(4, ratio)(pictures(200, 1, 24, 16), generator())
    assert hidden.shape == (200, 24)
    assert hidden.dtype == torch.bool
    assert (hidden.sum(1) == round(ratio * 24)).all()
    assert len(hidden.unique(dim=0)) > 15  # each picture has its own
    assert (hidden.float().mean(0) - ratio).abs().max() < 0.15  # every place alike: 200 draws, four deviations


def test_blocks_are_rectangles_and_the_context_holds_none_of_them() -> None:
    for seed in range(20):
        context, targets, *_ = masks.Blocks(4)(pictures(30, 1, 32, 32), generator(seed))
        assert context.shape == (30, 64)
        assert targets.shape == (30, 4, 64)
        assert not (context[:, None] & targets).any()
        assert (context.sum(1) >= 16).all()  # a quarter
        assert (context.sum(1) == context[0].sum()).all()
        for block in targets.flatten(0, 1).view(-1, 8, 8):
            rows, columns = block.any(1), block.any(0)
            assert torch.equal(block, rows[:, None] & columns)  # a rectangle
            for side in (rows, columns):
                first, last = side.nonzero().min(), side.nonzero().max()
                assert side[first : last + 1].all()  # in one piece
        assert len(targets.sum(2).unique()) == 1
        assert 0.1 < targets.float().mean() < 0.25


def test_a_region_is_a_square_of_its_share() -> None:
    (hidden,) = masks.Region(0.25)(pictures(300, 1, 16, 16), generator())
    assert hidden.shape == (300, 16, 16)
    assert (hidden.sum((1, 2)) == 64).all()
    assert torch.equal(hidden, hidden.any(2)[:, :, None] & hidden.any(1)[:, None])
    assert hidden.any(0).all()  # every pixel is hidden some time
    assert (hidden.any(2).float().argmax(1).bincount() > 10).all()  # each of the 9 places


@pytest.mark.parametrize("recipe", [masks.mae(24), masks.jepa(24), masks.inpainting(24), puzzles.jigsaw(24)])
def test_a_recipe_draws_from_its_generator_alone(data: Images, recipe: masks.Masked) -> None:
    before = torch.get_rng_state()
    one, same, other = (recipe(data.x, generator(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.equal(torch.get_rng_state(), before)


def test_settings_reach_the_pictures(data: Images) -> None:
    for recipe in (masks.mae, masks.jepa, masks.inpainting):
        plain = recipe(24, crop=(1.0, 1.0), flip=0.0)(data.x, generator())[0]
        assert torch.allclose(plain, as_float(data.x), atol=1e-5)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: masks.mae(ratio=0), "ratio is 0; expected a share between 0 and 1, both excluded"),
        (lambda: masks.mae(ratio=1), "ratio is 1; expected"),
        (lambda: masks.mae(ratio=math.nan), "ratio is nan"),
        (lambda: masks.RandomPatches(8, 0.1)(pictures(), generator()), "hides 0 of 4 patches"),
        (lambda: masks.RandomPatches(8, 0.9)(pictures(), generator()), "hides 4 of 4 patches"),
        (lambda: masks.RandomPatches(5)(pictures(), generator()), "patch is 5 and the pictures have 16×16 pixels"),
        (lambda: masks.Blocks(3)(pictures(), generator()), "patch is 3"),
        (lambda: masks.Blocks(count=0), "count is 0; expected 1 target or more"),
        (lambda: masks.Blocks(target=(0.3, 0.2)), r"target is \(0\.3, 0\.2\)"),
        (lambda: masks.Blocks(context=(0.5, 1.2)), r"context is \(0\.5, 1\.2\)"),
        (lambda: masks.Blocks(count=8, target=(0.9, 1.0))(pictures(), generator()), "leave less than a quarter"),
        (lambda: masks.inpainting(share=0), "share is 0; expected a share of the area between 0 and 1"),
        (lambda: masks.inpainting(share=1), "share is 1"),
    ],
)
def test_masks_without_sense_are_reported(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


# ── MAE


def mae(**settings: bool) -> MAE:
    return MAE(nets.vit(4, 32, 2, 2, seed=5), dim=16, seed=5, **settings)


def test_the_encoder_sees_nothing_of_what_is_hidden() -> None:
    method, x, hidden = mae(), pictures(), random_mask(5, 16, 12)
    other = torch.where(hidden.view(5, 1, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3), 1 - x, x)
    assert torch.equal(method.predict(x, hidden), method.predict(other, hidden))
    assert encode_some(method.encoder, x, ~hidden).shape == (5, 4, 32)


def test_the_encoder_computes_visible_patches_alone() -> None:
    """The point of it: 4 of 16 tokens pass through the blocks."""
    method, seen = mae(), []
    method.encoder.blocks[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape))
    method([pictures(), random_mask(5, 16, 12)])
    assert seen == [(5, 4, 32)]


def test_some_patches_encoded_are_what_a_picture_of_them_alone_would_give() -> None:
    encoder, x, visible = nets.vit(4, 32, 2, 2, seed=5), pictures(), random_mask(5, 16, 4)
    for i in range(5):
        alone = encoder.tokens(x)[i][visible[i]][None]
        expected = encoder.norm(encoder.blocks(alone))[0]
        assert torch.allclose(encode_some(encoder, x, visible)[i], expected, atol=1e-5)
    everything = torch.ones(5, 16, dtype=torch.bool)
    assert torch.allclose(encode_some(encoder, x, everything), encoder.features(x), atol=1e-5)


def test_masked_loss_is_what_loops_give() -> None:
    predictions, patches = torch.randn(2, 3, 8, 5, generator=generator())
    hidden = random_mask(3, 8, 5)
    total, count = 0.0, 0
    for i, j in itertools.product(range(3), range(8)):
        if hidden[i, j]:
            total += (
                sum((a - b) ** 2 for a, b in zip(predictions[i, j].tolist(), patches[i, j].tolist(), strict=True)) / 5
            )
            count += 1
    assert math.isclose(float(masked_loss(predictions, patches, hidden)), total / count, rel_tol=1e-5)


def test_the_loss_ignores_visible_patches() -> None:
    predictions, patches = torch.randn(2, 3, 8, 5, generator=generator()).requires_grad_()
    hidden = random_mask(3, 8, 5)
    loss = masked_loss(predictions, patches, hidden)
    assert torch.equal(masked_loss(predictions + 9 * ~hidden[:, :, None], patches, hidden), loss)
    (gradient,) = torch.autograd.grad(loss, predictions)
    assert not gradient[~hidden].any()
    assert gradient[hidden].all()


def test_normalised_patches_come_back() -> None:
    patches = patchify(pictures(), 4)
    z, mean, deviation = normalised(patches)
    assert torch.allclose(z.mean(2), torch.zeros(5, 16), atol=1e-5)
    assert (z.std(2, correction=0) - 1).abs().max() < 0.01
    assert torch.allclose(z * deviation + mean, patches, atol=1e-6)
    flat, _, small = normalised(torch.full((1, 1, 48), 0.3))
    assert flat.abs().max() < 1e-3  # no pattern is made of nothing
    assert small.item() == pytest.approx(math.sqrt(FLAT), rel=1e-3)


@pytest.mark.parametrize("normalise", [False, True])
def test_a_reconstruction_keeps_what_was_seen_and_paints_the_rest(normalise: bool) -> None:
    method, x, hidden = mae(normalise=normalise), pictures(), random_mask(5, 16, 12)
    painted = patchify(method.reconstruct(x, hidden), 4)
    assert torch.equal(painted[~hidden], patchify(x, 4)[~hidden])
    assert (painted >= 0).all()
    assert (painted <= 1).all()
    guess = method.predict(x, hidden)
    if normalise:
        _, mean, deviation = normalised(patchify(x, 4))
        guess = guess * deviation + mean
    assert torch.allclose(painted[hidden], guess[hidden].clamp(0, 1), atol=1e-5)
    assert not painted.requires_grad


def test_without_borrowing_a_reconstruction_knows_nothing_of_the_hidden_patches() -> None:
    method, x, hidden = mae(normalise=True), pictures(), random_mask(5, 16, 12)
    other = unpatchify(torch.where(hidden[:, :, None], 0.1, patchify(x, 4)), 4, (16, 16))
    honest = [patchify(method.reconstruct(v, hidden, borrow=False), 4)[hidden] for v in (x, other)]
    assert torch.equal(*honest)
    borrowed = [patchify(method.reconstruct(v, hidden), 4)[hidden] for v in (x, other)]
    assert not torch.allclose(*borrowed, atol=0.01)


@pytest.mark.parametrize(
    ("method", "views", "error", "said"),
    [
        (mae, [pictures()], ValueError, r"views holds 1 tensor\(s\); expected x, hidden: Pictures"),
        (mae, [pictures(), random_mask(5, 15, 4)], ValueError, r"expected torch\.bool \(5, 16\)"),
        (mae, [pictures(), torch.zeros(5, 16, dtype=torch.bool)], ValueError, "hidden marks no patch"),
        (mae, [pictures(), torch.ones(5, 16, dtype=torch.bool)], ValueError, "the mask hides every patch"),
        (mae, [pictures(height=15), random_mask(5, 12, 4)], ValueError, "divisible by the patch, 4"),
        (mae, [pictures(), torch.arange(80).view(5, 16) % 3 == 0], ValueError, "10 to 11 patches a picture"),
        (lambda: MAE(nets.conv(8)), [], TypeError, r"encoder is ConvEncoder; .* a transformer, sslwb\.nets\.vit"),
        (lambda: JEPA(nets.conv(8)), [], TypeError, "JEPA leaves patches out"),
        (lambda: JEPA(nets.vit(4, 16, 1, 2), momentum=2), [], ValueError, "momentum is 2"),
        (lambda: JEPA(nets.vit(4, 16, 1, 2), spread=-1), [], ValueError, "spread is -1"),
        (
            lambda: JEPA(nets.vit(4, 16, 1, 2)),
            [pictures(), random_mask(5, 16, 4)],
            ValueError,
            "expected x, context, targets: Pictures",
        ),
        (lambda: Inpainting(nets.conv(8), 20), [], ValueError, "size is 20; expected a multiple of 8"),
        (lambda: Inpainting(nets.conv(8), 16), [pictures()], ValueError, "expected x, hidden: Pictures"),
        (lambda: Inpainting(nets.conv(8), 24), [pictures(), pictures()[:, 0] > 2], ValueError, "paints 24×24"),
        (lambda: Inpainting(nets.conv(8), 16), [pictures(), pictures()[:, 0] > 2], ValueError, "hidden marks no pixel"),
        (lambda: Rotation(nets.conv(8)), [pictures()] * 2, ValueError, "expected by_0, by_90, by_180, by_270"),
        (lambda: Rotation(nets.conv(8)), [pictures(), pictures(height=12)] * 2, ValueError, "expected four turns"),
        (lambda: Jigsaw(nets.conv(8)), [pictures()], ValueError, "expected tiles, order: Tiles"),
        (
            lambda: Jigsaw(nets.conv(8), tiles=9),
            [pictures().view(5, 1, 3, 16, 16).expand(5, 4, 3, 16, 16), torch.zeros(5).long()],
            ValueError,
            "expected 9 tiles",
        ),
        (
            lambda: Jigsaw(nets.conv(8), orders=8),
            [pictures().view(5, 1, 3, 16, 16).expand(5, 4, 3, 16, 16), torch.arange(5) + 4],
            ValueError,
            "the orders run to 8, but Jigsaw knows 8",
        ),
    ],
)
def test_views_that_do_not_fit_are_reported(
    method: Callable[[], torch.nn.Module], views: list[Tensor], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        method()(views)


# ── I-JEPA


def test_jepa_is_what_loops_give() -> None:
    """Every picture and every target by itself, from the paper's figure 3."""
    method = JEPA(nets.vit(4, 32, 2, 2, seed=5), dim=16, seed=5)
    for weight in method.teacher.parameters():
        weight.data += 0.05 * torch.randn(weight.shape, generator=generator(1))
    x = pictures(4)
    context, targets, *_ = masks.Blocks(4, 2)(x, generator())
    losses = []
    for i in range(4):
        truth = method.teacher.features(x[i : i + 1])[0]
        truth = (truth - truth.mean(1, keepdim=True)) / (truth.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
        tokens = method.encoder.tokens(x[i : i + 1])[:, context[i]]
        seen = method.encoder.norm(method.encoder.blocks(tokens))
        positions = nets.transformer.sine_positions(4, 4, 16)
        for target in targets[i]:
            asked = method.mask_token + positions[target]
            said = method.predictor(torch.cat((method.bridge(seen) + positions[context[i]], asked[None]), 1))
            guess = method.back(said[0, int(context[i].sum()) :])
            losses.append(float((guess - truth[target]).detach().square().mean()))
    assert math.isclose(float(method([x, context, targets])["loss"].detach()), sum(losses) / len(losses), rel_tol=1e-4)


def test_jepas_prediction_knows_the_context_alone() -> None:
    method = JEPA(nets.vit(4, 32, 2, 2, seed=5), dim=16, seed=5)
    x = pictures(4)
    context, targets, *_ = masks.Blocks(4, 2)(x, generator())
    other = unpatchify(torch.where(context[:, :, None], patchify(x, 4), 0.1), 4, (16, 16))
    assert torch.equal(method.predict(x, context, targets), method.predict(other, context, targets))
    swapped = method.predict(x, context, targets.flip(1)).unflatten(0, (4, 2)).flip(1).flatten(0, 1)
    assert torch.allclose(method.predict(x, context, targets), swapped, atol=1e-5)  # a target sees no other target


def test_jepas_spread_is_vicregs_over_the_patches_that_are_seen() -> None:
    method = JEPA(nets.vit(4, 32, 2, 2, seed=5), spread=2.0, dim=16, seed=5)
    x = pictures(4)
    context, targets, *_ = masks.Scattered(4, 0.75)(x, generator())
    terms = {name: float(term.detach()) for name, term in method([x, context, targets]).items()}
    tokens = [method.encoder.tokens(x[i : i + 1])[:, context[i]] for i in range(4)]
    z = torch.cat([method.encoder.norm(method.encoder.blocks(t))[0] for t in tokens]).detach()
    cov = torch.cov(z.T)
    short = sum(max(0.0, 1 - math.sqrt(float(cov[d, d]) + 1e-4)) for d in range(32)) / 32
    linked = sum(float(cov[d, e]) ** 2 for d in range(32) for e in range(32) if d != e) / 32
    assert math.isclose(terms["narrow"], short + linked / 25, rel_tol=1e-4)
    assert math.isclose(terms["loss"], terms["distance"] + 2 * terms["narrow"], rel_tol=1e-5)
    paper = JEPA(nets.vit(4, 32, 2, 2, seed=5), dim=16, seed=5)
    assert math.isclose(terms["distance"], float(paper([x, context, targets])["loss"].detach()), rel_tol=1e-5)


def test_scattered_is_maes_mask_in_two_parts() -> None:
    context, targets, *_ = masks.Scattered(4, 0.75)(pictures(4), generator())
    hidden, _ = masks.RandomPatches(4, 0.75)(pictures(4), generator())
    assert torch.equal(targets, hidden[:, None])
    assert torch.equal(context, ~hidden)
    with pytest.raises(ValueError, match="ratio is 1"):
        masks.Scattered(4, 1)


def test_jepa_loss_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"predictions has shape \(2, 3, 4\) and targets \(2, 3, 5\)"):
        jepa_loss(torch.rand(2, 3, 4), torch.rand(2, 3, 5))


# ── rotation, jigsaw, inpainting


def test_four_turns_are_four_turns(data: Images) -> None:
    views = puzzles.rotation(24, crop=(1.0, 1.0), flip=0.0)(data.x, generator())
    for quarter, view in enumerate(views):
        assert torch.allclose(view, torch.rot90(as_float(data.x), quarter, (2, 3)), atol=1e-5)


def test_rotation_asks_which_turn_it_was() -> None:
    method = Rotation(nets.conv(8, seed=5), seed=5).eval()
    views = [v.contiguous() for v in (pictures().rot90(k, (2, 3)) for k in range(4))]
    expected = sum(
        F.cross_entropy(method.classifier(method.encoder(v)), torch.full((5,), k)) for k, v in enumerate(views)
    )
    assert torch.allclose(method(views)["loss"], expected / 4, rtol=1e-4)


@pytest.mark.parametrize(("tiles", "count"), [(4, 24), (4, 6), (9, 30)])
def test_orders_are_different_permutations_far_apart(tiles: int, count: int) -> None:
    orders = puzzles.far_apart(tiles, count)
    assert len(set(orders)) == count
    assert all(sorted(order) == list(range(tiles)) for order in orders)
    distances = [sum(a != b for a, b in zip(p, q, strict=True)) for p, q in itertools.combinations(orders, 2)]
    if (tiles, count) == (9, 30):
        assert min(distances) >= 4
        assert sum(distances) / len(distances) > 8  # a random pair differs in 8 of 9
    if (tiles, count) == (4, 6):
        assert sum(distances) / len(distances) > 3.2  # a random pair differs in 3


def test_tiles_lie_where_their_order_says() -> None:
    ramp = torch.arange(16.0).view(1, 1, 4, 4).repeat_interleave(8, 2).repeat_interleave(8, 3) / 16  # 32 × 32
    recipe = puzzles.Shuffled(weak(32, crop=(1.0, 1.0), flip=0.0), puzzles.far_apart(16, 50), side=4, gap=2)
    tiles, which = recipe(ramp.expand(40, 1, 32, 32), generator())
    assert tiles.shape == (40, 16, 1, 6, 6)
    for picture, i in zip(tiles, which.tolist(), strict=True):
        shown = (picture.mean((1, 2, 3)) * 16).round().long().tolist()
        assert tuple(shown) == recipe.orders[i]
    assert len(which.unique()) > 15


def test_a_gap_moves_tiles_inside_their_cells() -> None:
    x = torch.arange(256.0).view(1, 1, 16, 16) / 256
    orders = ((0, 1, 2, 3), (3, 2, 1, 0))
    recipe = puzzles.Shuffled(weak(16, crop=(1.0, 1.0), flip=0.0), orders, gap=2)
    tiles, which = recipe(x.expand(300, 1, 16, 16), generator())
    first = (tiles[which == 0][:, 0, 0, 0, 0] * 256).round().long()
    assert set(first.tolist()) == {16 * r + c for r in range(3) for c in range(3)}
    whole = puzzles.Shuffled(weak(16, crop=(1.0, 1.0), flip=0.0), orders, gap=0)(x.expand(4, 1, 16, 16), generator())
    assert whole[0].shape == (4, 4, 1, 8, 8)


def test_a_lens_parts_the_colours_away_from_the_centre() -> None:
    x = torch.zeros(1, 3, 33, 33)
    x[:, :, 4, 16] = 1  # a white point above the centre
    heights = (puzzles.through_lens(x, 0.1)[0].sum(2) * torch.arange(33.0)).sum(1) / puzzles.through_lens(x, 0.1)[
        0
    ].sum((1, 2))
    assert heights[0] < heights[1] - 0.5  # red is drawn farther out, which is up
    assert heights[2] > heights[1] + 0.5
    grey = torch.full((2, 3, 8, 8), 0.4)
    assert torch.allclose(puzzles.through_lens(grey, 0.1), grey, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: puzzles.far_apart(4, 25), "count is 25; expected 2 to 24 orders of 4 tiles"),
        (lambda: puzzles.jigsaw(count=1), "count is 1"),
        (lambda: puzzles.Shuffled(weak(16), ((0, 1, 2, 2),)), "expected permutations of the 4 tiles"),
        (lambda: puzzles.jigsaw(24, 5)(torch.rand(2, 3, 24, 24), generator()), "5×5 tiles divide"),
        (
            lambda: puzzles.jigsaw(24, gap=12, gray=0, jitter=0)(torch.rand(2, 3, 24, 24), generator()),
            "larger than the gap, 12",
        ),
        (lambda: puzzles.jigsaw(24, lens=0.1)(torch.rand(2, 1, 24, 24), generator()), "a lens parts red, green"),
    ],
)
def test_puzzles_without_sense_are_reported(make: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()


def test_region_loss_is_what_loops_give() -> None:
    painted, x = torch.rand(2, 2, 3, 4, 4, generator=generator())
    hidden = torch.rand(2, 4, 4, generator=generator(1)) < 0.4
    errors = [
        sum(float(painted[i, c, r, k] - x[i, c, r, k]) ** 2 for c in range(3)) / 3
        for i, r, k in itertools.product(range(2), range(4), range(4))
        if hidden[i, r, k]
    ]
    assert math.isclose(float(region_loss(painted, x, hidden)), sum(errors) / len(errors), rel_tol=1e-5)


def test_inpainting_sees_nothing_of_the_region_and_keeps_the_rest() -> None:
    method, x = Inpainting(nets.conv(8, seed=5), 16, code=32, seed=5).eval(), pictures()
    (hidden,) = masks.Region(0.25)(x, generator())
    other = torch.where(hidden[:, None], 0.9, x)
    assert torch.equal(method.paint(x, hidden), method.paint(other, hidden))
    painted = method.reconstruct(x, hidden)
    seen = ~hidden[:, None].expand_as(x)
    assert torch.equal(painted[seen], x[seen])
    assert torch.allclose(painted[~seen], method.paint(x, hidden)[~seen].clamp(0, 1), atol=1e-6)
