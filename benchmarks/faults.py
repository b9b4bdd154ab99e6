"""What goes wrong on other people's machines, tried on purpose: how often, what was lost, what was silent.

    python benchmarks/faults.py [--quick] [--only WORD …] [--out FILE]

The trials are tests, which `make test` runs too; here stands which of them try which kind of fault. Each asserts that
nothing is lost (the older file, the model in memory, the rows of a batch) and that an error says what happened. This
runs them and writes faults.md beside the numbers. --only takes kinds that contain a word; the others keep their rows.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from _common import keep, kept_rows, parser

ROOT = Path(__file__).parent.parent
PAGE = Path(__file__).with_suffix(".md")


@dataclass(frozen=True)
class Kind:
    """A kind of fault: what must hold, the tests that try it, and of tests that try more than one thing how many."""

    holds: str
    tests: tuple[str, ...]  # FILE::TEST below tests/, each with all of its parameters
    times: dict[str, int] = field(default_factory=dict)


KINDS: dict[str, Kind] = {
    "kill -9 in a training": Kind(
        "it goes on from its checkpoint to the same weights",
        (
            "test_train.py::test_killed_at_ten_random_steps_it_ends_at_the_same_weights",
            "test_train.py::test_what_a_killed_process_left_is_swept_when_it_is_old",
            "test_ranks.py::test_a_killed_rank_ends_the_others_and_the_checkpoint_stays_good",
        ),
        {"test_killed_at_ten_random_steps_it_ends_at_the_same_weights": 10},
    ),
    "kill -9 in a download": Kind(
        "nothing half there, and the next one fetches it",
        ("test_store.py::test_a_killed_download_leaves_nothing_half_there",),
    ),
    "full disk, read-only folder": Kind(
        "the older file and the model stay; what is optional fails nothing",
        (
            "test_train.py::test_a_failed_save_leaves_the_older_file_and_the_model",
            "test_train.py::test_an_unwritable_folder_is_reported",
            "test_train.py::test_a_cache_that_cannot_keep_a_run_costs_no_training",
            "test_store.py::test_a_full_disk_is_told_before_the_download",
            "test_store.py::test_a_disk_that_fills_up_keeps_nothing",
            "test_store.py::test_a_cache_that_cannot_be_made_is_reported",
            "test_text.py::test_a_cache_that_cannot_be_written_to_stops_nothing",
            "test_stream.py::test_embeddings_on_a_full_disk_leave_the_older_file",
        ),
    ),
    "a map of embeddings that ends early": Kind(
        "the file is what it was before",
        ("test_stream.py::test_embeddings_are_written_whole_or_not_at_all",),
    ),
    "truncated, altered and HTML downloads": Kind(
        "told by size and hash, and not kept; the next mirror is tried",
        (
            "test_store.py::test_a_wrong_download_is_told_and_not_kept",
            "test_store.py::test_the_next_mirror_is_tried",
            "test_store.py::test_verify_finds_a_byte_that_a_look_does_not",
            "test_store.py::test_a_look_alike_of_the_same_size_is_not_taken",
            "test_store.py::test_an_interrupt_keeps_nothing",
            "test_store.py::test_without_a_network_the_error_says_what_to_do",
        ),
    ),
    "eight kernels download at once": Kind(
        "one downloads, the others wait",
        ("test_store.py::test_one_of_many_kernels_downloads_and_the_others_wait",),
        {"test_one_of_many_kernels_downloads_and_the_others_wait": 8},
    ),
    "archives that climb out or swell": Kind(
        "refused whole, nothing is written",
        (
            "test_store.py::test_a_bad_archive_is_refused_whole",
            "test_store.py::test_only_files_of_the_registry_are_unpacked",
        ),
    ),
    "files of strangers": Kind(
        "nothing of them runs",
        (
            "test_train.py::test_a_bad_checkpoint_is_told_and_runs_nothing",
            "test_record.py::test_a_strangers_word_runs_nothing",
            "test_train.py::test_a_checkpoint_of_something_else_is_reported",
        ),
    ),
    "checkpoints of other settings, damaged": Kind(
        "told, and the method is left alone",
        (
            "test_train.py::test_a_checkpoint_of_other_settings_is_reported",
            "test_train.py::test_a_checkpoint_of_another_temperature_or_other_views_is_reported",
            "test_train.py::test_a_checkpoint_of_another_net_leaves_the_method_alone",
            "test_train.py::test_a_kept_run_that_is_damaged_is_trained_anew",
        ),
    ),
    "interrupt, Stop, a second start": Kind(
        "the method is usable, and goes on where it stopped",
        (
            "test_train.py::test_an_interrupt_leaves_a_usable_model",
            "test_train.py::test_no_worker_of_a_stream_outlives_the_training",
            "test_run.py::test_stop_ends_after_the_step_under_way_and_resume_goes_on",
            "test_run.py::test_stop_before_the_first_step",
            "test_run.py::test_stop_and_resume_twice_or_too_late_do_no_harm",
            "test_run.py::test_a_cancelled_cell_means_stop_and_gives_the_history",
            "test_run.py::test_a_keyboard_interrupt_in_wait_means_stop",
            "test_run.py::test_a_second_start_stops_the_first_and_begins_from_fresh_weights",
            "test_run.py::test_starting_another_method_stops_the_first_too",
        ),
    ),
    "NaN and infinity in a training": Kind(
        "it stops with the last good weights, and no checkpoint holds others",
        (
            "test_train.py::test_a_loss_that_is_no_number_stops_with_the_last_good_weights",
            "test_train.py::test_a_gradient_that_is_no_number_in_the_last_step_is_found",
            "test_train.py::test_a_checkpoint_never_holds_weights_that_are_no_numbers",
            "test_run.py::test_a_loss_that_is_no_number_fails_the_run_and_is_in_its_history",
            "test_bad_input.py::test_views_that_are_no_numbers_stop_and_are_diagnosed",
        ),
    ),
    "out of memory, an error in a step": Kind(
        "raised where the run is awaited; the steps before it are there",
        (
            "test_run.py::test_a_failure_is_raised_where_the_run_is_awaited",
            "test_train.py::test_out_of_memory_in_a_step_leaves_the_checkpoint_and_the_last_good_weights",
        ),
    ),
    "bad pictures": Kind(
        "skipped and listed; the folder is only read",
        (
            "test_folder.py::test_bad_files_are_skipped_and_listed",
            "test_folder.py::test_each_bad_file_alone_is_an_error",
            "test_folder.py::test_only_bad_files_is_an_error_that_lists_them",
            "test_folder.py::test_the_folder_is_only_read",
            "test_folder.py::test_a_good_picture_is_read_whatever_stands_beside_it",
            "test_folder.py::test_names_that_are_not_utf8_are_read_and_written_out",
            "test_stream.py::test_a_file_that_goes_away_is_named",
            "test_data.py::test_a_damaged_batch_is_reported",
            "test_data.py::test_a_damaged_idx_file_is_reported",
            "test_scenes.py::test_a_damaged_archive_is_reported",
        ),
    ),
    "bad texts": Kind(
        "told, with advice that works",
        (
            "test_text.py::test_a_file_that_is_no_text_is_reported",
            "test_text.py::test_the_advice_for_a_text_in_another_encoding_works",
            "test_text.py::test_bytes_that_are_no_text_get_no_advice_that_loads_them",
            "test_text.py::test_a_damaged_tokenizer_file_is_reported",
            "test_text.py::test_texts_whose_names_differ_in_capitals_are_all_there",
            "test_text.py::test_a_line_that_is_no_labelled_sentence_is_reported",
            "test_text.py::test_a_damaged_set_of_sentences_is_reported",
            "test_spans.py::test_damaged_questions_are_reported",
            "test_spans.py::test_files_that_ask_nothing_are_reported",
            "test_languages.py::test_damaged_captions_are_reported",
        ),
        {"test_files_that_ask_nothing_are_reported": 4, "test_damaged_captions_are_reported": 5},
    ),
    "wrong shapes, types and ranges": Kind(
        "told by name, before the first step",
        (
            "test_bad_input.py::test_a_container_tells_what_does_not_fit",
            "test_bad_input.py::test_views_without_sense_are_reported_by_the_loop",
            "test_arguments.py::test_a_wrong_number_is_named",
            "test_arguments.py::test_shapes_are_letters",
            "test_data.py::test_what_is_no_index_is_refused_in_words",
            "test_data.py::test_a_wrong_call_is_reported",
            "test_scenes.py::test_columns_that_do_not_fit_are_reported",
            "test_scenes.py::test_boxes_that_cannot_be_are_reported",
            "test_detection.py::test_data_that_do_not_know_what_stands_where_are_refused",
            "test_detection.py::test_views_that_do_not_fit_are_refused",
            "test_spans.py::test_questions_that_do_not_fit_are_reported",
        ),
        {
            "test_data_that_do_not_know_what_stands_where_are_refused": 7,
            "test_questions_that_do_not_fit_are_reported": 11,
        },
    ),
    "terminals without ticks, closed streams, no home": Kind(
        "the same is said, in signs that the terminal has",
        (
            "test_cli.py::test_a_terminal_without_ticks_is_told_the_same",
            "test_cli.py::test_help_and_training_speak_to_any_terminal",
            "test_cli.py::test_nobody_who_reads_is_no_error",
            "test_cli.py::test_closed_streams_are_no_error",
            "test_cli.py::test_a_script_is_told_in_signs_that_its_terminal_has",
            "test_store.py::test_without_any_home_the_cache_is_a_temporary_folder",
        ),
    ),
    "names given by hand, and classifiers": Kind(
        "names are there again after the kernel is; a damaged file is told and left as it is",
        (
            "browser/test_naming_live.py::test_from_a_folder_to_a_classifier_that_a_short_script_loads",
            "test_recognition.py::test_names_are_there_again_in_another_order_and_other_pictures_lose_none",
            "test_recognition.py::test_a_file_of_names_that_cannot_be_read_is_left_as_it_is",
            "test_recognition.py::test_names_that_cannot_be_kept_are_given_all_the_same",
            "test_recognition.py::test_a_file_that_is_no_classifier_is_refused",
            "test_recognition.py::test_an_encoder_that_could_not_be_made_again_is_not_saved",
        ),
        {
            "test_a_file_of_names_that_cannot_be_read_is_left_as_it_is": 5,
            "test_a_file_that_is_no_classifier_is_refused": 3,
        },
    ),
    "a notebook without its kernel": Kind(
        "what was on the page is read there",
        (
            "test_widgets.py::test_what_is_saved_is_readable_without_a_kernel",
            "test_widgets.py::test_widgets_of_words_are_read_without_a_kernel",
            "test_widgets.py::test_a_reader_without_a_kernel_gets_every_explanation",
        ),
    ),
    "Stop and ■ in the browser": Kind(
        "Run All goes on with what was learned",
        (
            "browser/test_training_live.py::test_stop_under_run_all_then_resume",
            "browser/test_training_live.py::test_the_interrupt_button_means_stop_and_run_all_goes_on",
        ),
    ),
    "an older and the newest ipykernel": Kind(
        "cells await, Stop, ■ and sliders get through, errors are raised",
        (
            "test_kernels.py::test_stop_reaches_the_cell_that_makes_the_first_widget",
            "test_kernels.py::test_a_widget_and_its_twin_are_shown",
            "test_kernels.py::test_a_cell_awaits_a_training_to_its_end",
            "test_kernels.py::test_stop_under_run_all",
            "test_kernels.py::test_the_interrupt_button_means_stop",
            "test_kernels.py::test_a_slider_moves_twice_and_the_interrupt_button_still_stops",
            "test_kernels.py::test_a_second_start_stops_the_first",
            "test_kernels.py::test_an_error_in_a_step_is_raised_where_it_is_awaited",
        ),
    ),
    "a page loaded again in the browser": Kind(
        "the training goes on, the widgets live; twins where the kernel is busy",
        (
            "browser/test_reloaded_live.py::test_a_page_loaded_again_in_and_after_a_training",
            "browser/test_reloaded_live.py::test_twins_are_shown_until_a_busy_kernel_answers",
        ),
    ),
}


def tried(tests: list[str]) -> dict[str, list[tuple[str, str]]]:
    """Run tests: for each name how each of its cases ended, "passed", "wrong" or "skipped", and what it said then."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", f"--junitxml={report}"]
        subprocess.run([*command, *(f"tests/{test}" for test in tests)], cwd=ROOT, check=False)
        cases = ElementTree.parse(report).getroot().iter("testcase")
        found: dict[str, list[tuple[str, str]]] = {}
        for case in cases:
            said = {part.tag: part.get("message", "") for part in case}
            wrong = [said[tag] for tag in ("failure", "error") if tag in said]
            end = "wrong" if wrong else "skipped" if "skipped" in said else "passed"
            text = "; ".join(wrong) or said.get("skipped", "")
            found.setdefault(case.get("name", "").partition("[")[0], []).append((end, text))
        return found


def page(rows: dict[str, Any]) -> str:
    """faults.md."""
    lines = [
        "# What goes wrong, tried on purpose",
        "",
        "Written by `python benchmarks/faults.py`; no number here is written by hand. A trial that lost something, or "
        "in which nothing was said, fails its test.",
        "",
        "| what goes wrong | what must hold | tried | lost or silent |",
        "|---|---|---|---|",
        *(f"| {kind} | {row['holds']} | {row['tried']} | {row['wrong']} |" for kind, row in rows.items()),
        "",
        f"{sum(row['tried'] for row in rows.values())} trials, {sum(row['wrong'] for row in rows.values())} wrong. "
        f"The last run: {time.strftime('%Y-%m-%d')}, on {sys.platform}.",
        "",
        "Not tried: Windows, macOS, a network that is slow rather than absent, bad sounds (no lesson reads any yet).",
    ]
    said = [f"- {kind}: {text}" for kind, row in rows.items() for text in row["said"]]
    return "\n".join([*lines, *(["", *said] if said else [])]) + "\n"


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--only", nargs="*", metavar="WORD")
    options = arguments.parse_args()
    words = ["archives"] if options.quick else options.only or [""]
    kinds = {name: kind for name, kind in KINDS.items() if any(word in name for word in words)}
    found = tried([test for kind in kinds.values() for test in kind.tests])
    rows: dict[str, Any] = {}
    for name, kind in kinds.items():
        cases = [
            (test.partition("::")[2], case) for test in kind.tests for case in found.get(test.partition("::")[2], [])
        ]
        ran = [test for test, (end, _) in cases if end != "skipped"]
        said = [f"{test}: {text[:200]}" for test, (end, text) in cases if end == "wrong"]
        said += [f"{test}: did not run" for test in kind.tests if test.partition("::")[2] not in ran]
        count, wrong = sum(kind.times.get(test, 1) for test in ran), len(said)
        said += sorted({f"skipped: {text}" for _, (end, text) in cases if end == "skipped"})
        rows[name] = {"holds": kind.holds, "tried": count, "wrong": wrong, "said": said}
        print(f"{'✗' if wrong else '✓'} {name}: {count}", *said, sep="\n  ")
    if options.only:
        kept = kept_rows(options)
        rows = {name: row for name in KINDS if (row := rows.get(name) or kept.get(name))}
    if not options.quick:
        PAGE.write_text(page(rows), encoding="utf-8")
        keep(options, rows)
    print(page(rows))


if __name__ == "__main__":
    main()
