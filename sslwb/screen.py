"""Words on a screen that may not have all our signs: Windows and old servers write cp1252 or ASCII."""

import codecs
import io
import sys
from typing import TextIO

PLAIN = {"✓": "+", "✗": "x", "·": "-", "→": "->", "…": "...", "–": "-", "−": "-", "×": "x", "±": "+-"}
PLAIN |= {"≥": ">=", "≤": "<=", "≈": "~", "“": '"', "”": '"', "‘": "'", "’": "'"}


def _plainly(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeEncodeError)
    return "".join(PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end


codecs.register_error("sslwb", _plainly)  # "✓ done".encode("ascii", "sslwb") == b"+ done"


def plain_signs(*streams: TextIO | None) -> None:
    """From here on, write a sign that a stream's encoding lacks as a plainer one: ✓ as +, → as ->, others as ?."""
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):  # a notebook's own streams take every sign
            stream.reconfigure(errors="sslwb")


def say(text: str) -> None:
    """Print a line, in plainer signs where the screen lacks some of them: a result is not lost for a tick."""
    try:
        print(text, flush=True)
    except UnicodeEncodeError:
        encoding = sys.stdout.encoding or "ascii"
        print(text.encode(encoding, "sslwb").decode(encoding), flush=True)
