"""Encoders with `.dim`, `encoder(x)` → (B, dim) and `encoder.features(x)` → (B, dim, H, W) or (B, L, dim); heads."""

from sslwb.nets.bottleneck import bottleneck, linear
from sslwb.nets.convolutional import conv, resnet18, wrap
from sslwb.nets.decoder import Decoder, decoder
from sslwb.nets.encoder import Encoder, EncoderModule
from sslwb.nets.heads import Prototypes, mlp
from sslwb.nets.language import bert, gpt
from sslwb.nets.seeds import seeded
from sslwb.nets.seq2seq import encoder_decoder
from sslwb.nets.transformer import vit
from sslwb.nets.whitened import whitened_patches

__all__ = [
    "Decoder",
    "Encoder",
    "EncoderModule",
    "Prototypes",
    "bert",
    "bottleneck",
    "conv",
    "decoder",
    "encoder_decoder",
    "gpt",
    "linear",
    "mlp",
    "resnet18",
    "seeded",
    "vit",
    "whitened_patches",
    "wrap",
]
