"""The command `sslwb`: lab · run · data · train · bench · doctor.

What a sub-command needs is imported when it runs, so that `sslwb --help` answers at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sslwb import __version__
from sslwb.screen import plain_signs

FOLDERS = ("SSLWB_CACHE", "SSLWB_DATA")  # that a person may name by a path from where they stand
UNHEARD = 141  # the exit status of a program whose output nobody reads any more, as after `| head`


def main(argv: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit status: 0 done, 1 failed, 2 asked wrongly."""
    _at_home()
    parser = argparse.ArgumentParser(prog="sslwb", description="The self-supervised learning workbench.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    lab = commands.add_parser("lab", help="open the course in JupyterLab; what follows goes to JupyterLab")
    lab.set_defaults(run=_lab, passes_on=True)

    run = commands.add_parser("run", help="execute one lesson without a browser and print its claims")
    run.add_argument("lesson", help="its number, its name or a path: 03, simclr, notebooks/03_simclr.ipynb")
    run.add_argument(
        "-p",
        nargs=2,
        action="append",
        default=[],
        metavar=("NAME", "VALUE"),
        dest="parameters",
        help="change a setting",
    )
    run.add_argument("-o", "--output", type=_path, help="keep the executed notebook here")
    run.set_defaults(run=_run)

    data = commands.add_parser("data", help="list, get, verify, prefetch or clean data sets")
    data.add_argument("action", choices=("list", "get", "verify", "prefetch", "clean"))
    data.add_argument("names", nargs="*", metavar="NAME", help="data sets; none means all, but for get")
    data.set_defaults(run=_data)

    train = commands.add_parser("train", help="train a method outside a notebook and keep its encoder")
    train.add_argument("method", help="simclr, moco, byol, … mae, bert, gpt, supcon: a file of sslwb/methods")
    train.add_argument("--data", default="shapes", help="a data set of `sslwb data list`, a folder of pictures, a text")
    train.add_argument(
        "--items", "--n", dest="n", metavar="N", type=int, help="how many items; all of a real set, 8192 of a world"
    )
    train.add_argument("--steps", type=int, default=500)
    train.add_argument("--batch-size", type=int, default=128)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--device", default="auto")
    train.add_argument(
        "--out", type=_path, required=True, help="where the checkpoint goes; an interrupted run goes on from it"
    )
    train.set_defaults(run=_train)

    bench = commands.add_parser("bench", help="run a benchmark by name, or list them")
    bench.add_argument("name", nargs="?")
    bench.set_defaults(run=_bench, passes_on=True)

    doctor = commands.add_parser("doctor", help="check this machine, or a trained run, and say what to do")
    doctor.add_argument(
        "file", nargs="?", type=Path, metavar="RUN", help="a checkpoint, or a file of the run store; none: this machine"
    )
    doctor.add_argument("--data", help="what RUN was trained on, if the file does not tell: a data set, or a folder")
    doctor.set_defaults(run=_doctor)

    args, rest = parser.parse_known_args(argv)
    if rest and not getattr(args, "passes_on", False):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    args.rest = rest
    try:
        status: int = args.run(args)
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # else Python says so once more when it ends
        return UNHEARD
    except (
        LookupError,
        ValueError,
        OSError,
    ) as error:  # asked wrongly: the message says what to do, a traceback does not
        print(f"sslwb: {error.args[0] if isinstance(error, LookupError) else error}", file=sys.stderr)
        return 2
    return status


def _at_home() -> None:
    """Make this process one that any terminal can hear, and whose paths mean the same in the processes that it starts.

    A kernel works in the notebook's folder; a stream may lack our signs, or be missing where there is no console.
    """
    for name in FOLDERS:
        if os.environ.get(name):
            os.environ[name] = os.path.abspath(os.path.expanduser(os.environ[name]))
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    plain_signs(sys.stdout, sys.stderr)


def _path(text: str) -> Path:
    from sslwb.core import place

    try:
        return place(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _lab(args: argparse.Namespace) -> int:
    from sslwb.cli.lessons import open_lab

    return open_lab(args.rest)


def _run(args: argparse.Namespace) -> int:
    from sslwb.cli.lessons import find_lesson, parse_parameters, run_lesson

    path = find_lesson(args.lesson)
    return 0 if run_lesson(path, parse_parameters(path, dict(args.parameters)), args.output) else 1


def _data(args: argparse.Namespace) -> int:
    from sslwb.data import store

    names = args.names or [row.name for row in store.table() if not row.built_in and (row.where or not row.by_hand)]
    match args.action:
        case "list":
            for row in store.table():
                how = "to bring by hand" if row.by_hand else "to fetch"
                where = "built in" if row.built_in else row.where or f"not here ({store.pretty(row.size)} {how})"
                print(f"{row.name:<15} {where}\n{'':<15} {row.title}\n{'':<15} licence: {row.licence}")
        case "get" if not args.names:
            raise ValueError("get wants the name of a data set; sslwb data list shows them, prefetch fetches all")
        case "get" | "verify":
            step = store.get if args.action == "get" else store.verify
            for name in names:
                print(f"✓ {name}: {step(name)}")
        case "prefetch":
            for name, place in store.prefetch(names).items():
                print(f"✓ {name}: {place}")
        case "clean":
            for name in names:
                for path in store.clean(name):
                    print(f"removed {path}")
    return 0


def _train(args: argparse.Namespace) -> int:
    from sslwb.cli.training import train_encoder

    return train_encoder(args)


def _bench(args: argparse.Namespace) -> int:
    from sslwb.cli.lessons import run_benchmark

    return run_benchmark(args.name, args.rest)


def _doctor(args: argparse.Namespace) -> int:
    if args.file is not None:
        from sslwb.cli.training import examine_run

        return examine_run(args.file, args.data)
    if args.data is not None:
        raise ValueError("--data goes with RUN: sslwb doctor RUN --data NAME")
    from sslwb.cli.machine import examine

    findings = examine()
    for finding in findings:
        print(finding)
    return int(any(finding.mark == "✗" for finding in findings))
