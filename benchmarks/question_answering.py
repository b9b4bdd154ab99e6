"""Questions on tales: where in the story is the answer, and how many questions with answers does it take to learn?

    python benchmarks/question_answering.py [--seeds 3] [--split test] [--quick] [--out FILE]

BERT as in lesson 12 reads 16,384 tales without labels. Then `tasks.Spans` learns from 20, 100 and 500 questions on
tales (`data.questions`). *tuned* trains the encoder too, at two rates, *frozen* a head on features that stay as they
are; from BERT's weights, and from nothing. "no encoder" is the rule `tasks.spans.guess`, which learns nothing.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from _rows import Rows, arguments, run
from torch import nn

from sslwb import nets
from sslwb.augment.tokens import mask
from sslwb.data import load, questions
from sslwb.evaluate.embedding import WithoutEncoder
from sslwb.methods.bert import BERT
from sslwb.tasks import Spans
from sslwb.train import trained

COUNTS = (20, 100, 500)
TALES, TEST = 16_384, 900  # six in ten ask a question
BERTS: dict[str, Any] = {"steps": 2400, "batch_size": 16, "lr": 4e-3, "weight_decay": 1e-2, "warmup": 0.05}
SPANS: dict[str, Any] = {"steps": 300, "batch_size": 16}
RATES = {"tuned": (1e-3, 3e-3), "frozen": (1e-2,)}


def measure(name: str, seed: int, share: float, split: str = "test") -> Rows:
    """Exact match for each number of questions, of each way to learn."""
    tales = load("tales", n=max(600, round(TALES * share)), seed=seed)
    asked, test = questions(tales), questions(load("tales", split, n=TEST, seed=seed))
    words = len(tales.vocabulary)

    def fresh() -> nn.Module:
        return nets.bert(words, context=80, dim=64, depth=2, heads=4, seed=seed)

    method = BERT(fresh(), seed=seed)
    hiding = mask(words, 0.4, random=0.0, kept=0.0)
    trained(method, tales, hiding, seed=seed, precision="fp32", progress=False, **shortened(BERTS, share))
    yield "no encoder", {"all": Spans()(WithoutEncoder(1), asked, test)["exact match"]}
    for count in COUNTS:
        for start, encoder in {"pretrained": method.encoder, "from nothing": fresh()}.items():
            for way, rates in RATES.items():
                for lr in rates:
                    task = Spans(tune=way == "tuned", lr=lr, seed=seed, **shortened(SPANS, share))
                    yield f"{start}, {way}, rate {lr}", {str(count): task(encoder, asked[:count], test)["exact match"]}


def shortened(how: dict[str, Any], share: float) -> dict[str, Any]:
    return {**how, "steps": max(2, round(how["steps"] * share))}


def main() -> None:
    asked = arguments(__doc__, ["tales"])
    asked.add_argument("--split", default="test", choices=["val", "test"])
    options = asked.parse_args()
    about = {"data": "tales", "encoder": "bert(dim=64, depth=2, heads=4)", "split": options.split}
    run(options, partial(measure, split=options.split), about | {"BERT": BERTS, "spans": SPANS})


if __name__ == "__main__":
    main()
