"""GRPO steps with TRL, from a job folder of `loupe dataset export`, timed in the same parts as ours: rollout, scoring, reference, update."""
import json
import os
import sys
import time

import torch
import yaml

from peer import serve

state = {}


def prepare(job, threads):
    torch.set_num_threads(threads)
    sys.path.insert(0, job)
    with open(os.path.join(job, "grpo.yaml"), encoding="utf-8") as file:
        state.update(job=job, settings=yaml.safe_load(file))
    import transformers
    import trl
    return {"version": f"TRL {trl.__version__}, transformers {transformers.__version__}, PyTorch {torch.__version__}"}


def steps(count):
    """A run of its own: `count` steps after one that warms up. Gives lists with an entry for each step, in seconds."""
    from transformers import AutoModelForImageTextToText, AutoProcessor, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    from loupe_rewards import reward_functions
    from train_trl import rows_of

    job = state["job"]
    settings = {**state["settings"], "max_steps": count + 1, "save_strategy": "no", "disable_tqdm": True, "shuffle_dataset": False}
    config = GRPOConfig(output_dir=os.path.join(job, "run"), bf16=False, use_cpu=True, **settings)
    model = AutoModelForImageTextToText.from_pretrained(os.path.join(job, "checkpoint"), dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(os.path.join(job, "checkpoint"), padding_side="left")

    spent = {"rollout": 0.0, "scoring": 0.0, "reference": 0.0}
    lines = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            self.started = time.perf_counter()
            self.worked = time.process_time()
            self.before = dict(spent)

        def on_step_end(self, *_, **__):
            whole = time.perf_counter() - self.started
            parts = {name: spent[name] - self.before[name] for name in spent}
            lines.append({"step": whole, **parts, "update": whole - sum(parts.values()), "processor": time.process_time() - self.worked})

    trainer = GRPOTrainer(
        model=model, args=config, train_dataset=rows_of("train.jsonl"), processing_class=processor, callbacks=[Clock()],
        reward_funcs=reward_functions({processor.tokenizer.eos_token_id}, config.max_completion_length, config.max_steps))

    def clocked(name, method):
        def run(*words, **named):
            started = time.perf_counter()
            try:
                return method(*words, **named)
            finally:
                spent[name] += time.perf_counter() - started
        return run

    trainer._generate = clocked("rollout", trainer._generate)
    trainer._calculate_rewards = clocked("scoring", trainer._calculate_rewards)
    scored = trainer._get_per_token_logps_and_entropies
    # The reference is read without gradients; with them the same method is the update's own forward pass.
    trainer._get_per_token_logps_and_entropies = lambda *words, **named: (scored if torch.is_grad_enabled() else clocked("reference", scored))(*words, **named)
    trainer.train()
    lengths = [line["completions/mean_length"] for line in trainer.state.log_history if "completions/mean_length" in line]
    return {**{name: [line[name] for line in lines[1:]] for name in lines[0]}, "length": lengths[1:], "parameters": sum(p.numel() for p in model.parameters())}


if __name__ == "__main__":
    serve({"prepare": prepare, "steps": steps})
