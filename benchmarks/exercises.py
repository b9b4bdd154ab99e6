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
from typing import Any, NamedTuple

from _common import RESULTS, keep, parser, use_threads

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_suffix(".md")
CLASSES = ("named", "located", "generic", "misleading", "not caught")
# what claims nothing: it only says how the numbers differ
NEUTRAL = r"None of the usual mistakes|times the right value|always off by|A value is infinite|print the shapes|^$"

# What the checks said to each answer when it was new, before anything was changed for it, in the order of the files.
FIRST = RESULTS / "exercises_first.json"


class Run(NamedTuple):
    """A set of answers and what the checks said to them when they were new."""

    name: str
    files: tuple[str, ...]
    about: str
    by_hand: bool  # `then` is the verdict of a reader who wrote neither checks nor answers, else that of the words


RUNS = (  # the newest first: it is the page's headline; one without kept messages is left out
    Run(
        "strangers third",
        ("strangers_third.py",),
        "written by a third reader who had not seen the checks, after what the run before showed was mended (two that "
        "the exercise's text allows were left out)",
        True,
    ),
    Run(
        "strangers later",
        ("strangers_later.py",),
        "written by another reader who had not seen the checks, after what the strangers' first run showed was mended",
        True,
    ),
    Run("strangers", ("strangers.py",), "written by a reader who had not seen the checks", True),
    Run("later", ("later.py",), "by the hands that wrote the checks, after the first run was mended", False),
    Run(
        "first",
        (
            "contrast.py",
            "heads.py",
            "pretext_and_words.py",
            "statistics_and_teachers.py",
            "views_and_probes.py",
        ),
        "by the hands that wrote the checks",
        False,
    ),
)


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
        firsts = {run.name: counted(found) for run in RUNS if (found := first_run(run))}
        keep(asked, rows, first=firsts, now=counts)
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
            quick and number % 5
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


def first_run(run: Run) -> list[dict[str, Any]]:
    """The rows of a set's first run, whose messages are kept: as a reader judged them, or by today's words."""
    of_file: dict[str, Any] = {}
    for answer in answers():
        of_file.setdefault(answer.place.partition(":")[0], []).append(answer)
    left = {file: iter(of) for file, of in of_file.items()}
    rows = []
    for kept in json.loads(FIRST.read_text(encoding="utf-8"))["rows"]:
        answer = next(left[kept["file"]])
        assert answer.exercise == kept["exercise"], f"{FIRST.name} does not fit {answer.place}"
        if kept["file"] in run.files:
            words = judged(kept["message"], kept["message"].startswith("✓"), answer)
            kind = kept["then"] if run.by_hand else words
            rows.append({"exercise": answer.exercise, "right": answer.right, "class": kind, "words": words})
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
    runs = [(run, found) for run in RUNS if (found := first_run(run))]
    lines = []
    for place, (run, found) in enumerate(runs):
        how = "judged by hand" if run.by_hand else "judged by words"
        text = f"Answers {run.about}; first run, {how}: {summary(counted(found))}"
        lines.append(f"**{text}**" if not place else f"- {text}")
    table_of = runs[0][1]
    return (
        "# Are the checks of the exercises right?\n\n"
        "Written by `python benchmarks/exercises.py`, from the answers in `tests/answers/`.\n\n"
        f"{lines[0]}\n\n"
        "Who wrote the checks had seen none of these answers, and had changed nothing for them. By hand: a reader who\n"
        "wrote neither checks nor answers read code, mistake and message of each. *Named*: the message says what the\n"
        "mistake is. *Located*: it says truly where to look. *Generic*: it only says how the numbers differ.\n"
        "*Misleading*: it suggests a cause or a cure that is not this mistake. Those that were not caught count as\n"
        "such also where the exercise's text is not as strict as the answer's writer.\n\n"
        f"{table(table_of)}\n\n"
        "## The sets before\n\n" + "\n".join(lines[1:]) + "\n\n"
        "*By words*: each wrong answer says which words its hint must hold, and a hint that claims something else\n"
        "counts as misleading, even where the claim is true. What the checks said in the first runs is kept, with the\n"
        "verdicts by hand (`results/exercises_first.json`). Two right answers on the loss with a queue were changed\n"
        "later: no gradient may reach key or queue, which the check did not ask then.\n\n"
        "## Now\n\n"
        "After what each run showed was mended, so tuned on these very answers, all together and by words:\n"
        f"{summary(counts)}\n\n{table(rows)}\n"
    )


if __name__ == "__main__":
    main()
