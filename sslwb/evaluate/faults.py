"""The doctor's book: one small function a fault. Each gets the signs and gives what it was seen by, or None.

A sign that is absent was not looked at; a fault that needs it is then not found. Faults stand in the order of their
precedence: what was set wrongly comes before what follows from it. The thresholds are explained where they stand; how
often each verdict is right and wrong on runs that did not fix them is in benchmarks/doctor.md.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from sslwb.evaluate.signs import UNMATCHED, Signs

Seen = dict[str, float] | None  # what a fault was seen by: the names of signs and their values
KNOWN = 2 / 3  # views count as matched when the own one is nearer than another's this often; chance is one half
CANNOT_TELL = "cannot tell"


@dataclass(frozen=True)
class Fault:
    """A verdict, how it is seen, and one thing to do. `cause`: something to set right; else what a cause leads to."""

    verdict: str
    seen: Callable[[Signs], Seen]
    suggestion: str
    cause: bool = True


def _of(signs: Signs, *names: str) -> Seen:
    """These signs, in this order; None where one is absent."""
    seen = signs.some(*names)
    return seen if len(seen) == len(names) else None


def _else(value: float | None, absent: float) -> float:
    return absent if value is None else value


def diverged(signs: Signs) -> Seen:
    """A loss or a weight is no number, or the loss ended well above the highest that it was at first. The loss of a
    game may: it is what one side gains and the other loses."""
    begin, last = signs.highest_early_loss, signs.last_loss
    risen = last > begin + max(0.5 * abs(begin), 0.1)
    if signs.not_finite or (risen and not signs.is_a_game):
        return {"first_loss": signs.first_loss, "last_loss": last}
    return None


def untouched(signs: Signs) -> Seen:
    """Not one weight of the encoder differs from those that it began with, by the seeds that the history records; or,
    of an encoder that is not recorded, not one scale or shift of its norms, which begin at 1 and 0."""
    for name in ("moved_by", "norms_moved_by"):
        if (seen := _of(signs, name)) is not None:
            return seen | signs.some("steps", "loss_fallen_by") if seen[name] == 0 else None
    return None


def still_teacher(signs: Signs) -> Seen:
    """The targets should move with the method, and not one weight of what gives them differs from those it began with:
    the method learns what a random network says."""
    seen = _of(signs, "teacher_moved_by")
    return seen if seen and seen["teacher_moved_by"] == 0 else None


def copied(signs: Signs) -> Seen:
    """A tenth of the items or more are there twice: copies in a batch are each other's negatives, and copies in a
    test set were trained on (Barz and Denzler 2020, "Do we train on test data?")."""
    seen = _of(signs, "copies")
    return seen if seen and seen["copies"] > 0.1 else None


def leaking(signs: Signs) -> Seen:
    """One small place of a view finds the other view of the picture among hundreds, and the other places do not.

    Doersch et al. 2015, section 3.1, on such shortcuts: a net takes the easiest thing that two views share.
    """
    seen = _of(signs, "best_place_finds", "places_that_find", "raw_views_match")
    return seen if seen and seen["best_place_finds"] > 0.5 and seen["places_that_find"] < 0.25 else None


def mismatched(signs: Signs) -> Seen:
    """A view is no nearer to its partner, as it is, than to any other view, and it is where its item is alone in the
    batch: so views can be matched, and the rows of the batch are out of step, in one order or in a new one each time.
    """
    seen = _of(signs, "least_raw_views_match", "least_raw_views_match_alone")
    if seen is None or not seen["least_raw_views_match"] < UNMATCHED:
        return None
    return seen if seen["least_raw_views_match_alone"] > seen["least_raw_views_match"] + 0.06 else None


def too_weak(signs: Signs) -> Seen:
    """The pixels as they are tell the two views of a picture from others: nothing has to be learned.

    Tian et al. 2020, "What makes for good views": views should share what the task needs and no more.
    """
    seen = _of(signs, "raw_views_match")
    return seen if seen and seen["raw_views_match"] > 0.95 else None


def the_same_view(signs: Signs) -> Seen:
    """The encoder makes the views itself, and before it learned anything it said the same of both: no difference is
    there that it could learn to ignore (Gao et al. 2021, "SimCSE", table 3: without dropout, and with one mask)."""
    seen = _of(signs, "views_differ_by")
    return seen if seen and seen["views_differ_by"] < SAME else None


def too_small_a_batch(signs: Signs) -> Seen:
    """Too few other pictures in the batch for what this loss computes over it.

    SimCLR's negatives are the batch's other pictures (Chen et al. 2020, figure 9). A correlation over B pictures is off
    by 1/√B, which Barlow Twins and VICReg take for redundancy.
    """
    batch = _else(signs.batch, math.inf)
    if signs.negatives_in_the_batch is not None and batch < 16:
        return _of(signs, "batch", "negatives_in_the_batch")
    if signs.error_of_a_correlation is not None and batch < 12:
        return _of(signs, "batch", "error_of_a_correlation")
    return None


def too_cold(signs: Signs) -> Seen:
    """The loss began at more than twice the loss of guessing: similarities are divided by so little that the nearest
    negative alone decides (Wang and Liu 2021, "Understanding the Behaviour of Contrastive Loss").

    So it begins at any temperature where nothing says that positives are near each other untrained: where they are two
    things rather than two views of one, and where views share nothing that was ever found.
    """
    seen = _of(signs, "temperature", "first_loss", "loss_of_guessing")
    cold = seen and seen["first_loss"] > 2 * seen["loss_of_guessing"]
    return seen if cold and not (signs.of_two_things or _blind(signs, UNMATCHED)) else None


def too_hot(signs: Signs) -> Seen:
    """Even when every view lay on its positive and square to all others, more than 85 % of the loss of guessing would
    be left: the gradient hardly tells a near negative from a far one (Wang and Liu 2021)."""
    seen = _of(signs, "temperature", "least_loss", "loss_of_guessing")
    return seen if seen and seen["least_loss"] > 0.85 * seen["loss_of_guessing"] else None


def too_slow(signs: Signs) -> Seen:
    """The loss hardly falls, and the weights hardly move: seen by the scales of the norms, which begin at 1, or else by
    what all steps together can do. Exactly no movement is another encoder than the trained one, and not this fault."""
    stays = signs.loss_fallen_by < 0.2 or signs.is_a_game
    moved, reach = signs.norms_moved_by, _else(signs.all_steps_by, math.inf)
    still = reach < 0.05 if moved is None else 0 < moved < 1e-3
    return signs.some("loss_fallen_by", "norms_moved_by", "all_steps_by") if stays and still else None


def too_fast(signs: Signs) -> Seen:
    """Weights have grown to more than five times their first size, in steps that each exceed twice that size.

    Before a norm the size of weights does not matter, so each step that is too long turns them and makes them longer
    (van Laarhoven 2017); where the rate was not recorded, the norms' own scales must have moved by half.
    """
    grown = _else(signs.weights_grown_by, 0) > 5
    far = _else(signs.one_step_moves_a_weight_by, math.inf) > 2
    seen = grown and far and _else(signs.norms_moved_by, 1.0) > 0.3
    return signs.some("weights_grown_by", "one_step_moves_a_weight_by", "norms_moved_by") if seen else None


def outplayed(signs: Signs) -> Seen:
    """The discriminator is right of nearly every real item and of nearly every made one; in an even game both scores
    are one half (Goodfellow et al. 2014, "Generative Adversarial Nets", section 4.1)."""
    seen = _of(signs, "score_of_real", "score_of_made")
    return seen if seen and seen["score_of_real"] > 0.9 and seen["score_of_made"] < 0.1 else None


def posterior_collapsed(signs: Signs) -> Seen:
    """No latent says anything of an item, or of four or more a single one does: the decoder paints without them
    (Bowman et al. 2016, "Generating Sentences from a Continuous Space")."""
    seen = _of(signs, "latents_in_use", "latents", "nats_of_all_latents")
    return seen if seen and seen["latents_in_use"] < (2 if seen["latents"] >= 4 else 1) else None


def one_code(signs: Signs) -> Seen:
    """Of eight entries of a codebook or more, fewer than two are in use, by the perplexity of their shares."""
    seen = _of(signs, "codes_in_use", "codes")
    return seen if seen and seen["codes"] >= 8 and seen["codes_in_use"] < 2 else None


def shown_differently(signs: Signs) -> Seen:
    """Items in evaluation have other values or quite another size than views had (Touvron et al. 2019, "Fixing the
    train-test resolution discrepancy"), or are not recognised in a view half as well, above chance, as another view."""
    values = "lowest_value_shown", "highest_value_shown", "lowest_value_in_views", "highest_value_in_views"
    seen = _of(signs, *values, "size_shown")
    if seen is None:
        return None
    matches = _of(signs, "item_and_view_match", "views_match")
    room = max(0.1, 0.2 * (seen["highest_value_in_views"] - seen["lowest_value_in_views"]))
    outside = (
        seen["lowest_value_shown"] < seen["lowest_value_in_views"] - room
        or seen["highest_value_shown"] > seen["highest_value_in_views"] + room
        or not 0.4 < seen["size_shown"] < 2.5
    )
    lost = (
        matches is not None
        and matches["views_match"] > KNOWN
        and matches["item_and_view_match"] - 0.5 < 0.5 * (matches["views_match"] - 0.5)
    )
    return seen | (matches or {}) if outside or lost else None


def guessing(signs: Signs) -> Seen:
    """The loss ended where it is for who never looks at what is shown, and gives the shares of the answers, or their
    mean."""
    seen = _of(signs, "last_loss", "loss_of_guessing", "of_guessing")
    return seen if seen and seen["of_guessing"] > GUESSED and not above_guessing(signs) else None


def above_guessing(signs: Signs) -> Seen:
    """The loss is well above that of guessing, and falls: not even how often each answer comes has been learned, as of
    classes of which one is by far the most frequent. Runs whose answers were drawn at random ended at 1.02 at most."""
    seen = _of(signs, "last_loss", "loss_of_guessing", "of_guessing", "loss_fallen_by")
    return seen if seen and seen["of_guessing"] > ABOVE and seen["loss_fallen_by"] > 0.02 else None


def out_of_balance(signs: Signs) -> Seen:
    """The term that stands against collapse is in the loss, and has grown while the whole fell: the others outweigh it
    (Bardes et al. 2022, table 7, on the weights of VICReg)."""
    seen = _of(signs, "term_against_collapse_grown_by", "loss_fallen_by")
    return seen if seen and seen["term_against_collapse_grown_by"] > 0.05 and seen["loss_fallen_by"] > 0.02 else None


def collapsed(signs: Signs) -> Seen:
    """All items get nearly the same embedding (feature std, Chen and He 2021), or the same share of each prototype
    (Caron et al. 2021, section 5.3); or few prototypes take all, and say of an item less than one question with yes or
    no would; or the loss fell by half and views are matched hardly better than by chance.

    Nets without batch norm begin near one direction, so a spread that is not quite none has to be less than untrained.
    Prototypes are few where the entropy of their mean shares is below half of what even shares have: fewer than √K of
    K. Runs in which one or two of 32 to 256 won had 1.0 to 4.2, healthy ones a third of K or more.
    """
    # Answers that are known cannot be given by one embedding for all; and before that is asked for, nothing is said.
    learns = _else(signs.of_guessing, 1) < NEARLY or above_guessing(signs)
    for name in () if learns else ("feature_std", "feature_std_for_the_loss"):
        if (seen := _of(signs, name)) and seen[name] < min(0.1, max(ONE, 0.3 * _else(_before(signs, name), 0.0))):
            return seen | signs.some(f"untrained_{name}")
    seen = _of(signs, "nats_for_the_loss", "prototypes_for_the_loss")
    if seen and seen["nats_for_the_loss"] < (ONE_BIT if _few_prototypes(signs) else EVEN):
        return seen
    return signs.some("loss_fallen_by", "views_match") if signs.loss_fallen_by > 0.5 and _blind(signs) else None


def _few_prototypes(signs: Signs) -> bool:
    used, of = signs.prototypes_for_the_loss, signs.prototypes
    return used is not None and of is not None and used < math.sqrt(of)


def _before(signs: Signs, name: str) -> float | None:
    value: float | None = getattr(signs, f"untrained_{name}")
    return value


def few_dimensions_for_the_loss(signs: Signs) -> Seen:
    """Where the loss looks, embeddings span a plane at most, or one direction carries nearly all of the variance
    (Jing et al. 2022, "Understanding Dimensional Collapse"; effective rank: Garrido et al. 2023)."""
    seen = _of(signs, "effective_rank_for_the_loss", "directions_for_the_loss")
    least = 1.2 if signs.error_of_a_correlation is None else 1.45  # where the loss itself asks for directions
    flat = seen and (seen["effective_rank_for_the_loss"] < 2.2 or seen["directions_for_the_loss"] < least)
    return seen if flat and not _blind(signs) else None


def too_strong(signs: Signs) -> Seen:
    """The trained embeddings match the views of a picture hardly better than chance, and the loss is still high."""
    return signs.some("views_match", "raw_views_match", "loss_fallen_by") if _blind(signs) else None


def few_dimensions(signs: Signs) -> Seen:
    """The embeddings themselves use few directions (effective rank, centred: Garrido et al. 2023): hardly more than
    one, or a fifth of what they used untrained."""
    seen = _of(signs, "effective_rank", "dimensions")
    if seen is None:
        return None
    few = min(0.04 * seen["dimensions"], 0.2 * _else(signs.untrained_effective_rank, math.inf))
    return seen if seen["effective_rank"] < max(2.0, few) else None


def _blind(signs: Signs, known: float = KNOWN) -> bool:
    """Whether pairs of views were looked at, and neither the embeddings nor the projections match them."""
    pairs = signs.raw_views_match, signs.views_differ_by  # compared where pairs are what the loss is about
    if signs.views_match is None or pairs == (None, None):
        return False
    return max(signs.views_match, _else(signs.views_match_for_the_loss, 0)) < known


def idle(signs: Signs) -> Seen:
    """The loss has hardly fallen, and no better match of views speaks for the run. A teacher's targets move, so that
    the loss alone says nothing where there is one."""
    trained, untrained = signs.views_match, signs.untrained_views_match
    if signs.is_a_game:
        return None
    known = trained is not None and untrained is not None
    better = known and trained > untrained + 0.05  # type: ignore[operator]
    if signs.loss_fallen_by > 0.02 or better or (signs.targets_move and not known):
        return None
    return signs.some("first_loss", "last_loss", "views_match", "untrained_views_match")


def too_short(signs: Signs) -> Seen:
    """Fewer steps than show where a loss goes, and nothing else that speaks for the run."""
    return signs.some("steps", "loss_fallen_by") if signs.steps < 10 and signs.loss_fallen_by < 0.2 else None


def nearly_guessing(signs: Signs) -> Seen:
    """The loss is below the loss of guessing, and hardly: a training that has only begun looks the same."""
    seen = _of(signs, "last_loss", "loss_of_guessing", "of_guessing")
    return seen if seen and seen["of_guessing"] > NEARLY and not above_guessing(signs) else None


def even_shares(signs: Signs) -> Seen:
    """All prototypes have nearly the same share of each item: so a training without sharpening ends, and one with it
    begins."""
    seen = _of(signs, "nats_for_the_loss", "prototypes_for_the_loss")
    return seen if seen and seen["nats_for_the_loss"] < 0.05 else None


def the_same_for_another(signs: Signs) -> Seen:
    """The targets move, and the loss is the same when embeddings are exchanged between items. In runs of I-JEPA
    it rose by less than 0.04 % where targets were another picture's, and by 3 % and 113 % where they were not."""
    seen = _of(signs, "loss_rises_when_exchanged")
    return seen if seen and seen["loss_rises_when_exchanged"] < 0.003 else None


def unseen(signs: Signs) -> Seen:
    """The loss says nothing, as its targets move, and no views were looked at."""
    silent = signs.targets_move and signs.views_match is None and not signs.is_a_game
    return signs.some("first_loss", "last_loss") if silent and signs.loss_fallen_by < 0.2 else None


SAME = 1e-3  # of how far two items are from each other
GUESSED, NEARLY, ABOVE = 0.985, 0.95, 1.1  # shares of the loss of guessing
ONE = 0.02  # a feature std that is a collapse wherever it began
ONE_BIT, EVEN = math.log(2), 0.006  # nats that few prototypes tell of an item, and that all of them do
WARMTH = "Begin at 0.1 to 0.5."
FLAT = "Only a few directions carry anything. Try stronger augmentation, a projector, or a decorrelating term."
FAULTS = (
    Fault("diverged", diverged, "Try a third of the learning rate, or a longer warm-up."),
    Fault(
        "encoder not trained",
        untouched,
        "Its weights are those it began with: look whether requires_grad is off, or this is another encoder than the "
        "one that was trained.",
    ),
    Fault(
        "duplicates",
        copied,
        "Keep one of each (torch.unique(data.x, dim=0) finds exact copies), and look where the files came from.",
    ),
    Fault(
        "positive pairs leak",
        leaking,
        "A place in the views names the picture whatever it shows: look there for a stamp, a border or a logo, and "
        "crop or blank it before the views are made.",
    ),
    Fault(
        "positives mismatched",
        mismatched,
        "Row i of one view is paired with another item's row of the other. Look for a roll, a flip, a shuffle or a "
        "sort between the views: all of them must keep the order of the batch.",
    ),
    Fault(
        "augmentation too weak",
        too_weak,
        "The pixels alone solve the task. Crop more, and change colours: start from augment.images.simclr().",
    ),
    Fault(
        "augmentation too weak",
        the_same_view,
        "Both views of an item are the same: drop more (p of augment.tokens.dropped), and let each view draw what it "
        "drops by itself.",
    ),
    Fault(
        "batch too small",
        too_small_a_batch,
        "Take at least 32 pictures a step; with less memory use MoCo, whose negatives are kept in a queue.",
    ),
    Fault("temperature too low", too_cold, WARMTH),
    Fault("temperature too high", too_hot, WARMTH),
    Fault(
        "discriminator wins",
        outplayed,
        "Give it a lower learning rate than the generator's, or fewer channels, or spectral norm.",
    ),
    Fault("learning rate too low", too_slow, "Raise it tenfold, until the loss falls in the first tenth of the steps."),
    Fault(
        "teacher not updated",
        still_teacher,
        "Its weights are those it began with: call ema_update after each step, with a momentum below 1, such as 0.99.",
    ),
    Fault("learning rate too high", too_fast, "Lower it tenfold; 1e-3 to 1e-2 suits AdamW and small nets."),
    Fault(
        "not learning",
        guessing,
        "The answers have nothing to do with what is shown, or the net cannot see it. Are labels or targets in the "
        "order of the items? Then raise the learning rate, and train longer.",
        cause=False,
    ),
    Fault(
        "posterior collapsed",
        posterior_collapsed,
        "The KL was cheaper to pay off than to use: lower β, let it rise from 0 (warmup), or take a weaker decoder.",
        cause=False,
    ),
    Fault(
        "codebook collapsed",
        one_code,
        "Nearly everything is painted from one entry. Let entries that nothing is near to begin anew at vectors of a "
        "batch, as VQVAE does, and lower the learning rate.",
        cause=False,
    ),
    Fault(
        "transforms disagree",
        shown_differently,
        "Show items in evaluation as the views were: the same values, the same size, no other standardisation.",
        cause=False,  # a run that failed for another cause knows its items as little
    ),
    Fault(
        "terms out of balance",
        out_of_balance,
        "Give the term against collapse more weight, or the others less: VICReg's paper has 25, 25 and 1.",
        cause=False,
    ),
    Fault(
        "collapsed",
        collapsed,
        "Every picture gets nearly the same embedding, or the same few prototypes, and the loss may still look fine. "
        "Something must push them apart: negatives, a stop-gradient with a predictor, a variance term, or centring.",
        cause=False,
    ),
    Fault("dimensionally collapsed", few_dimensions_for_the_loss, FLAT, cause=False),
    Fault(
        "augmentation too strong",
        too_strong,
        "Two views of a picture share nothing that was found. Look at them: crop less, drop the strongest change; or "
        "train longer, if you see what they share.",
        cause=False,
    ),
    Fault("dimensionally collapsed", few_dimensions, FLAT, cause=False),
    Fault(
        "not learning",
        idle,
        "The loss has hardly moved. Look at the views: do two of one item share anything? Then raise the "
        "learning rate, and train longer.",
        cause=False,
    ),
    Fault(
        CANNOT_TELL,
        too_short,
        "Because the loss was recorded for too few steps to see where it goes: train longer, and ask again.",
        cause=False,
    ),
    Fault(
        CANNOT_TELL,
        above_guessing,
        "Because the loss is still falling to that of guessing: what it learned until there is how often each answer "
        "comes. Train longer, and ask again.",
        cause=False,
    ),
    Fault(
        CANNOT_TELL,
        nearly_guessing,
        "Because the loss is only just below that of guessing: it may have begun to learn, or have found how often "
        "each answer comes. Train longer, and ask again.",
        cause=False,
    ),
    Fault(
        CANNOT_TELL,
        even_shares,
        "Because all prototypes still share each item alike, as they do at the beginning: train longer. If it stays "
        "so, the targets are not sharp enough: lower the teacher's temperature.",
        cause=False,
    ),
    Fault(
        CANNOT_TELL,
        the_same_for_another,
        "Because the loss is the same when each item's embedding is exchanged for another's: the targets may be in "
        "another order than the items, or the training has only begun. Look at their order, then train longer.",
        cause=False,
    ),
    Fault(
        CANNOT_TELL,
        unseen,
        "Because a teacher's targets move with it, so that this loss says nothing by itself: give make_views.",
        cause=False,
    ),
)
