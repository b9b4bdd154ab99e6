"""How good the checks of the exercises are: right answers accepted, wrong ones caught, mistakes named.

    python benchmarks/exercises.py [--quick] [--only WORD …] [--show WORD …] [--out FILE]

The answers stand in tests/answers/, one file for several lessons. Each wrong one says which words its hint must hold to
have named the mistake, or the place of it. What is neither and yet claims something is counted as misleading, whether
or not the claim is true. This runs them all and writes exercises.md beside the numbers. --only takes exercises or
files whose name contains a word and keeps nothing; --show prints what is said to answers of a class, as "misleading".
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from _common import RESULTS, keep, parser, use_threads

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_suffix(".md")
CLASSES = ("named", "located", "generic", "misleading", "not caught")
# what claims nothing: it only says how the numbers differ
NEUTRAL = r"None of the usual mistakes|times the right value|always off by|A value is infinite|print the shapes|^$"

# What the checks said to each answer when it was new, before anything was changed for it, in the order of the files.
FIRST = RESULTS / "exercises_first.json"
LATER = "later.py"  # written when the findings of the first run had been mended


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--only", nargs="*", default=[], help="exercises or files whose name contains one of these words"
    )
    arguments.add_argument("--show", nargs="*", default=[], help=f"print the answers of a class: {', '.join(CLASSES)}")
    asked = arguments.parse_args()
    use_threads(asked.threads, 1)
    rows = measured(asked.only, quick=asked.quick)
    counts = counted(rows)
    print(table(rows))
    print(summary(counts))
    for row in rows:
        if row["class"] in asked.show or row["class"] == "refused":
            print(f"\n[{row['class']}] {row['place']} wants /{row['named']}/ /{row['located']}/\n{row['message']}")
    if not (asked.only or asked.quick):
        keep(asked, rows, first=counted(first_run(later=False)), later=counted(first_run(later=True)), now=counts)
        PAGE.write_text(page(rows, counts), encoding="utf-8")


def answers() -> list[Any]:
    """Those of tests/answers/."""
    if str(ROOT / "tests") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests"))
    from answers import all_answers

    found: list[Any] = all_answers()
    return found


def measured(only: list[str], quick: bool = False) -> list[dict[str, Any]]:
    """What each answer is told, and what that is worth."""
    from sslwb import check
    from sslwb.check import calls

    calls.SECONDS = 5.0  # for the endless loops among them
    rows = []
    for number, answer in enumerate(answers()):
        if (only and not any(word in answer.exercise or word in answer.place for word in only)) or (
            quick and number % 10
        ):
            continue
        with contextlib.redirect_stdout(io.StringIO()):
            report = getattr(check, answer.exercise)(answer.f)
        kind = judged(report.message, report.passed, answer)
        rows.append(
            {"exercise": answer.exercise, "place": answer.place, "right": answer.right, "class": kind}
            | {"named": answer.named, "located": answer.located, "message": report.message}
        )
    return rows


def first_run(later: bool) -> list[dict[str, Any]]:
    """The rows of the first run of the later answers, or of all others: the messages are kept, and judged as today."""
    of_file: dict[str, Any] = {}
    for answer in answers():
        of_file.setdefault(answer.place.partition(":")[0], []).append(answer)
    left = {file: iter(of) for file, of in of_file.items()}
    rows = []
    for kept in json.loads(FIRST.read_text(encoding="utf-8"))["rows"]:
        answer = next(left[kept["file"]])
        assert answer.exercise == kept["exercise"], f"{FIRST.name} does not fit {answer.place}"
        if (kept["file"] == LATER) == later:
            kind = judged(kept["message"], kept["message"].startswith("✓"), answer)
            rows.append({"right": answer.right, "class": kind, "then": kept["then"]})
    return rows


def judged(message: str, passed: bool, answer: Any) -> str:
    """The class of a verdict."""
    if answer.right:
        return "accepted" if passed else "refused"
    if passed:
        return "not caught"
    said = hint_in(message)
    if re.search(answer.named, said, re.IGNORECASE | re.DOTALL):
        return "named"
    if answer.located and re.search(answer.located, said, re.IGNORECASE | re.DOTALL):
        return "located"
    return "generic" if re.search(NEUTRAL, said) else "misleading"


def hint_in(message: str) -> str:
    """A message without the trial, the numbers and the learner's own line, whose words prove nothing."""
    said = message.partition(": ")[2]
    said = re.sub(r"\n  \(For .*\)$", "", said, flags=re.DOTALL)
    said = re.sub(r"^for .*? (yours gives|your function returned) .*?expected .*?\.(\n|$)", "", said, flags=re.DOTALL)
    return re.sub(
        r"^for .*?, (your function (stopped|did not end))", r"\1", re.sub(r"(in line \d+), `.*?`", r"\1", said)
    )


def counted(rows: list[dict[str, Any]]) -> dict[str, int]:
    count = Counter(row["class"] for row in rows)
    wrong = sum(not row["right"] for row in rows)
    right = len(rows) - wrong
    return {"right": right, "accepted": count["accepted"], "wrong": wrong, "caught": wrong - count["not caught"]} | {
        name: count[name] for name in CLASSES[:4]
    }


def table(rows: list[dict[str, Any]]) -> str:
    """A line for each exercise."""
    lines = ["| exercise | right, accepted | wrong, caught | named | located | generic | misleading |"]
    lines.append("|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(row["exercise"] for row in rows):
        c = counted([row for row in rows if row["exercise"] == name])
        lines.append(
            f"| `{name}` | {c['right']}, {c['accepted']} | {c['wrong']}, {c['caught']} | {c['named']} | {c['located']} "
            f"| {c['generic']} | {c['misleading']} |"
        )
    return "\n".join(lines)


def summary(c: dict[str, int]) -> str:
    def share(part: str, of: str) -> str:
        return f"{c[part]} ({c[part] / max(1, c[of]):.1%})"

    both = c["named"] + c["located"]
    return (
        f"{share('accepted', 'right')} of {c['right']} right answers accepted; of {c['wrong']} wrong ones "
        f"{share('caught', 'wrong')} caught, the mistake named in {share('named', 'wrong')}, its place in "
        f"{share('located', 'wrong')}, one of the two in {both} ({both / max(1, c['wrong']):.1%}); generic "
        f"{share('generic', 'wrong')}, misleading {share('misleading', 'wrong')}."
    )


def page(rows: list[dict[str, Any]], counts: dict[str, int]) -> str:
    first, later = first_run(later=False), first_run(later=True)
    then = counted([{**row, "class": row["then"]} for row in first])
    loose = (then["named"] + then["located"]) / then["wrong"]
    runs = (
        f"**First run, not tuned on:** {summary(counted(first))}\n\n"
        "**What that showed was mended, and other answers written** (`later.py`). Their first run, not tuned on: "
        f"{summary(counted(later))}\n\n"
        f"**Now,** after that was mended too, all together: {summary(counts)}"
    )
    return (
        "# Are the checks of the exercises right?\n\n"
        "Written by `python benchmarks/exercises.py`, from the answers in `tests/answers/`. They were written after\n"
        "the checks; each wrong one says which words its hint must hold. A hint that claims something else counts as\n"
        "misleading, even where the claim is true.\n\n"
        "The same hands wrote checks and answers, so a stranger's will do somewhat worse. The words that a hint\n"
        "must hold were made stricter once, after the first run: by the words of then it named or located\n"
        f"{loose:.1%}. What the checks said in the first runs is kept (`results/exercises_first.json`) and judged\n"
        "by today's words.\n\n"
        f"{runs}\n\n{table(rows)}\n"
    )


if __name__ == "__main__":
    main()
