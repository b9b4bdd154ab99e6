"""The words that could stand behind [MASK], by model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sslwb.show.card import LETTERS, WIDTH, Card, blank, by_name, fitting, headed
from sslwb.show.colours import FAINT, INK, PALE, PALETTE, SOFT

Column = Sequence[tuple[str, float]]  # (word, probability), the likeliest first
LEAST = 0.0005  # of a probability that is shown: 0.001 when rounded


def candidates(
    columns: Mapping[str, Sequence[tuple[str, float]]], sentence: str = "", *, title: str = "", caption: str = ""
) -> Card:
    """The words that a model predicts for a place of a sentence, with their probabilities: a panel for each model.

    Args:
        columns: {model: (word, probability) pairs, the likeliest first}; see `evaluate.fill_mask`.
        sentence: the one with the place.
        title: what the figure says.
        caption: a line below.

    Raises:
        ValueError: no model, more than four, or no word.
    """
    words = candidate_words(by_name("columns", columns).values())
    if len(columns) > 4 or not words:
        raise ValueError(f"columns holds {len(columns)} columns and {len(words)} words; expected 1 to 4, with words")
    figure, ((*axes,),) = blank(0.7 + 0.27 * len(words) + (0.3 if title else 0), columns=len(columns), sharey=True)
    most = max(p for column in columns.values() for _, p in column)
    described = []
    for i, (ax, (name, column)) in enumerate(zip(axes, columns.items(), strict=True)):
        p = dict(column)
        ax.barh(range(len(words)), [p.get(word, 0.0) for word in words], color=PALE[i % 2], height=0.7)
        for row, word in enumerate(words):
            ax.annotate(
                written(p.get(word), column),
                (p.get(word, 0.0), row),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontsize=9,
                color=INK if word in p else SOFT,
            )
        ax.set_xlim(0, most * (1.2 + 0.12 * len(columns)))  # before the ticks, which are the same in all panels
        ax.locator_params(axis="x", nbins=4)
        ax.set_xticks([tick for tick in ax.get_xticks() if 0 <= tick <= min(1, ax.get_xlim()[1])])
        ax.set_title(
            fitting(name, (96 * WIDTH - 8 * min(LETTERS, max(map(len, words))) - 40) / len(columns)),
            loc="left",
            fontsize=10,
            color=PALETTE[i % 2],
            fontweight="bold",
        )
        ax.tick_params(axis="y", length=0, labelcolor=INK, labelsize=10)
        ax.grid(axis="x", color=FAINT, linewidth=0.7)
        described.append(f"{name}: " + ", ".join(f"{word} {value:.2f}" for word, value in column))
    axes[0].set_yticks(range(len(words)), [fitting(word, 8 * LETTERS) for word in words])
    axes[0].invert_yaxis()
    headed(figure, title)
    where = f" for “{sentence}”" if sentence else ""
    return Card(figure, f"{title or 'Candidates'}{where}. {'; '.join(described)}.", caption or sentence)


def candidate_words(columns: Iterable[Column]) -> list[str]:
    """The words to show, in the order of the first column; then what the others add."""
    return list(dict.fromkeys(word for column in columns for word, p in column if p >= LEAST))


def written(p: float | None, column: Column) -> str:
    """A probability; of a word that is not among the likeliest it is known only that it is less likely than they."""
    if p is not None:
        return f"{p:.3f}"
    return f"< {max(column[-1][1], 2 * LEAST):.3f}" if column else ""
