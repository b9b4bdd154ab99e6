"""The command `sslwb`: what it finds, what it refuses, what it prints."""

import io
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from sslwb import screen
from sslwb.cli import lessons, machine, main


def write_lesson(path: Path, *cells: str) -> Path:
    """A notebook whose first cell is the one tagged `parameters`."""
    notebook = nbformat.v4.new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    )
    notebook.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    notebook.cells[0].metadata.tags = ["parameters"]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two small lessons and a benchmark."""
    write_lesson(tmp_path / "notebooks" / "00_start_here.ipynb", "SEED = 0")
    write_lesson(
        tmp_path / "notebooks" / "03_simclr.ipynb",
        'DATA = "shapes"\nSTEPS = 100\nRATE = 0.5\nMAP = True',
        'print("plain talk")\nprint("✓ steps", STEPS, DATA)',
        "assert STEPS < 1000, 'too many steps'",
    )
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "views.py").write_text(
        '"""Views a second."""\nimport sys\nraise SystemExit(len(sys.argv))\n'
    )
    monkeypatch.setattr(lessons, "checkout", lambda: tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["03", "3", "simclr", "03_simclr", "03_simclr.ipynb"])
def test_a_lesson_is_found_by_number_or_name(course: Path, name: str) -> None:
    assert lessons.find_lesson(name).stem == "03_simclr"


def test_a_lesson_is_found_by_path(course: Path, tmp_path: Path) -> None:
    path = write_lesson(tmp_path / "elsewhere" / "mine.ipynb", "A = 1")
    assert lessons.find_lesson(str(path)) == path


def test_lesson_zero_is_found_by_its_digit(course: Path) -> None:
    assert lessons.find_lesson("0").stem == "00_start_here"


def test_an_unknown_lesson_lists_those_there_are(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "77"]) == 2
    assert "no lesson '77'; there are: 00_start_here, 03_simclr" in capsys.readouterr().err


def test_settings_take_the_types_of_the_lesson(course: Path) -> None:
    given = {"DATA": "7", "STEPS": "2e2", "RATE": "1", "MAP": "false"}
    values = lessons.parse_parameters(lessons.find_lesson("03"), given)
    assert values == {"DATA": "7", "STEPS": 200, "RATE": 1, "MAP": False}
    assert type(values["STEPS"]) is int


def test_an_unknown_setting_lists_those_there_are(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "03", "-p", "EPOCHS", "3"]) == 2
    assert "no setting 'EPOCHS'; it has: DATA = \"shapes\", STEPS = 100" in capsys.readouterr().err


@pytest.mark.parametrize(("name", "text"), [("STEPS", "many"), ("STEPS", "2.5"), ("MAP", "3"), ("RATE", "fast")])
def test_a_setting_of_the_wrong_type_is_refused(
    course: Path, capsys: pytest.CaptureFixture[str], name: str, text: str
) -> None:
    assert main(["run", "03", "-p", name, text]) == 2
    assert f"{name} is" in capsys.readouterr().err


def test_a_run_prints_its_claims_and_keeps_the_notebook(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = course / "out.ipynb"
    assert main(["run", "03", "-p", "STEPS", "7", "-p", "DATA", "digits", "-o", str(kept)]) == 0
    assert capsys.readouterr().out == "✓ steps 7 digits\n"
    assert "injected-parameters" in kept.read_text()


def test_a_run_fails_when_a_cell_fails(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "03", "-p", "STEPS", "5000"]) == 1
    captured = capsys.readouterr()
    assert captured.out == "✓ steps 5000 shapes\n"
    assert "AssertionError: too many steps" in captured.err


PICTURES = {  # -p DATA → what the kernel, which works in another folder, is told
    "./pics": "folder:{here}/pics",
    "pics": "folder:{here}/pics",
    "folder:pics": "folder:{here}/pics",
    "sub/../pics/": "folder:{here}/pics",
    "~/pics": "folder:{here}/pics",
    "mine.txt": "text:{here}/mine.txt",
    "text:pics": "text:{here}/pics",
    "digits": "digits",
    "no such set": "no such set",
}


@pytest.mark.parametrize("said", PICTURES)
def test_a_folder_of_ones_own_is_meant_from_where_one_stands(
    course: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    here = course / "here"
    (here / "sub").mkdir(parents=True)
    (here / "pics").mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("USERPROFILE", str(here))
    told = lessons.parse_parameters(lessons.find_lesson("03"), {"DATA": said})["DATA"]
    assert os.path.normpath(str(told)) == os.path.normpath(PICTURES[said].format(here=here))


def test_paths_of_the_environment_and_of_options_are_meant_from_where_one_stands(
    course: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lesson(
        course / "notebooks" / "04_cache.ipynb",
        "SEED = 0",
        "from sslwb.data.store import cache_folder, shared_folder\nprint('✓', cache_folder(), shared_folder())",
    )
    here = course / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(here))
    monkeypatch.setenv("USERPROFILE", str(here))
    monkeypatch.setenv("SSLWB_CACHE", "mycache")
    monkeypatch.setenv("SSLWB_DATA", "~/shared")
    assert main(["run", "04", "-o", "~/out.ipynb"]) == 0
    assert capsys.readouterr().out.split()[1:] == [str(here / "mycache"), str(here / "shared")]
    assert (here / "out.ipynb").exists()
    command = ["train", "simclr", "--data", "digits", "--n", "16", "--batch-size", "8", "--steps", "1"]
    assert main([*command, "--out", "~/deep/enc.pt"]) == 0
    assert (here / "deep" / "enc.pt").exists()
    with pytest.raises(SystemExit):
        main([*command, "--out", "~nobody-of-this-name/enc.pt"])
    assert "a home folder that this machine does not know" in capsys.readouterr().err
    main(["doctor", "~/deep/enc.pt"])
    assert "there is no file" not in capsys.readouterr().err


def test_an_encoder_is_kept_also_where_there_is_no_test_split_to_measure_it_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for place in ("train/cat", "train/dog", "val/cat", "val/dog"):
        (tmp_path / "pets" / place).mkdir(parents=True)
        for i in range(8):
            Image.new("RGB", (8, 8), (30 * i, 0, 0)).save(tmp_path / "pets" / place / f"{i}.png")
    command = ["train", "simclr", "--data", str(tmp_path / "pets"), "--batch-size", "8", "--steps", "1"]
    assert main([*command, "--out", str(tmp_path / "enc.pt")]) == 0
    assert "not measured on test pictures: split is 'test'" in capsys.readouterr().out
    assert (tmp_path / "enc.pt").exists()


# ── terminals


def command(*words: str, signs: str, **settings: object) -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"PYTHONIOENCODING": signs, "PYTHONUTF8": "0"}
    return subprocess.run([sys.executable, "-m", "sslwb", *words], env=environment, **settings)  # type: ignore[call-overload]


@pytest.mark.long
@pytest.mark.parametrize("signs", ["ascii", "cp1252", "latin-1", "cp437", "utf-8"])
def test_a_terminal_without_ticks_is_told_the_same(signs: str) -> None:
    run = command("doctor", signs=signs, capture_output=True)
    said = run.stdout.decode(signs)
    assert f"{'✓' if signs == 'utf-8' else '+'} Python 3" in said
    assert f"{'→' if signs == 'utf-8' else '->'} " in said
    assert b"Traceback" not in run.stderr


@pytest.mark.long
@pytest.mark.parametrize("signs", ["ascii", "cp1252"])
def test_help_and_training_speak_to_any_terminal(signs: str, tmp_path: Path) -> None:
    assert command("train", "--help", signs=signs, capture_output=True).returncode == 0
    out = tmp_path / "enc.pt"
    words = ("train", "simclr", "--data", "digits", "--n", "16", "--batch-size", "8", "--steps", "1", "--out", str(out))
    run = command(*words, signs=signs, capture_output=True)
    assert (run.returncode, run.stdout[:10]) == (0, b"+ 1 steps ")


def test_nobody_who_reads_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)  # as `| head` does when it has enough
    run = command("data", "list", signs="utf-8", stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (run.returncode, run.stderr) == (141, b"")


@pytest.mark.skipif(sys.platform == "win32", reason="a shell of POSIX closes the streams")
@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_streams_are_no_error(closed: str) -> None:
    assert subprocess.run(f"{sys.executable} -m sslwb data list {closed}", shell=True).returncode == 0


@pytest.mark.parametrize(
    ("signs", "said"), [("ascii", "+ a ? -> b...\n"), ("cp1252", "+ a é -> b…\n"), ("utf-8", "✓ a é → b…\n")]
)
def test_a_script_is_told_in_signs_that_its_terminal_has(
    monkeypatch: pytest.MonkeyPatch, signs: str, said: str
) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=signs, newline="")
    monkeypatch.setattr(sys, "stdout", terminal)
    screen.say("✓ a é → b…")
    assert terminal.buffer.getvalue().decode(signs) == said  # type: ignore[attr-defined]
    assert terminal.errors == "strict"  # what else the script says is its own affair


def test_benchmarks_are_listed_and_run(course: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bench"]) == 0
    assert capsys.readouterr().out.split(maxsplit=1) == ["views", "Views a second.\n"]
    assert main(["bench", "views", "--quick", "1"]) == 3
    assert main(["bench", "speed"]) == 2
    assert "no benchmark 'speed'; there are: views" in capsys.readouterr().err


def test_lab_opens_the_first_lesson_on_this_machine_only(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(lessons.os, "execv", lambda _, command: commands.append(command))
    monkeypatch.setattr(lessons.os, "geteuid", lambda: 0)
    monkeypatch.delenv("DISPLAY", raising=False)
    main(["lab", "--port=9999"])
    (command,) = commands
    assert "--ServerApp.ip=127.0.0.1" in command
    assert "--allow-root" in command
    assert "--port=9999" in command
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in command
    assert not [part for part in command if "token" in part.lower()]  # JupyterLab makes its own


def test_unknown_arguments_are_refused(course: Path) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["run", "03", "--fast"])
    assert stop.value.code == 2


def test_doctor_names_what_it_saw(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["doctor"])
    out = capsys.readouterr().out
    assert status == int("✗" in out)
    for word in ("Python 3", "torch ", "torchvision ", "cores", "memory", "jupyterlab"):
        assert word in out


def test_doctor_sees_a_mismatched_torchvision(monkeypatch: pytest.MonkeyPatch) -> None:
    def import_module(name: str) -> None:
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr(machine.importlib, "import_module", import_module)
    assert [finding.mark for finding in machine._torch()] == ["✓", "✗"]


def test_doctor_sees_a_driver_that_torch_cannot_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    fake = tmp_path / "nvidia-smi"
    fake.write_text("#!/bin/sh\necho 470.57\n")
    fake.chmod(0o755)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    (finding,) = machine._driver()
    assert finding.mark == "!"
    assert "470.57" in finding.seen or "without CUDA" in finding.seen


@pytest.mark.parametrize(("number", "mark"), [("6.16.2", "!"), ("6.17.1", "✓"), ("8.0.0", "✓")])
def test_doctor_names_an_ipykernel_that_is_too_old(number: str, mark: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "version", lambda package: number)
    first = next(iter(machine._jupyter()))
    assert first.mark == mark
    assert f"ipykernel {number}" in first.seen


def test_a_broken_check_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: 1 / 0)
    assert any(finding.mark == "✗" and "ZeroDivisionError" in finding.seen for finding in machine.examine())


@pytest.mark.parametrize(("limit", "granted"), [("max", 8e9), ("2000000000", 2e9), ("9223372036854771712", 8e9)])
def test_memory_follows_the_control_group(tmp_path: Path, limit: str, granted: float) -> None:
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc" / "meminfo").write_text(f"MemTotal:       {int(8e9 / 1024)} kB\nMemFree: 1 kB\n")
    (tmp_path / "sys/fs/cgroup").mkdir(parents=True)
    (tmp_path / "sys/fs/cgroup/memory.max").write_text(limit + "\n")
    assert machine.memory_granted(tmp_path) == pytest.approx(granted, rel=1e-6)


def test_train_keeps_a_checkpoint_and_goes_on_from_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sslwb.train import load_checkpoint

    out = tmp_path / "run.pt"
    command = [
        "train",
        "simclr",
        "--data",
        "digits",
        "--n",
        "64",
        "--batch-size",
        "16",
        "--steps",
        "2",
        "--out",
        str(out),
    ]
    assert main(command) == 0
    assert "✓ 2 steps" in capsys.readouterr().out
    assert any(name.startswith("encoder.") for name in load_checkpoint(out)["method"])
    assert main(command) == 0  # nothing left to do
    assert main([*command, "--steps", "3"]) == 2
    assert "steps = 2" in capsys.readouterr().err


def test_an_unknown_method_or_data_set_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "simclear", "--out", str(tmp_path / "a.pt")]) == 2
    assert "no method 'simclear'; there are: simclr, hard_negatives, moco" in capsys.readouterr().err
    assert main(["train", "simclr", "--data", "shape", "--out", str(tmp_path / "a.pt")]) == 2
    assert "did you mean 'shapes'?" in capsys.readouterr().err
    assert main(["train", "simclr", "--data", "tales", "--n", "32", "--out", str(tmp_path / "a.pt")]) == 2
    assert "simclr is a method for pictures, and tales holds texts" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_data_lists_verifies_and_cleans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SSLWB_CACHE", str(tmp_path))
    monkeypatch.delenv("SSLWB_DATA", raising=False)
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^shapes +built in", out, re.MULTILINE)
    assert re.search(r"^cifar10 +not here \(170 MB to fetch\)$", out, re.MULTILINE)
    assert main(["data", "verify", "cifar10"]) == 2
    assert "cifar10 is not on this machine" in capsys.readouterr().err
    assert main(["data", "get"]) == 2
    assert main(["data", "clean"]) == 0


def test_of_every_world_the_doctor_takes_as_many_items_as_the_run_had(monkeypatch: pytest.MonkeyPatch) -> None:
    from sslwb.cli import training
    from sslwb.data.loading import WORLDS
    from sslwb.train import History

    asked: list[tuple[str, int | None]] = []
    monkeypatch.setattr(training, "load", lambda name, n, seed: asked.append((name, n)))
    for name in (*WORLDS, "digits"):
        training._data(History({"data": name, "items": 64}), None)
    assert asked == [*((name, 64) for name in WORLDS), ("digits", None)]
