"""VQ-VAE. Source: van den Oord et al. 2017, "Neural Discrete Representation Learning"; the codebook as moving averages:
its appendix A.1. Lessons 15 and 28."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sslwb import ranks
from sslwb.augment.images import as_float
from sslwb.core import Views, check_classes, check_shapes, number, usual, whole
from sslwb.methods.autoencoder import channels_of, check_size, one_picture, reconstruction_loss
from sslwb.methods.base import Method, check_weight, full_precision
from sslwb.nets import Decoder, seeded

UNUSED = 0.05  # an entry that is chosen less often than this share of an even one begins anew


@full_precision
def nearest_code(z: Tensor, codebook: Tensor) -> Tensor:
    """Which entry of the codebook is nearest to each vector: (…, D), (K, D) → int64 (…). Equation 1.

    Raises:
        TypeError: no tensors of floats.
        ValueError: shapes that do not fit.
    """
    check_shapes(z=(z, "* D"), codebook=(codebook, "K D"))
    # |z - e|² less |z|², which is the same for all entries
    return (codebook.square().sum(1) - 2 * z.detach() @ codebook.T).argmin(-1)


def straight_through(z: Tensor, e: Tensor) -> Tensor:
    """e as a value, and e's gradient handed to z as it is: (…, D) twice → (…, D). Section 3.2.

    Raises:
        TypeError: no tensors of floats.
        ValueError: different shapes.
    """
    check_shapes(z=(z, "* D"), e=(e, "* D"))
    return z + (e - z).detach()


def perplexity(index: Tensor, codes: int) -> Tensor:
    """How many codes are in use, exp of the entropy of their shares: int64 (N,) → scalar, 1 to `codes`.

    Raises:
        TypeError: no whole numbers.
        ValueError: another shape, or a code that does not exist.
    """
    check_shapes(index=(index, "int64 N"))
    check_classes("index", index, codes)
    used: Tensor = torch.special.entr(_counts(index, codes) / len(index)).sum().exp()
    return used


class VQVAE(Method):
    """Each place of a picture becomes the nearest entry of a codebook, and a decoder paints from these entries.

    The codebook follows what is encoded as a moving average, so no gradient moves it; an entry that nothing is near to
    begins anew at a vector of the batch. Recorded are the loss and its parts, "reconstruction" and "commitment" (mean
    squared errors), and the codebook's "perplexity".

    Args:
        encoder: of pictures, one with places (`.features`): `nets.conv`, `nets.vit`.
        size: of the pictures, pixels.
        codes: how many entries the codebook has.
        dim: length of an entry; a linear map of each place leads there.
        commitment: the paper's β, the weight with which an encoder is held to the entries that it chose.
        decay: of the moving averages.
        seed: of the first weights of map, codebook and decoder.

    Raises:
        TypeError: an encoder without places or channels.
        ValueError: fewer than 2 codes, a dim below 1, a commitment below 0, a decay outside [0, 1), sizes that do not
            fit, other pictures.
    """

    codebook_use = "perplexity"
    codebook: Tensor
    counts: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        size: int = 32,
        codes: int = 128,
        dim: int = 32,
        commitment: float = 0.25,
        decay: float = 0.95,
        seed: int = 0,
    ) -> None:
        super().__init__(encoder)
        if not hasattr(encoder, "features"):
            raise TypeError(f"encoder is {type(encoder).__name__} without .features; expected one that knows places")
        self.size, self.codes = whole("size", size, least=1), whole("codes", codes, least=2)
        self.channels = channels_of(encoder, size)
        whole("dim", dim, least=1)
        check_weight(commitment, "commitment")
        if not 0 <= number("decay", decay) < 1:
            raise ValueError(f"decay is {decay}; expected a number from 0 to below 1, with which the codebook moves")
        self.commitment, self.decay = commitment, decay
        training = encoder.training
        with torch.no_grad():
            self.places = self._features(torch.zeros(1, self.channels, size, size), encoder.eval()).shape[1]
        encoder.train(training)
        with seeded(seed):
            self.map = nn.Linear(self.encoder.dim, dim)
            self.decoder = Decoder(self.places * dim, self.channels, size)
            self.register_buffer("codebook", torch.randn(codes, dim))
        self.register_buffer("counts", torch.zeros(codes))  # how often each is chosen in a batch, a moving average
        self._seen: tuple[Tensor, Tensor] | None = None

    def forward(self, views: Views) -> dict[str, Tensor]:
        x = one_picture(views)
        z = self.encoded(x)
        index = nearest_code(z, self.codebook)
        e = self.codebook[index]
        reconstruction = reconstruction_loss(self.decoder(straight_through(z, e).flatten(1)), x)
        commitment = (z - e).square().mean()
        every = ranks.gather(index.flatten())
        self._seen = ranks.gather(z.detach().flatten(0, 1)), every
        return {
            "loss": reconstruction + self.commitment * commitment,
            "reconstruction": reconstruction,
            "commitment": commitment,
            "perplexity": perplexity(every, self.codes),
        }

    @torch.no_grad()
    def after_step(self, progress: float) -> None:
        if self._seen is None:
            return
        (z, index), self._seen = self._seen, None
        # what an entry is the mean of: counts · codebook is the sum of it, as a moving average too
        sums = self.counts[:, None] * self.codebook
        sums.lerp_(torch.zeros_like(sums).index_add_(0, index, z), 1 - self.decay)
        self.counts.lerp_(_counts(index, self.codes), 1 - self.decay)
        even = len(z) / self.codes
        unused = self.counts < UNUSED * even
        # Vectors at even distances in the batch: which pictures stand there is random already.
        some = z[torch.arange(self.codes, device=z.device) * len(z) // self.codes]
        self.codebook.copy_(torch.where(unused[:, None], some, sums / self.counts[:, None]))
        self.counts.copy_(torch.where(unused, even, self.counts))

    def encoded(self, x: Tensor) -> Tensor:
        """What is compared with the codebook, one vector a place: (B, C, size, size) → (B, L, dim).

        Raises ValueError where x has another shape.
        """
        check_size(x, self.channels, self.size)
        z: Tensor = self.map(self._features(x, self.encoder))
        return z.float()

    @usual(dtype=False)
    def tokens(self, x: Tensor) -> Tensor:
        """The pictures as numbers of codes, row by row: (B, C, size, size) in [0, 1] or bytes → int64 (B, L)."""
        return nearest_code(self.encoded(as_float(x)), self.codebook)

    @usual(dtype=False)
    def paint(self, tokens: Tensor) -> Tensor:
        """The pictures of some tokens: int64 (B, L) → (B, C, size, size) in [0, 1].

        Raises:
            TypeError: no whole numbers.
            ValueError: another number of places, or a code that does not exist.
        """
        check_shapes(tokens=(tokens, "int64 B L"))
        if tokens.shape[1] != self.places:
            raise ValueError(f"tokens has shape {tuple(tokens.shape)}; expected (B, {self.places}), one a place")
        check_classes("tokens", tokens, self.codes)
        pictures: Tensor = self.decoder(self.codebook[tokens].flatten(1))
        return pictures.float().clamp(0, 1)

    @staticmethod
    def _features(x: Tensor, encoder: nn.Module) -> Tensor:
        places: Tensor = encoder.features(x)  # type: ignore[operator]
        return places.flatten(2).transpose(1, 2) if places.ndim == 4 else places  # (B, L, dim)


def _counts(index: Tensor, codes: int) -> Tensor:
    """How often each code is there: int64 (N,) → (K,), without asking a GPU how many there are."""
    once = torch.ones(len(index), device=index.device, dtype=torch.float32)
    return once.new_zeros(codes).index_add_(0, index, once)
