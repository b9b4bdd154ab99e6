"""Autoencoders: what is painted is compared with what; a linear one is PCA, and with noise a Wiener filter."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor, nn

from sslwb import nets
from sslwb.augment import Unchanged, images
from sslwb.augment.images import as_float, weak
from sslwb.augment.noise import Noisy, denoising
from sslwb.data import Images, load
from sslwb.evaluate import diagnose
from sslwb.methods.autoencoder import Autoencoder, reconstruction_loss
from sslwb.methods.denoising import DenoisingAutoencoder, denoising_loss
from sslwb.train import fit

STILL: dict[str, Any] = {"crop": (1.0, 1.0), "flip": 0.0}  # the pictures as they are
EXACT: dict[str, Any] = {"weight_decay": 0.0, "device": "cpu", "precision": "fp32", "progress": False}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(b: int = 5, channels: int = 3, size: int = 16) -> Tensor:
    return torch.rand(b, channels, size, size, generator=generator(3))


def small(method: type[Autoencoder] = Autoencoder, dim: int = 6, **settings: Any) -> Autoencoder:
    encoder = nets.bottleneck(nets.conv(4, seed=5), dim, 16, seed=5)
    return method(encoder, 16, seed=5, **settings).eval()


@pytest.fixture(scope="module")
def data() -> Images:
    return load("shapes", n=64, seed=31, size=16)


# ── the losses


def slow_error(painted: Tensor, x: Tensor) -> float:
    """Value by value."""
    painted, x = painted.detach(), x.detach()
    errors = [(float(painted[at]) - float(x[at])) ** 2 for at in itertools.product(*map(range, x.shape))]
    return sum(errors) / len(errors)


def test_the_loss_is_the_mean_squared_error_of_every_value() -> None:
    painted, x = pictures(3, 2, 4), pictures(3, 2, 4).flip(0)
    assert math.isclose(float(reconstruction_loss(painted, x)), slow_error(painted, x), rel_tol=1e-5)


def test_what_is_painted_of_noisy_pictures_is_compared_with_clean_ones() -> None:
    clean, noise = pictures(3, 3, 4), torch.randn(3, 3, 4, 4, generator=generator(1))
    loss = denoising_loss(lambda x: 2 * x - 1, clean, clean + noise)
    assert math.isclose(float(loss), slow_error(2 * (clean + noise) - 1, clean), rel_tol=1e-5)


def test_each_method_gives_its_loss() -> None:
    clean, noisy = pictures(), pictures().flip(0)
    plain, denoiser = small(), small(DenoisingAutoencoder)
    code = plain.encoder(clean)
    assert code.shape == (5, 6)
    expected = slow_error(plain.decoder(code), clean)
    assert math.isclose(float(plain([clean])["loss"].detach()), expected, rel_tol=1e-4)
    expected = slow_error(denoiser.decoder(denoiser.encoder(noisy)), clean)
    assert math.isclose(float(denoiser(Noisy(noisy, clean))["loss"].detach()), expected, rel_tol=1e-4)
    assert torch.equal(denoiser.answers([noisy, clean]), clean.flatten(1))
    assert torch.equal(plain.answers([clean]), clean.flatten(1))


def test_the_decoder_sees_the_code_alone() -> None:
    method = small()
    method.encoder.forward = lambda x: x.new_zeros(len(x), 6)  # type: ignore[method-assign]
    painted = method.paint(pictures())
    assert torch.allclose(painted, painted[:1].expand_as(painted), atol=1e-6)


def test_a_reconstruction_is_a_picture_without_gradients() -> None:
    method = small()
    with torch.no_grad():
        method.decoder.layers[-1].bias += torch.tensor([2.0, 0.0, -2.0])  # type: ignore[index, operator, union-attr]
    x = (pictures() * 255).to(torch.uint8)
    again = method.reconstruct(x)
    assert again.shape == x.shape
    assert not again.requires_grad
    assert torch.equal(again, method.paint(as_float(x)).clamp(0, 1))
    assert (again[:, 0] == 1).all()
    assert (again[:, 2] == 0).all()


# ── what is known in closed form


def angles(a: Tensor, b: Tensor) -> Tensor:
    """The principal angles between the spans of the columns of two matrices (D, k), degrees.

    Orthonormal bases by QR; the singular values of their product are the cosines (Björck and Golub 1973).
    """
    bases = [torch.linalg.qr(m.double())[0] for m in (a, b)]
    return torch.linalg.svdvals(bases[0].T @ bases[1]).clamp(max=1).acos().rad2deg()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_linear_autoencoder_spans_what_pca_spans(seed: int) -> None:
    shapes = load("shapes", n=512, seed=seed, size=8)
    pixels = shapes.inputs()[0]
    x = pixels.flatten(1).double()
    pca = PCA(3).fit(x.numpy())
    components, scores = torch.tensor(pca.components_.T), torch.tensor(pca.transform(x.numpy()))
    method = Autoencoder(nets.linear(3, size=8, seed=seed), 8, linear=True, seed=seed)

    def apart() -> list[float]:
        """How far the columns of the decoder are from PCA's components, and the codes from PCA's scores.

        What the encoder does with directions in which no picture varies is free, so its rows are not compared.
        """
        columns, codes = method.decoder[0].weight.detach(), method.encoder(pixels).detach()  # type: ignore[index, union-attr]
        return [float(angles(columns, components).max()), float(angles(codes - codes.mean(0), scores).max())]

    assert min(apart()) > 30  # at first they have little in common
    fit(method, shapes, Unchanged(), steps=400, batch_size=512, lr=3e-2, seed=seed, **EXACT)
    assert max(apart()) < 2
    # and no other code of three numbers paints better
    best = float((x - torch.tensor(pca.inverse_transform(scores.numpy()))).square().mean())
    assert best * (1 - 1e-4) < float(reconstruction_loss(method.paint(pixels), pixels).detach()) < best * 1.01


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_with_noise_a_long_linear_code_is_no_copy_but_a_wiener_filter(seed: int) -> None:
    """The best linear map of x + noise to x is C (C + std² 1)⁻¹ about the mean, with the covariance C of the pixels;
    without noise it is the identity."""
    g, std = generator(seed), 0.08
    basis = torch.linalg.qr(torch.randn(16, 16, generator=g))[0]
    x = 0.5 + (torch.randn(2048, 16, generator=g) * torch.linspace(0.12, 0.04, 16)) @ basis.T
    data = Images((x.clamp(0, 1) * 255).round().to(torch.uint8).view(-1, 1, 4, 4))
    covariance, one = torch.cov(data.inputs()[0].flatten(1).T), torch.eye(16)
    filtered = covariance @ torch.linalg.inv(covariance + std**2 * one)
    assert (filtered - one).norm() > 0.5 * one.norm()  # the two have little in common
    for kind, views, expected in (
        (Autoencoder, weak(4, **STILL), one),
        (DenoisingAutoencoder, denoising(4, std=std, **STILL), filtered),
    ):
        method = kind(nets.linear(32, 1, 4, seed=seed), 4, linear=True, seed=seed)
        fit(method, data, views, steps=300, batch_size=512, lr=2e-2, seed=seed, **EXACT)
        through = method.decoder[0].weight @ method.encoder.map.weight  # type: ignore[index, operator, union-attr]
        assert (through - expected).norm() < 0.1 * expected.norm()


def test_principal_angles_are_what_they_are() -> None:
    basis = torch.linalg.qr(torch.randn(7, 4, generator=generator(), dtype=torch.float64))[0]
    mixed = basis[:, :2] @ torch.tensor([[1.0, 2.0], [0.5, -3.0]], dtype=torch.float64)
    assert angles(basis[:, :2], mixed).max() < 1e-4  # the same span in other coordinates
    assert torch.allclose(angles(basis[:, :2], basis[:, 2:]), torch.full((2,), 90.0).double())
    turned = torch.stack([basis[:, 0], basis[:, 1] + math.sqrt(3) * basis[:, 2]], 1)
    assert torch.allclose(angles(basis[:, :2], turned), torch.tensor([0.0, 60.0]).double(), atol=1e-4)


# ── views


def test_noise_lies_on_one_of_two_pictures(data: Images) -> None:
    noisy, clean = denoising(16, std=0.05, **STILL)(data, generator())
    assert torch.allclose(clean, as_float(data.x), atol=1e-5)
    inside = (clean > 0.2) & (clean < 0.8)  # four deviations from where values are cut
    assert (noisy - clean)[inside].std() == pytest.approx(0.05, rel=0.05)
    assert (noisy - clean)[inside].mean().abs() < 0.002
    strong = denoising(16, std=2.0, **STILL)(data, generator()).noisy
    assert (strong.min(), strong.max()) == (0, 1)


@pytest.mark.parametrize(("share", "patch"), [(0.25, 1), (0.5, 4), (0.75, 2)])
def test_masked_squares_are_grey_and_the_rest_is_left_alone(data: Images, share: float, patch: int) -> None:
    noisy, clean = denoising(16, masked=share, patch=patch, **STILL)(data, generator())
    hidden = (noisy != clean).any(1)
    squares = hidden.view(-1, 16 // patch, patch, 16 // patch, patch)
    painted = noisy.movedim(1, 3)[hidden]
    assert (painted == 0.5).all()
    assert squares.any((2, 4)).sum((1, 2)).float().mean() == pytest.approx(share * (16 // patch) ** 2, abs=1)
    assert hidden.any(0).all()  # every pixel is hidden some time


def test_both_kinds_of_noise_at_once_and_none_of_them(data: Images) -> None:
    noisy, clean = denoising(16, std=0.1, masked=0.5, **STILL)(data, generator())
    grey = (noisy == 0.5).all(1)
    assert (grey.sum((1, 2)) == 128).all()
    assert (noisy != clean).movedim(1, 3)[~grey].float().mean() > 0.9
    same, clean = denoising(16)(data, generator())
    assert torch.equal(same, clean)
    assert torch.equal(clean, weak(16)(data, generator())[0])


def test_noise_comes_from_the_generator_alone(data: Images) -> None:
    before, recipe = torch.get_rng_state(), denoising(16, std=0.2, masked=0.25, patch=4)
    one, same, other = (recipe(data, generator(seed)) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.equal(torch.get_rng_state(), before)


# ── bad input


class Nameless(nn.Module):
    dim = 4


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: Autoencoder(Nameless()), TypeError, r"encoder is Nameless without an integer \.channels"),
        (
            lambda: Autoencoder(nets.linear(4, size=16), 24),
            ValueError,
            "size is 24, and the encoder was made for size=16",
        ),
        (lambda: Autoencoder(nets.linear(0), 32), ValueError, "dim is 0; expected 1 or more"),
        (lambda: Autoencoder(nets.conv(4), 0, linear=True), ValueError, "size is 0; expected 1 or more"),
        (lambda: Autoencoder(nets.conv(4), 18), ValueError, "size is 18; expected a multiple of 4"),
        (lambda: small()([]), ValueError, r"views holds 0 view\(s\); expected at least 1"),
        (lambda: small()([pictures()] * 2), ValueError, r"views holds 2 tensors; expected one.*augment\.images\.weak"),
        (lambda: small()(pictures()), TypeError, "views is a Tensor"),
        (lambda: small()([pictures(size=12)]), ValueError, r"x has shape \(5, 3, 12, 12\); expected \(B, 3, 16, 16\)"),
        (lambda: small().reconstruct(pictures(channels=1)), ValueError, r"expected \(B, 3, 16, 16\)"),
        (lambda: small().reconstruct(2 * pictures()), ValueError, "expected floats from 0 to 1"),
        (lambda: small(DenoisingAutoencoder)([pictures()]), ValueError, r"expected noisy, clean: .*noise\.denoising"),
        (
            lambda: small(DenoisingAutoencoder)([pictures(), pictures(4)]),
            ValueError,
            r"noisy has shape \(5, 3, 16, 16\) and clean \(4, 3, 16, 16\)",
        ),
        (lambda: reconstruction_loss(pictures(), pictures(size=12)), ValueError, "painted has shape"),
        (lambda: denoising_loss(lambda x: x[:, :1], pictures(), pictures()), ValueError, "painted has shape"),
        (lambda: denoising(std=-0.1), ValueError, r"std is -0\.1; expected a standard deviation of 0 or more"),
        (lambda: denoising(std=math.nan), ValueError, "std is nan"),
        (lambda: denoising(masked=1.0), ValueError, r"masked is 1\.0; expected a share from 0 to below 1"),
        (lambda: denoising(masked=-0.1), ValueError, r"masked is -0\.1"),
        (lambda: denoising(masked=0.5, patch=0), ValueError, "patch is 0; expected 1 or more"),
        (
            lambda: denoising(16, masked=0.5, patch=3)(pictures(), generator()),
            ValueError,
            "patch is 3 and the pictures",
        ),
        (lambda: denoising(std="much"), TypeError, "std is 'much'"),
        (lambda: denoising(warmth=1), ValueError, "there is no operation 'warmth'"),
    ],
)
def test_what_makes_no_sense_is_reported(make: Callable[[], object], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        make()


# ── beside the rest


@pytest.mark.parametrize("kind", [Autoencoder, DenoisingAutoencoder])
def test_the_doctor_takes_them(kind: type[Autoencoder], data: Images) -> None:
    method = small(kind)
    views = denoising(16, std=0.2) if kind is DenoisingAutoencoder else images.weak(16)
    history = fit(method, data, views, steps=12, batch_size=32, lr=3e-3, device="cpu", progress=False)
    assert str(diagnose(history, method.encoder, data, method=method, make_views=views))
