#!/usr/bin/env python3
"""Training, generation and a GRPO step: Ponder beside PyTorch, transformers and TRL, in one run.

    python3 -m venv peers && peers/bin/pip install torch transformers trl datasets
    cargo build --release
    python3 bench/learning.py --python peers/bin/python

All train the same shape (`deepseek-v3-21m`: DeepSeek-V3 in small, 21 million parameters) from random
weights on random ids, on as many threads, in alternation. PyTorch runs in each number format given by
--formats, and its best counts. Run nothing else meanwhile.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time

SEQUENCES, LENGTH = 16, 256
PROMPTS, GROUP, ANSWER, PROMPT = 8, 8, 128, 8
STEPS = 5


def config():
    from transformers import DeepseekV3Config

    return DeepseekV3Config(
        vocab_size=4096, hidden_size=256, intermediate_size=1024, moe_intermediate_size=256,
        num_hidden_layers=6, first_k_dense_replace=1, num_attention_heads=8, num_key_value_heads=8,
        q_lora_rank=128, kv_lora_rank=64, qk_nope_head_dim=32, qk_rope_head_dim=16, v_head_dim=32,
        n_routed_experts=16, n_shared_experts=1, num_experts_per_tok=4, n_group=4, topk_group=2,
        routed_scaling_factor=2.5, norm_topk_prob=True, max_position_embeddings=4096,
        num_nextn_predict_layers=0, bos_token_id=0, eos_token_id=None,
    )


def model(dtype=None):
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    shape = config()
    # The fastest of transformers' ways on a processor; eager loops over experts are far slower.
    shape._attn_implementation, shape._experts_implementation = "sdpa", "grouped_mm"
    made = AutoModelForCausalLM.from_config(shape)
    return made if dtype is None else made.to(dtype)


def peer_train(number_format):
    import torch

    net = model().train()
    adamw = torch.optim.AdamW(net.parameters(), lr=3e-4, fused=True)
    speeds = []
    for step in range(STEPS + 1):
        ids = torch.randint(0, 4096, (SEQUENCES, LENGTH))
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=number_format == "bf16"):
            loss = net(ids, labels=ids, use_cache=False).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        adamw.step()
        adamw.zero_grad(set_to_none=True)
        if step > 0:
            speeds.append(SEQUENCES * LENGTH / (time.perf_counter() - start))
    return {"train": statistics.median(speeds)}


def peer_generate(number_format, streams):
    import torch

    net = model(torch.bfloat16 if number_format == "bf16" else None).eval()
    ids = torch.randint(2, 4096, (streams, PROMPT))
    speeds = []
    with torch.inference_mode():
        for run in range(3):
            start = time.perf_counter()
            out = net.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=ANSWER, min_new_tokens=ANSWER,
                do_sample=True, temperature=1.0, pad_token_id=1,
            )
            assert out.shape[1] == PROMPT + ANSWER
            if run > 0:
                speeds.append(streams * ANSWER / (time.perf_counter() - start))
    return {"generate": statistics.median(speeds)}


def peer_grpo(number_format):
    import tempfile

    from datasets import Dataset
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    words = {f"w{i}": i for i in range(4096)}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="w0"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="w1", eos_token="w4095", padding_side="left"
    )
    net = model()
    net.generation_config.eos_token_id = None
    prompts = [" ".join(f"w{2 + 7 * i + j}" for j in range(PROMPT)) for i in range(64)]
    seconds = {"step": [], "generate": []}

    def timed(function):
        def call(*args, **named):
            start = time.perf_counter()
            result = function(*args, **named)
            seconds["generate"].append(time.perf_counter() - start)
            return result

        return call

    class Clock(TrainerCallback):
        """A step from its first answer to its last weight."""

        def on_step_begin(self, *_, **__):
            self.start = time.perf_counter()

        def on_step_end(self, *_, **__):
            seconds["step"].append(time.perf_counter() - self.start)

    with tempfile.TemporaryDirectory() as folder:
        options = GRPOConfig(
            output_dir=folder, per_device_train_batch_size=PROMPTS * GROUP, num_generations=GROUP,
            max_completion_length=ANSWER, max_steps=STEPS + 1, logging_steps=1, report_to=[], use_cpu=True,
            bf16=number_format == "bf16", save_strategy="no", beta=0.0, temperature=1.0, learning_rate=3e-4,
            gradient_checkpointing=False, generation_kwargs={"min_new_tokens": ANSWER}, disable_tqdm=True,
        )
        trainer = GRPOTrainer(
            model=net,
            reward_funcs=lambda completions, **_: [float(i % 2) for i in range(len(completions))],
            args=options,
            train_dataset=Dataset.from_dict({"prompt": prompts}),
            processing_class=tokenizer,
            callbacks=[Clock()],
        )
        trainer._generate = timed(trainer._generate)
        trainer.train()
    step, generate = (statistics.median(seconds[name][1:]) for name in ("step", "generate"))
    return {"step": step, "generate": generate, "update": step - generate}


def peer(what, number_format):
    """Runs in the peers' environment; prints one line of JSON."""
    import torch

    torch.set_num_threads(len(os.sched_getaffinity(0)))
    found = {
        "train": lambda: peer_train(number_format),
        "generate-1": lambda: peer_generate(number_format, 1),
        "generate-64": lambda: peer_generate(number_format, 64),
        "grpo": lambda: peer_grpo(number_format),
    }[what]()
    found["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found["versions"] = f"torch {torch.__version__}"
    print(json.dumps(found))


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout


def ours(ponder, *arguments):
    return json.loads(run([ponder, "bench", *arguments, "--json", "--runs", str(STEPS)]))


def theirs(python, what, formats):
    runs = {f: json.loads(run([python, __file__, "--peer", what, f]).splitlines()[-1]) for f in formats}
    better = min if what == "grpo" else max
    key = {"train": "train", "grpo": "step"}.get(what, "generate")
    best = better(formats, key=lambda f: runs[f][key])
    return runs[best], best


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="the interpreter of an environment with torch, transformers and trl")
    parser.add_argument("--ponder", default="target/release/ponder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--formats", nargs="+", default=["bf16", "f32"], choices=["bf16", "f32"])
    parser.add_argument("--only", nargs="+", default=["train", "generate-1", "generate-64", "grpo"])
    parser.add_argument("--peer", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        return peer(*options.peer)
    if not options.python:
        parser.error("--python is missing")
    shape = ["--shape", "deepseek-v3-21m"]
    rows = {name: [] for name in options.only}
    for _ in range(options.rounds):
        for name in options.only:
            other, number_format = theirs(options.python, name, options.formats)
            match name:
                case "train":
                    own = ours(options.ponder, "train", *shape)
                    pair = (own["tokens_per_s"]["median"], other["train"])
                case "generate-1":
                    own = ours(options.ponder, "grpo", *shape, "--prompts", "1", "--group", "1")
                    pair = (own["generated_tokens_per_s"]["median"], other["generate"])
                case "generate-64":
                    own = ours(options.ponder, "grpo", *shape)
                    pair = (own["generated_tokens_per_s"]["median"], other["generate"])
                case "grpo":
                    own = ours(options.ponder, "grpo", *shape)
                    pair = (1 / own["step_s"]["median"], 1 / other["step"])
            own_mb = own["peak_rss_bytes"] / 1e6
            rows[name].append((*pair, own_mb, other["peak_mb"], number_format))
            print(f"  {name}: {pair[0]:.2f} against {pair[1]:.2f}", file=sys.stderr)
    print(f"{'':12} {'ponder':>10} {'peer':>10} {'ratio':>7}   memory in MB")
    for name, found in rows.items():
        own, other, own_mb, other_mb = (statistics.median(row[i] for row in found) for i in range(4))
        unit = "steps/s" if name == "grpo" else "tok/s"
        ratio = statistics.median(row[0] / row[1] for row in found)
        print(
            f"{name:12} {own:10.2f} {other:10.2f} {ratio:6.1f}×   {own_mb:.0f} against {other_mb:.0f}"
            f" ({unit}; peer in {found[-1][4]})"
        )


if __name__ == "__main__":
    main()
