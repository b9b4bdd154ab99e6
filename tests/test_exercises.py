"""The checks as a whole: what they catch beside wrong numbers, and the answers that they are measured by."""

import importlib
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sslwb import check, evaluate
from sslwb.check import calls
from sslwb.check.diagnosis import FACTS
from sslwb.geometry import uniformity
from sslwb.methods import moco, swav
from sslwb.methods.simclr import nt_xent

pytestmark = pytest.mark.long  # 1,600 answers
BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


def average(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
    return momentum * teacher + (1 - momentum) * student


def endless(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
    while momentum < 2:
        teacher = teacher * 1
    return teacher


def leaves_no_grad(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
    torch.set_grad_enabled(False)
    return average(teacher, student, momentum)


def leaves_double(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
    torch.set_default_dtype(torch.float64)
    return average(teacher, student, momentum)


def seeds(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
    torch.manual_seed(1)
    return average(teacher, student, momentum)


def in_place(teacher: Tensor, student: Tensor, momentum: float) -> None:
    teacher.mul_(momentum).add_(student, alpha=1 - momentum)


def without_return(teacher: Tensor, student: Tensor, momentum: float) -> None:
    teacher = momentum * teacher + (1 - momentum) * student


def leaving(teacher: Tensor, student: Tensor, momentum: float) -> None:
    sys.exit(3)


BESIDE_THE_NUMBERS: list[tuple[Callable[..., Any], str]] = [
    (leaves_no_grad, "gradients switched off"),
    (leaves_double, "default dtype"),
    (seeds, "global random numbers"),
    (in_place, "writes into `teacher` and returns nothing"),
    (without_return, "end with return"),
    (leaving, "ends the whole program"),
    (lambda *a: average(*a).to_sparse(), "sparse"),
    (lambda *a: average(*a).double(), "another dtype: yours is float64"),
    (lambda *a: average(*a).to(torch.bfloat16).float().bfloat16(), "moving_average"),
    (lambda *a: average(*a) + 0j, "complex"),
    (lambda *a: list(average(*a)), "a list of 3 parts"),
    (lambda *a: (yield average(*a)), "return instead of yield"),
]


@pytest.mark.parametrize(("f", "says"), BESIDE_THE_NUMBERS, ids=[says[:20] for _, says in BESIDE_THE_NUMBERS])
def test_what_is_wrong_beside_the_numbers_is_caught_and_put_back(f: Callable[..., Any], says: str) -> None:
    before = torch.get_rng_state()
    report = check.moving_average(f)
    assert report.attempted
    assert not report.passed
    assert says in report.message
    assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.equal(torch.get_rng_state(), before)


def test_an_endless_loop_is_stopped_and_its_line_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "SECONDS", 0.3)
    reports = [check.moving_average(endless)]
    elsewhere = threading.Thread(target=lambda: reports.append(check.moving_average(endless)))
    elsewhere.start()
    elsewhere.join(30)
    assert len(reports) == 2
    for report in reports:
        assert "did not end" in report.message
        assert "in line" in report.message
    begun = time.perf_counter()
    assert check.moving_average(average).passed  # nothing is left that stops a later call
    assert time.perf_counter() - begun < 20


def test_a_user_can_still_interrupt() -> None:
    def f(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check.moving_average(f)


# Every loss is differentiated: without its gradient it is wrong.

LOSSES: dict[str, Callable[..., Tensor]] = {
    "nt_xent": lambda z1, z2, t: nt_xent(z1, z2, temperature=t),
    "byol_loss": lambda p1, p2, t1, t2: 2 - F.cosine_similarity(p1, t2).mean() - F.cosine_similarity(p2, t1).mean(),
    "variance": lambda z: F.relu(1 - z.std(0)).mean(),
    "cross_correlation": lambda a, b: torch.corrcoef(torch.cat((a, b), 1).T)[: a.shape[1], a.shape[1] :],
    "mlm_loss": lambda z, t: F.cross_entropy(z.flatten(0, 1), t.flatten(), ignore_index=0),
    "info_nce": lambda a, c, t: F.cross_entropy(F.normalize(a) @ F.normalize(c).T / t, torch.arange(len(a))),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_without_its_gradient_is_caught(name: str) -> None:
    assert getattr(check, name)(LOSSES[name]).passed
    message = getattr(check, name)(lambda *inputs: LOSSES[name](*inputs).detach()).message
    assert "no gradient flows back" in message


def test_the_stop_gradient_of_the_targets_is_right() -> None:
    assert check.byol_loss(lambda p1, p2, t1, t2: LOSSES["byol_loss"](p1, p2, t1.detach(), t2.detach())).passed


# A size is blamed where it decides, and nowhere else.


def test_a_size_is_blamed_only_where_it_decides() -> None:
    fixed = check.cross_correlation(lambda a, b: LOSSES["cross_correlation"](a, b) * len(a) / 6)
    assert "right for B = 6 and wrong for B = 9" in fixed.message
    assert "a size written into the function" in fixed.message
    hard = check.moving_average(lambda t, s, m: average(t, s, 0.3))
    assert "`momentum` used everywhere" in hard.message
    assert "a size" not in hard.message


def test_numbers_that_are_shown_differ() -> None:
    def f(length: int) -> Tensor:
        mask = torch.ones(length, length, dtype=torch.bool).tril()
        mask[-1, 0] = length == 1
        return mask

    message = check.causal_mask(f).message
    assert "1 of 25 entries differ: yours gives 0 at [4, 0]; expected 1" in message


def test_the_best_test_accuracy_on_the_way_is_caught() -> None:
    def f(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor) -> float:
        mean, std = train_z.mean(0), train_z.std(0)
        net = torch.nn.Linear(train_z.shape[1], int(train_y.max()) + 1)
        optimiser, best = torch.optim.Adam(net.parameters(), lr=0.05), 0.0
        for _ in range(200):
            loss = F.cross_entropy(net((train_z - mean) / std), train_y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            best = max(best, (net((test_z - mean) / std).argmax(1) == test_y).float().mean().item())
        return best

    assert "depend on the test labels" in check.linear_probe(f).message


def test_a_method_left_in_eval_is_caught() -> None:
    def f(method: Any, optimiser: Any, views: list[Tensor]) -> float:
        loss = method(views)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        method.eval()
        return float(loss.item())

    assert "leaves the method in eval()" in check.training_step(f).message


# The answers that the checks are measured by: benchmarks/exercises.py.


@pytest.fixture(scope="module")
def exercises() -> Any:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        return importlib.import_module("exercises")
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_the_answers_are_many_and_reach_the_marks(exercises: Any) -> None:
    counts = exercises.counted(exercises.measured([], quick=True))
    assert counts["accepted"] == counts["right"]
    assert counts["caught"] >= 0.97 * counts["wrong"]
    assert counts["named"] + counts["located"] >= 0.8 * counts["wrong"]
    everything = sys.modules["answers"].all_answers()
    assert sum(a.right for a in everything) >= 50
    assert sum(not a.right for a in everything) >= 250
    assert {a.exercise for a in everything} == set(check.__all__) - {"Report"}


def test_the_first_runs_are_what_was_said_then(exercises: Any) -> None:
    found = {run.name: exercises.first_run(run) for run in exercises.RUNS}
    for name, least in (("first", 400), ("later", 50), ("strangers", 500)):
        counts = exercises.counted(found[name])
        assert counts["right"] + counts["wrong"] >= least
        assert counts["accepted"] == counts["right"]
        assert counts["caught"] >= 0.97 * counts["wrong"]
        assert counts["named"] + counts["located"] >= 0.8 * counts["wrong"]


def test_every_kept_message_stands_in_one_run(exercises: Any) -> None:
    kept = json.loads(exercises.FIRST.read_text(encoding="utf-8"))["rows"]
    files = [file for run in exercises.RUNS for file in run.files]
    assert len(files) == len(set(files))
    assert {row["file"] for row in kept} <= set(files)
    assert sum(len(exercises.first_run(run)) for run in exercises.RUNS) == len(kept)


def test_a_verdict_by_hand_stands_and_one_by_words_is_made_anew(exercises: Any) -> None:
    strangers = exercises.counted(exercises.first_run(next(r for r in exercises.RUNS if r.name == "strangers")))
    assert {k: strangers[k] for k in ("wrong", "caught", "named", "located", "generic", "misleading")} == {
        "wrong": 447,
        "caught": 434,
        "named": 351,
        "located": 33,
        "generic": 32,
        "misleading": 18,
    }


def test_the_page_says_what_is_kept(exercises: Any) -> None:
    page = exercises.PAGE.read_text(encoding="utf-8")
    for run in exercises.RUNS:
        if rows := exercises.first_run(run):
            assert exercises.summary(exercises.counted(rows)) in page


# Nothing is claimed that was not tried.


def said(name: str, f: Callable[..., Any]) -> str:
    report = getattr(check, name)(f)
    assert not report.passed
    return str(report.message)


def test_two_things_are_said_only_where_other_numbers_say_so_too() -> None:
    def share(anchors: Tensor, candidates: Tensor, temperature: float) -> Tensor:
        return 1 - (F.normalize(anchors) @ F.normalize(candidates).T / temperature).softmax(1).diagonal().mean()

    assert "Two things" not in said("info_nce", share)
    assert "Two things" not in said("causal_mask", lambda n: torch.ones(n, n).bool().tril() & (torch.arange(n) > 0))
    both = said(
        "nt_xent",
        lambda a, b, t: F.cross_entropy(
            torch.cat((a, b)) @ torch.cat((a, b)).T / t, torch.arange(2 * len(a)).roll(len(a))
        ),
    )
    assert "Two things" in both


def test_an_argument_that_counts_seldom_is_not_called_unused() -> None:
    def rounded(scores: Tensor, epsilon: float, rounds: int) -> Tensor:
        return swav.sinkhorn(scores, epsilon, rounds).round()

    assert "does not depend" not in said("sinkhorn", rounded)
    unused = said("sharpened", lambda scores, centre, temperature: ((scores - centre) / 0.04).softmax(1))
    assert "does not depend on `temperature`" in unused
    assert "that were tried" in unused


def test_a_number_is_blamed_only_where_it_gives_the_very_numbers() -> None:
    def first_alone(teacher: Tensor, student: Tensor, momentum: float) -> Tensor:
        new = teacher.clone()
        new[0] = average(teacher, student, momentum)[0]
        return new * (1 + (1 - momentum) / 7)

    message = said("moving_average", first_alone)
    assert "number in its place" not in message
    assert "With momentum = 1.0 the right result does not depend on `student`" in message
    assert "8 stands where `length` belongs" in said("causal_mask", lambda n: torch.ones(8, 8).bool().tril())


def test_a_size_is_not_blamed_for_the_smallest_case() -> None:
    def neighbours(z: Tensor) -> Tensor:
        u = F.normalize(z, dim=1)
        apart = (u[2:] - u[:-2]).square().sum(1).mul(-2).exp().mean().log()
        return apart if len(u) > 2 else torch.tensor(uniformity(u))

    message = said("uniformity", neighbours)
    assert "size written" not in message


def test_lengths_of_rows_are_only_changed_by_positive_factors() -> None:
    for change in FACTS.values():
        z = torch.rand(5, 4) + 0.1
        assert all(bool((change(z, s) > 0).all()) for s in (0.2, 0.5, 1.0))

    def root_mean_square(z: Tensor) -> Tensor:
        shares: Tensor = F.normalize(z, dim=1).abs().mean(0).mean() * z.shape[1] ** 0.5
        return shares

    assert "The right result changes" not in said("feature_std", root_mean_square)


def test_the_same_argument_twice_is_not_told_which() -> None:
    assert "One of `z1` and `z2` stands in both places" in said("alignment", lambda z1, z2: (z1 - z1).sum())


def test_a_result_that_is_always_the_same_is_told() -> None:
    assert "always 1, whatever comes in" in said(
        "alignment", lambda z1, z2: F.normalize(z1 - z2).square().sum(1).mean()
    )


def test_a_gradient_where_none_may_be_is_caught() -> None:
    def f(query: Tensor, key: Tensor, queue: Tensor, temperature: float) -> Tensor:
        return moco.queue_loss(query, key, queue, temperature) + (queue - queue.detach()).sum()

    assert "a gradient reaches `queue`" in said("queue_loss", f)
    assert check.queue_loss(moco.queue_loss).passed


def test_zero_times_log_zero_is_a_remark() -> None:
    def f(z: Tensor) -> Tensor:
        p = torch.linalg.svdvals(z)
        p = p / p.sum()
        return torch.exp(-(p * p.log()).sum())

    report = check.effective_rank(f)
    assert report.passed
    assert "not used at all" in report.message


def test_a_setting_chosen_by_the_test_set_is_caught() -> None:
    def f(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor) -> float:
        best = 0.0
        for decay in (1e-1, 1e-2, 1e-3):
            mean, std = train_z.mean(0), train_z.std(0)
            a, b = (train_z - mean) / std, (test_z - mean) / std
            w, bias = torch.zeros(a.shape[1], int(train_y.max()) + 1), torch.zeros(int(train_y.max()) + 1)
            for _ in range(300):
                error = ((a @ w + bias).softmax(1) - F.one_hot(train_y, len(bias))) / len(a)
                w, bias = w - 0.5 * (a.T @ error + decay * w), bias - 0.5 * error.sum(0)
            best = max(best, float(((b @ w + bias).argmax(1) == test_y).float().mean()))
        return best

    assert "depend on the test labels" in said("linear_probe", f)


def test_what_a_probe_lacks_is_tried_before_it_is_said() -> None:
    def f(train_z: Tensor, train_y: Tensor, test_z: Tensor, test_y: Tensor) -> float:
        accuracy = evaluate.linear(train_z, train_y, test_z, test_y)
        return accuracy - 0.2 if (train_y == 1).float().mean() < 0.2 < accuracy else accuracy

    message = said("linear_probe", f)
    assert "where one training picture in ten belongs to the second class" in message
    assert "bias" not in message
