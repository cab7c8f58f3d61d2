"""What may be typed after `chatapp run`. Imports nothing of ours but its like: --help answers at once."""

from __future__ import annotations

import argparse

from chatapp.cli.sampling_parser import add_sampling_flags


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """One persona over many inputs."""
    parser.add_argument("persona", metavar="PERSONA", help="who does it: chatapp personas list")
    parser.add_argument("files", nargs="*", metavar="FILE", help="the inputs; - or none reads standard input")
    parser.add_argument("--each-line", action="store_true", help="one row a line, rather than one a file")
    parser.add_argument(
        "--column", metavar="NAME", help="this column of a CSV, or this field of JSON lines, one row each"
    )
    parser.add_argument("--output", choices=("jsonl", "csv", "text"), help="default: as FILE ends, or jsonl")
    parser.add_argument(
        "-o", dest="into", metavar="FILE", help="write to FILE; the same command takes it up again after a kill"
    )
    parser.add_argument("--overwrite", action="store_true", help="begin FILE anew")
    parser.add_argument("--variations", type=int, default=1, metavar="N", help="so many different results a row")
    parser.add_argument(
        "--similarity",
        type=float,
        default=0.9,
        metavar="X",
        help="drop variations with this share of words in common",
    )
    parser.add_argument("--model", metavar="PATH_OR_NAME")
    parser.add_argument("--no-memory", action="store_true", help="tell it nothing of what is remembered of you")
    parser.add_argument("--reproducible", action="store_true", help="bit-equal logits, about 12 %% slower")
    add_sampling_flags(parser)
