"""The checks as a whole: what they catch beside wrong numbers, and the answers that they are measured by."""

import importlib
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

from sslwb import check
from sslwb.check import calls
from sslwb.methods.simclr import nt_xent

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


def test_the_first_run_is_what_was_said_then(exercises: Any) -> None:
    for later, least in ((False, 400), (True, 50)):
        counts = exercises.counted(exercises.first_run(later))
        assert counts["right"] + counts["wrong"] >= least
        assert counts["accepted"] == counts["right"]
        assert counts["caught"] >= 0.97 * counts["wrong"]
        assert counts["named"] + counts["located"] >= 0.8 * counts["wrong"]
