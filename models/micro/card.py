#!/usr/bin/env python3
"""Fills the model card from the folder of the run that made the model.

    ponder recipe run recipes/nano.toml --out runs/nano
    python3 models/micro/card.py runs/nano

Writes the tables between the marks of README.md, curves.svg, and bench/results/nano/: the metrics of
both stages of reinforcement learning step by step, and all scores by task and level.
"""

import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE.parent.parent / "bench" / "results" / "nano"
SEARCHES = ["countdown3", "countdown4", "factor", "subset", "sudoku", "knights", "path"]
COMPUTATIONS = ["addsub", "mul", "chain", "mod", "gcd", "base", "linear", "words", "program"]
TALK = ["smalltalk", "instruct"]
SCORES = {"cold-start-scores": "Cold start", "first-rl-scores": "First RL", "scores": "Second RL: the built-in model"}
RL = ["first-rl", "second-rl"]
SHARES = {"accuracy": "#3451e0", "back": "#1b8a5a", "check": "#b8860b", "giveup": "#c0392b"}


def stage(run, name):
    (folder,) = [f for f in run.iterdir() if re.fullmatch(rf"\d\d-{name}", f.name)]
    return folder


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def step(metrics):
    """What a step's line keeps."""
    kept = {key: metrics[key] for key in ("step", "tokens", "logprob_mismatch")}
    rounded = {"accuracy": metrics["accuracy"], "length": metrics["length"], "entropy": metrics["entropy"]}
    rounded |= {"truncated": metrics["truncated"], **metrics["behaviours"]}
    levels = metrics["levels"].values()
    rounded["mean_level"] = sum(levels) / len(levels)
    return kept | {key: round(value, 4) for key, value in rounded.items()}


def score(found):
    low, high = found["interval"]
    return f"{100 * found['pass_at_1']:.1f} ({100 * low:.1f}–{100 * high:.1f})"


def score_table(scores):
    yield "| Task | " + " | ".join(SCORES.values()) + " | Problems |"
    yield "|---" * (len(SCORES) + 2) + "|"
    for task in SEARCHES + COMPUTATIONS + TALK:
        cells = [score(found["tasks"][task]) for found in scores.values()]
        yield f"| `{task}` | " + " | ".join(cells) + f" | {scores['scores']['tasks'][task]['problems']} |"
    means = [sum(found["tasks"][task]["pass_at_1"] for task in SEARCHES) / len(SEARCHES) for found in scores.values()]
    yield "| mean of the seven searches | " + " | ".join(f"{100 * mean:.1f}" for mean in means) + " | |"
    cells = [score(found["all"]) for found in scores.values()]
    yield "| all | " + " | ".join(cells) + f" | {scores['scores']['all']['problems']} |"


def level_table(levels):
    yield "| Task | " + " | ".join(f"level {level}" for level in range(10)) + " |"
    yield "|---" * 11 + "|"
    for task in SEARCHES + COMPUTATIONS + TALK:
        found = [levels.get(f"{task}/{level}") for level in range(10)]
        yield f"| `{task}` | " + " | ".join(f"{100 * f['pass_at_1']:.0f}" if f else "" for f in found) + " |"


def stage_table(run):
    yield "| Stage | Steps | Tokens | Time |"
    yield "|---|---|---|---|"
    for folder in sorted(run.glob("[0-9][0-9]-*")):
        if not (folder / "metrics.jsonl").exists():
            continue
        metrics, timings = lines(folder / "metrics.jsonl"), lines(folder / "timings.jsonl")
        minutes = sum(one["seconds"] for one in timings) / 60
        tokens = metrics[-1]["tokens"] / 1e6
        what = " sampled" if "behaviours" in metrics[-1] else ""
        yield f"| {folder.name[3:]} | {len(metrics):,} | {tokens:.1f} M{what} | {minutes:.0f} min |"


def smooth(values, width=9):
    half = width // 2
    windows = (values[max(0, i - half) : i + half + 1] for i in range(len(values)))
    return [sum(window) / len(window) for window in windows]


class Panel:
    """A chart: its corner, and the range of its values."""

    WIDTH, HEIGHT = 300, 160

    def __init__(self, left, title, top, label, steps):
        self.left, self.top, self.steps = left, top, steps
        self.parts = [
            f'<text x="{left}" y="16" font-weight="bold">{title}</text>',
            f'<path d="M{left} 30v{self.HEIGHT}h{self.WIDTH}" fill="none" stroke="#888"/>',
        ]
        for share in (0, 0.5, 1):
            y = 34 + self.HEIGHT * (1 - share)
            self.parts.append(f'<text x="{left - 6}" y="{y}" text-anchor="end">{label(share * top)}</text>')
        ends = [0]
        for n in steps:
            ends.append(ends[-1] + n)
        for end in ends:
            self.parts.append(f'<text x="{self.x(end)}" y="206" text-anchor="middle">{end}</text>')
        middle = self.x(ends[1])
        self.parts.append(f'<path d="M{middle} 30v{self.HEIGHT}" stroke="#bbb" stroke-dasharray="3"/>')

    def x(self, step):
        return round(self.left + self.WIDTH * step / sum(self.steps), 1)

    def line(self, values, first, color):
        points = " ".join(
            f"{self.x(first + i)},{30 + self.HEIGHT * (1 - value / self.top):.1f}"
            for i, value in enumerate(smooth(values))
        )
        self.parts.append(f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="1.5"/>')


def curves(stages):
    steps = [len(found) for found in stages]
    longest = max(one["length"] for found in stages for one in found)
    top = 50 * -(-longest // 50)
    shares = Panel(50, "share of answers, by step", 1, lambda v: f"{v:g}", steps)
    length = Panel(400, "tokens of an answer, by step", top, lambda v: f"{v:.0f}", steps)
    first = 0
    for found in stages:
        for name, color in SHARES.items():
            shares.line([one[name] for one in found], first, color)
        length.line([one["length"] for one in found], first, "#3451e0")
        first += len(found)
    legend = "".join(
        f'<text x="{56 + 72 * i}" y="44" fill="{color}">{name}</text>' for i, (name, color) in enumerate(SHARES.items())
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 216" font-family="sans-serif" font-size="11" '
        f'role="img" aria-label="Reinforcement learning over {sum(steps)} steps, in two stages">'
        '<rect width="720" height="216" fill="#fff"/>' + "".join(shares.parts + length.parts) + legend + "</svg>\n"
    )


def main(run):
    scores = {name: json.loads((stage(run, name) / "evaluation.json").read_text())["scores"] for name in SCORES}
    stages = [[step(one) for one in lines(stage(run, name) / "metrics.jsonl")] for name in RL]
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name, found in zip(RL, stages):
        (RESULTS / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in found))
    (RESULTS / "scores.json").write_text(json.dumps(scores) + "\n")
    (HERE / "curves.svg").write_text(curves(stages))
    tables = {
        "stages": stage_table(run),
        "scores": score_table(scores),
        "levels": level_table(scores["scores"]["levels"]),
    }
    card = (HERE / "README.md").read_text()
    for name, table in tables.items():
        text = f"<!-- {name} -->\n" + "\n".join(table) + f"\n<!-- end of {name} -->"
        card, n = re.subn(rf"<!-- {name} -->.*?<!-- end of {name} -->", lambda _: text, card, flags=re.S)
        assert n == 1, f"README.md: no place for {name}"
    (HERE / "README.md").write_text(card)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
