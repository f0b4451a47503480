"""``python -m training``: train and evaluate Sightline's networks."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from inference.convglr.network import NetworkConfig
from inference.weights import DEFAULTS

from .evaluation import Question, measure, table
from .gps_gaussian.commands import add_commands
from .people.ring import write_ring
from .train import Settings, train
from .train_cost import train_cost


def main() -> None:
    """Run one sub-command."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    convglr = commands.add_parser("convglr", help="train ConvGLR on synthetic scenes")
    convglr.add_argument("--out", type=Path, required=True, help="folder of the run")
    convglr.add_argument(
        "--minutes", type=float, required=True, help="how long to train; the schedule fits itself to it"
    )
    convglr.add_argument("--resume", help="weights (name or file) to start from, or a run's checkpoint.safetensors")
    convglr.add_argument(
        "--cost", action="store_true", help="only the matching cost of the coarse pass of the weights resumed (CPU)"
    )
    convglr.add_argument("--pure", action="store_true", help="the paper's network alone, without the classical guide")
    convglr.add_argument("--width", type=int, default=16, help="C; the latent has 4 C channels")
    convglr.add_argument("--planes", type=int, default=32)
    convglr.add_argument("--group", type=int, default=4)
    convglr.add_argument("--views", type=int, default=4)
    convglr.add_argument("--crop", type=int, default=128, help="side of the target crop in pixels")
    convglr.add_argument("--batch", type=int, default=2, help="samples of a step, of all processes together")
    convglr.add_argument("--rate", type=float, default=4e-4, help="peak learning rate")
    convglr.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    convglr.add_argument("--threads", type=int, default=1, help="CPU threads of the network")
    convglr.add_argument("--workers", type=int, default=1, help="processes that draw scenes (CPU)")
    convglr.add_argument(
        "--captures", type=Path, nargs="*", default=[], help="calibrated photographs to learn from too (CPU)"
    )
    convglr.add_argument("--seed", type=int, default=0)
    quality = commands.add_parser("evaluate", help="print the quality table of all methods on captures")
    quality.add_argument("captures", type=Path, nargs="+", metavar="CAPTURE")
    quality.add_argument("--weights", nargs="*", default=[DEFAULTS["convglr"]], help="of ConvGLR, by name or file")
    quality.add_argument("--size", type=int, default=512, help="longer side in pixels")
    quality.add_argument("--hold-out", default="every:8")
    quality.add_argument("--exclude", default="", metavar="NAMES", help="further views that are no sources")
    quality.add_argument(
        "--people", nargs="*", default=[], metavar="WEIGHTS", help="of GPS-Gaussian: measure it too, on people alone"
    )
    quality.add_argument("--threads", type=int, default=torch.get_num_threads())
    ring = commands.add_parser("people-ring", help="render a ring of cameras around a posed avatar, as a capture")
    ring.add_argument("person", type=Path, metavar="PERSON.glb")
    ring.add_argument("--cameras", type=int, default=8)
    ring.add_argument("--size", type=int, default=1024, help="side in pixels")
    ring.add_argument("--out", type=Path, required=True, help="folder of the capture")
    ring.add_argument("--seed", type=int, default=0, help="of pose and light")
    add_commands(commands)
    arguments = parser.parse_args()
    if arguments.command == "people-ring":
        write_ring(arguments.person, arguments.cameras, arguments.size, arguments.out, arguments.seed)
        return
    if "run" in arguments:
        arguments.run(arguments)
        return
    torch.set_num_threads(arguments.threads)
    if arguments.command == "evaluate":
        question = Question(arguments.weights, arguments.size, arguments.hold_out, arguments.exclude, arguments.people)
        rows = measure(arguments.captures, question)
        print(table(arguments.captures, rows))
        return
    network = NetworkConfig(
        arguments.views, arguments.planes, arguments.group, arguments.width, guided=not arguments.pure
    )
    (train_cost if arguments.cost else train)(
        Settings(
            folder=arguments.out,
            minutes=arguments.minutes,
            network=network,
            resume=arguments.resume,
            crop=arguments.crop,
            batch=arguments.batch,
            rate=arguments.rate,
            device=arguments.device,
            workers=arguments.workers,
            captures=tuple(arguments.captures),
            seed=arguments.seed,
        )
    )


if __name__ == "__main__":
    main()
