"""GPS-Gaussian's part of ``python -m training``: draw people, train, measure the stereo."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numba
import torch

from inference.gps_gaussian.network import GPSGaussian, NetworkConfig
from inference.gps_gaussian.weights import load_network

from .drawing import Source, draw_folder
from .stages import LEARNING, PARTS
from .stereo_error import real_error, ring_error, stereo_table
from .train import Settings, train


def add_commands(commands: Any) -> None:
    """Add ``people-draw``, ``gps-gaussian`` and ``stereo-error``; each has its function as the default of ``run``."""
    draw = commands.add_parser("people-draw", help="draw examples of people into a folder, to train from")
    draw.add_argument("--out", type=Path, required=True)
    draw.add_argument("--count", type=int, required=True)
    draw.add_argument("--first", type=int, default=0, help="seed of the first one")
    draw.add_argument("--workers", type=int, default=1, help="processes, one core each")
    draw.set_defaults(run=_draw)
    learn = commands.add_parser("gps-gaussian", help="train GPS-Gaussian on synthetic people")
    learn.add_argument("--out", type=Path, required=True, help="folder of the run")
    learn.add_argument("--minutes", type=float, required=True, help="how long to train")
    learn.add_argument(
        "--schedule-minutes", type=float, help="of all calls of the run together, where --resume goes on with it"
    )
    learn.add_argument("--stage", type=int, choices=LEARNING, required=True, help="1: flow; 2: flow and pictures")
    learn.add_argument("--train", nargs="+", choices=PARTS, help="parts that learn; all of the stage if not given")
    learn.add_argument("--resume", help="weights (name or file) to start from, or a run's checkpoint.safetensors")
    learn.add_argument("--pure", action="store_true", help="the paper's network alone, without the classical guide")
    learn.add_argument("--data", type=Path, help="folder of people-draw; drawn as it goes if not given")
    learn.add_argument("--batch", type=int, default=1, help="pairs of a step, of all processes together")
    learn.add_argument("--rate", type=float, default=5e-4, help="peak learning rate")
    learn.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    learn.add_argument(
        "--half",
        action=argparse.BooleanOptionalAction,
        default=torch.cuda.is_available(),
        help="the network in bfloat16; on a CPU with AMX it takes half the time, on others longer",
    )
    learn.add_argument("--threads", type=int, default=1, help="CPU threads of the network")
    learn.add_argument("--workers", type=int, default=1, help="processes that draw people or read the folder")
    learn.add_argument("--save-minutes", type=float, default=5.0, help="between checkpoints")
    learn.add_argument("--seed", type=int, default=0)
    learn.set_defaults(run=_train)
    for parser in (draw, learn):
        parser.add_argument("--size", type=int, default=512, help="longest side in pixels, a multiple of 64")
        parser.add_argument("--people", type=Path, help="folder of avatars; procedural bodies alone if not given")
    stereo = commands.add_parser("stereo-error", help="print median flow errors on rings and on real pairs")
    stereo.add_argument("rings", type=Path, nargs="*", metavar="RING", help="folder of people-ring")
    stereo.add_argument("--pairs", type=Path, nargs="*", default=[], help="folders with left, right, disparity_left")
    stereo.add_argument("--weights", help="name or file; the untrained guided network if not given")
    stereo.add_argument("--size", type=int, default=1024, help="longest side of rectified pictures of people")
    stereo.add_argument("--threads", type=int, default=torch.get_num_threads())
    stereo.set_defaults(run=_stereo)


def _draw(arguments: argparse.Namespace) -> None:
    source = Source(arguments.size, arguments.people)
    draw_folder(source, arguments.out, arguments.count, arguments.workers, arguments.first)


def _train(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    numba.set_num_threads(min(arguments.threads, numba.get_num_threads()))
    train(
        Settings(
            folder=arguments.out,
            minutes=arguments.minutes,
            stage=arguments.stage,
            parts=tuple(arguments.train or LEARNING[arguments.stage]),
            source=Source(arguments.size, arguments.people),
            data=arguments.data,
            guided=not arguments.pure,
            resume=arguments.resume,
            batch=arguments.batch,
            rate=arguments.rate,
            device=arguments.device,
            half=arguments.half,
            workers=arguments.workers,
            seed=arguments.seed,
            schedule_minutes=arguments.schedule_minutes,
            save_minutes=arguments.save_minutes,
        )
    )


def _stereo(arguments: argparse.Namespace) -> None:
    torch.set_num_threads(arguments.threads)
    network = GPSGaussian(NetworkConfig()).eval()
    if arguments.weights:
        network, _ = load_network(arguments.weights, torch.device("cpu"))
    errors = [ring_error(folder, network, arguments.size) for folder in arguments.rings]
    errors += [real_error(folder, network) for folder in arguments.pairs]
    print(stereo_table(errors))
