"""One paper, one file: an encoder, a head, and a loss on views. Nothing here knows optimisers, epochs or devices."""
