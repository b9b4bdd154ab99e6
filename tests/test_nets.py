"""Encoders and heads: shapes, sizes, seeds, and what is refused."""

import threading
from collections.abc import Callable

import pytest
import torch
import torchvision
from torch import Tensor, nn

from sslwb import nets
from sslwb.nets.transformer import sine_positions
from sslwb.nets.whitened import zca

MAKERS: dict[str, Callable[..., nn.Module]] = {
    "conv": lambda **s: nets.conv(8, **s),
    "resnet18": nets.resnet18,
    "vit": lambda **s: nets.vit(dim=32, depth=2, heads=2, **s),
}


def pictures(n: int = 3, channels: int = 3, size: int = 32) -> Tensor:
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(4))


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_an_encoder_gives_embeddings_and_features(name: str, channels: int) -> None:
    encoder = MAKERS[name](channels=channels).eval()
    x = pictures(2, channels)
    with torch.no_grad():
        z, places = encoder(x), encoder.features(x)
    assert z.shape == (2, encoder.dim)
    assert isinstance(encoder.dim, int)
    mean = places.mean(1) if name == "vit" else places.mean((2, 3))
    assert torch.allclose(z, mean, atol=1e-5)
    assert {"conv": (2, 64, 4, 4), "resnet18": (2, 512, 4, 4), "vit": (2, 64, 32)}[name] == tuple(places.shape)


def test_sizes_are_those_of_the_docstrings() -> None:
    assert 300_000 < count(nets.conv()) < 400_000
    assert nets.conv().dim == 256
    assert nets.resnet18().dim == 512
    assert round(count(nets.resnet18()) / 1e5) == 112  # 11.2 M
    assert nets.vit().dim == 192
    assert round(count(nets.vit()) / 1e5) == 18


@pytest.mark.parametrize("name", MAKERS)
def test_weights_depend_on_the_seed_alone(name: str) -> None:
    before = torch.get_rng_state()
    one = MAKERS[name](seed=7)
    torch.rand(3)
    same, other = MAKERS[name](seed=7), MAKERS[name](seed=8)
    torch.set_rng_state(before)
    one_more = MAKERS[name](seed=7)
    assert torch.equal(torch.get_rng_state(), before), "the global generator was moved"
    for key, tensor in one.state_dict().items():
        assert torch.equal(tensor, same.state_dict()[key])
        assert torch.equal(tensor, one_more.state_dict()[key])
    assert any(not torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_seeded_leaves_the_generator_where_it_was_even_after_an_error() -> None:
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError), nets.seeded(1):
        torch.rand(2) @ torch.rand(3)
    assert torch.equal(torch.get_rng_state(), before)


def test_an_encoder_may_be_made_on_another_thread() -> None:
    made: list[nn.Module] = []
    thread = threading.Thread(target=lambda: made.append(nets.conv(8, seed=7)))
    thread.start()
    thread.join()
    assert torch.equal(made[0].body[0].weight, nets.conv(8, seed=7).body[0].weight)


@pytest.mark.parametrize("name", MAKERS)
def test_gradients_reach_every_weight(name: str) -> None:
    encoder = MAKERS[name]()
    encoder(pictures()).square().sum().backward()
    for weight in encoder.parameters():
        assert weight.grad is not None
        assert weight.grad.isfinite().all()
        assert weight.grad.any()


@pytest.mark.parametrize("name", MAKERS)
def test_a_convolutional_or_patch_encoder_takes_other_sizes(name: str) -> None:
    encoder = MAKERS[name]().eval()
    with torch.no_grad():
        for size in (16, 24, 48):
            assert encoder(pictures(2, size=size)).shape == (2, encoder.dim)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize(
    "x", [torch.zeros(2, 1, 32, 32), torch.zeros(3, 32, 32), torch.zeros(2, 32, 32, 3)], ids=lambda x: str(x.ndim)
)
def test_other_pictures_are_reported(name: str, x: Tensor) -> None:
    with pytest.raises(ValueError, match=r"x has shape .*; this encoder expects \(B, 3, H, W\)"):
        MAKERS[name]()(x)


# ── the transformer


def test_a_patch_that_does_not_divide_is_reported() -> None:
    with pytest.raises(ValueError, match="divisible by its patch, 4"):
        MAKERS["vit"]()(torch.zeros(2, 3, 30, 32))


def test_attention_on_request_is_what_the_last_block_used() -> None:
    encoder, x = nets.vit(dim=32, depth=2, heads=2), pictures(2)
    weights = encoder.attention(x)
    assert weights.shape == (2, 2, 64, 64)
    assert torch.allclose(weights.sum(3), torch.ones(2, 2, 64), atol=1e-5)
    first, last = encoder.blocks
    tokens = first(encoder.tokens(x))
    values = last.asked(tokens)[2]
    seen = tokens + last.out((weights @ values).transpose(1, 2).flatten(2))
    assert torch.allclose(encoder.norm(seen + last.mlp(last.norm2(seen))), encoder.features(x), atol=1e-4)


@pytest.mark.parametrize("settings", [{"dim": 30, "heads": 3}, {"dim": 32, "heads": 3}])
def test_a_dim_that_heads_do_not_divide_is_reported(settings: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"dim is {settings['dim']} with 3 heads; expected a multiple"):
        nets.vit(**settings)


def test_patches_are_read_row_by_row() -> None:
    """A picture with one bright patch changes that token's embedding most."""
    encoder = nets.vit(patch=8, dim=16, depth=0, heads=2)
    x = torch.full((1, 3, 24, 32), 0.5)
    y = x.clone()
    y[:, :, 8:16, 16:24] = 1  # row 1, column 2 of 3 × 4
    moved = (encoder.features(x) - encoder.features(y)).abs().sum(2)[0]
    assert moved.nonzero()[:, 0].tolist() == [1 * 4 + 2]


def test_positions_tell_every_place_apart() -> None:
    p = sine_positions(8, 8, 32)
    assert p.shape == (64, 32)
    assert (torch.cdist(p, p) + torch.eye(64)).min() > 0.1


def test_attention_sees_all_patches() -> None:
    encoder = nets.vit(patch=8, dim=16, depth=1, heads=2).eval()
    x = pictures(1, size=16).requires_grad_()
    encoder.features(x)[0, 0, 0].backward()
    assert (x.grad[0, :, 8:, 8:] != 0).any()


def test_a_block_is_torchs_pre_norm_layer() -> None:
    block = nets.vit(dim=16, depth=1, heads=4).blocks[0]
    layer = nn.TransformerEncoderLayer(16, 4, 64, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    names = {
        "norm1": layer.norm1,
        "norm2": layer.norm2,
        "out": layer.self_attn.out_proj,
        "mlp.0": layer.linear1,
        "mlp.2": layer.linear2,
    }
    for name, module in names.items():
        module.load_state_dict(block.get_submodule(name).state_dict())
    qkv = block.qkv.state_dict()
    layer.self_attn.load_state_dict(
        {**layer.self_attn.state_dict(), "in_proj_weight": qkv["weight"], "in_proj_bias": qkv["bias"]}
    )
    x = torch.rand(2, 9, 16, generator=torch.Generator().manual_seed(4))
    assert torch.allclose(block(x), layer(x), atol=1e-5)


# ── heads


def test_an_mlp_is_a_projector() -> None:
    head = nets.mlp(12, 20, 6)
    assert [type(m) for m in head] == [nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]
    assert head(torch.rand(5, 12)).shape == (5, 6)
    assert nets.mlp(4, 3)(torch.rand(5, 4)).shape == (5, 3)


def test_a_last_norm_has_no_scale_and_no_shift() -> None:
    z = nets.mlp(12, 20, 6, last_norm=True)(torch.rand(50, 12, generator=torch.Generator().manual_seed(2)))
    assert torch.allclose(z.mean(0), torch.zeros(6), atol=1e-5)
    assert torch.allclose(z.std(0, correction=0), torch.ones(6), atol=1e-2)


@pytest.mark.parametrize("dims", [(), (5,)])
def test_an_mlp_of_one_width_is_reported(dims: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="expected at least two"):
        nets.mlp(*dims)


# ── wrap


@pytest.mark.parametrize(
    ("make", "dim"),
    [
        (lambda: torchvision.models.resnet18(weights=None), 512),  # fc
        (lambda: torchvision.models.mobilenet_v3_small(weights=None), 576),  # classifier
        (lambda: nn.Conv2d(3, 9, 3), 9),
    ],
    ids=["fc", "classifier", "features"],
)
def test_any_module_becomes_an_encoder(make: Callable[[], nn.Module], dim: int) -> None:
    module = make()
    state = {k: v.clone() for k, v in module.state_dict().items()}
    encoder = nets.wrap(module)
    assert encoder.dim == dim
    assert encoder.training
    assert encoder.eval()(pictures()).shape == (3, dim)
    for name, tensor in module.state_dict().items():  # one forward pass found dim, and left no trace in the statistics
        assert torch.equal(tensor, state[name])


def test_a_wrapped_module_sees_standardised_pictures() -> None:
    encoder = nets.wrap(nn.Identity())
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    assert torch.allclose(encoder(mean.expand(2, 3, 4, 4)), torch.zeros(2, 3))
    white = encoder(torch.ones(2, 3, 4, 4))[0]
    assert torch.allclose(white, (1 - mean[:, 0, 0]) / torch.tensor([0.229, 0.224, 0.225]))


def test_wrapping_keeps_the_mode() -> None:
    module = torchvision.models.resnet18(weights=None).eval()
    nets.wrap(module)
    assert not module.training
    assert not any(m.training for m in module.modules())


class Twice(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (nn.Flatten(0), r"to \(6144,\); expected \(2, dim\)"),
        (nn.Flatten(2), r"to \(2, 3, 1024\)"),
        (Twice(), "to tuple"),
    ],
)
def test_a_module_that_gives_no_embeddings_is_reported(module: nn.Module, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        nets.wrap(module)


def test_instance_norm_takes_the_light_of_a_picture_away() -> None:
    x = pictures(4)
    brighter = 0.5 * x + 0.3 * torch.rand(4, 3, 1, 1, generator=torch.Generator().manual_seed(5))
    blind, plain = nets.conv(8, instance_norm=True).eval(), nets.conv(8).eval()
    with torch.no_grad():
        assert torch.allclose(blind(x), blind(brighter), atol=0.02)
        assert not torch.allclose(plain(x), plain(brighter), atol=0.02)


def test_instance_norm_makes_no_noise_of_a_flat_picture() -> None:
    flat = torch.full((2, 3, 32, 32), 0.6) + 1e-4 * pictures(2)
    with torch.no_grad():
        z = nets.conv(8, instance_norm=True).eval().features(flat)
    assert torch.isfinite(z).all()
    assert float(z.std()) < 0.02


def test_a_bottleneck_maps_all_places_and_knows_where_a_thing_is() -> None:
    encoder = nets.bottleneck(nets.conv(8, seed=3), 5, 16, seed=3).eval()
    x = torch.zeros(2, 3, 16, 16)
    x[0, :, 2:6, 2:6] = x[1, :, 10:14, 10:14] = 1  # one square, at two places
    with torch.no_grad():
        z, places = encoder(x), encoder.encoder.features(x)
        expected = places.flatten(1) @ encoder.map.weight.T + encoder.map.bias
    assert (encoder.dim, z.shape, encoder.features(x).shape) == (5, (2, 5), (2, 1, 5))
    assert torch.allclose(z, expected, atol=1e-6)
    assert (z[0] - z[1]).abs().max() > 1e-3


def test_a_linear_encoder_is_linear() -> None:
    encoder, (a, b) = nets.linear(4, 1, 8, seed=2), pictures(2, 1, 8)[:, None]
    with torch.no_grad():
        middle = encoder((a + b) / 2)
        assert torch.allclose(middle, (encoder(a) + encoder(b)) / 2, atol=1e-6)
    assert count(encoder) == 4 * 64 + 4


def test_a_decoder_paints_pictures_of_its_size() -> None:
    decoder = nets.decoder(6, 1, 24, 8, seed=4)
    painted = decoder(torch.randn(3, 6, generator=torch.Generator().manual_seed(0)))
    assert painted.shape == (3, 1, 24, 24)
    painted.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in decoder.parameters())


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: nets.bottleneck(nets.conv(8), 0), ValueError, "dim is 0; expected 1 or more"),
        (lambda: nets.bottleneck(nn.Linear(2, 2), 4), TypeError, "encoder is Linear; expected one that knows places"),
        (lambda: nets.bottleneck(nets.conv(8), 4, 4), ValueError, "pictures of 8×8 pixels or more"),
        (lambda: nets.bottleneck(nets.conv(8), 4, 16)(pictures()), ValueError, "made for size=16"),
        (lambda: nets.linear(4, 3, 0), ValueError, "size is 0"),
        (lambda: nets.linear(4, 3, 8)(pictures(2, 1, 8)), ValueError, r"expects \(B, 3, H, W\)"),
        (lambda: nets.decoder(4, size=30), ValueError, "size is 30; expected a multiple of 4"),
        (lambda: nets.decoder(0), ValueError, "dim is 0"),
        (lambda: nets.decoder(4)(torch.zeros(2, 5)), ValueError, "z has shape"),
    ],
)
def test_bottlenecks_and_decoders_name_what_they_cannot(
    make: Callable[[], object], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        make()


def test_whitened_patches_by_hand() -> None:
    x = pictures(6, 3, 9)
    encoder = nets.whitened_patches(x, filters=5, patch=3, threshold=0.2, pool=2, seed=1)
    mine = []
    for picture in x:
        maps = torch.zeros(10, 7, 7)
        for row in range(7):
            for column in range(7):
                p = picture[:, row : row + 3, column : column + 3].flatten()
                p = (p - p.mean()) / (p.var(correction=0) + 10 / 255**2).sqrt()
                alike = encoder.weight.flatten(1) @ p - encoder.shift
                maps[:5, row, column], maps[5:, row, column] = (alike - 0.2).relu(), (-alike - 0.2).relu()
        # 7 places in 2 parts, as torch divides them: 0 to 3 and 3 to 6
        mine.append(
            torch.stack(
                [maps[:, a, b].mean((1, 2)) for a in (slice(4), slice(3, 7)) for b in (slice(4), slice(3, 7))], 1
            )
        )
    expected = torch.stack(mine).flatten(1)
    assert encoder.dim == 2 * 5 * 4
    assert torch.allclose(encoder(x), expected, atol=1e-4)


def test_whitening_leaves_no_correlation() -> None:
    g = torch.Generator().manual_seed(2)
    rows = torch.randn(5000, 4, generator=g) @ torch.tensor(
        [[3.0, 1, 0, 0], [0, 2, 1, 0], [0, 0, 1, 1], [0, 0, 0, 0.1]]
    )
    mean, matrix = zca(rows + 5)
    white = (rows + 5 - mean) @ matrix
    before, after = (torch.linalg.eigvalsh(t.T.cov()) for t in (rows, white))
    assert torch.allclose(after.sort().values, (before / (before + 0.1)).sort().values, atol=1e-3)
    assert rows.T.corrcoef().fill_diagonal_(0).abs().max() > 0.3
    assert (after[1:] > 0.8).all()


def test_whitened_patches_are_drawn_by_their_seed_and_not_trained() -> None:
    x = pictures(20, 1, 12)
    one, same, other = (nets.whitened_patches(x, 8, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(one.weight, same.weight)
    assert not torch.equal(one.weight, other.weight)
    assert not list(one.parameters())


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: nets.whitened_patches(pictures(size=4)), ValueError, "pictures of 6 pixels or more"),
        (lambda: nets.whitened_patches(pictures(), filters=0), ValueError, "filters is 0"),
        (lambda: nets.whitened_patches(pictures(), threshold=-1), ValueError, "threshold is -1"),
        (lambda: nets.whitened_patches(pictures()[0]), ValueError, "expected"),
        (lambda: nets.whitened_patches(pictures(), 4)(pictures(size=6)), ValueError, "pictures of 7 pixels or more"),
    ],
)
def test_whitened_patches_name_what_they_cannot(make: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()
