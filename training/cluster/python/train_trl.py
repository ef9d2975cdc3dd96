"""Trains this job with TRL: `python train_trl.py`, or `accelerate launch train_trl.py` over several processes."""
import argparse
import json
import os
import re

import torch
import yaml
from datasets import Image, load_dataset
from transformers import AutoModelForImageTextToText, AutoProcessor
from trl import GRPOConfig, GRPOTrainer

import loupe_return
from loupe_rewards import reward_functions

HERE = os.path.dirname(os.path.abspath(__file__))


def canonical(name):
    """The published spelling of a weight's name, by which the recipe chooses."""
    return re.sub(r"^model\.visual\.", "visual.", re.sub(r"^model\.language_model\.", "model.", name))


def rows_of(name):
    """Prompts as conversations about one image. The image stays a file until it is needed."""
    data = load_dataset("json", data_files=os.path.join(HERE, "data", name), split="train")
    data = data.map(lambda row: {
        "image": os.path.join(HERE, row["image"]),
        "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": row["question"]}]}],
    })
    return data.cast_column("image", Image())


def adapter_for(model, pattern, adapter):
    from peft import LoraConfig
    modules = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear) and re.search(pattern, canonical(name + ".weight"))]
    return LoraConfig(r=adapter["rank"], lora_alpha=adapter["alpha"], target_modules=modules, lora_dropout=0.0, bias="none")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, help="stop after this many updates instead of the recipe's")
    parser.add_argument("--cpu", action="store_true", help="train on the processor even where there is a GPU")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint in run/")
    chosen = parser.parse_args()
    job = loupe_return.checked_job(HERE)
    with open(os.path.join(HERE, "grpo.yaml"), encoding="utf-8") as file:
        settings = yaml.safe_load(file)
    with open(os.path.join(HERE, "weights.json"), encoding="utf-8") as file:
        weights = json.load(file)
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if settings["gradient_accumulation_steps"] % processes:
        raise SystemExit(f"{settings['gradient_accumulation_steps']} accumulated batches cannot be shared by {processes} processes; choose a divisor.")
    settings["gradient_accumulation_steps"] //= processes
    if chosen.steps:
        settings["max_steps"] = chosen.steps
    on_cpu = chosen.cpu or not torch.cuda.is_available()
    config = GRPOConfig(output_dir=os.path.join(HERE, "run"), bf16=False, use_cpu=on_cpu, **settings)

    checkpoint = os.path.join(HERE, "checkpoint")
    model = AutoModelForImageTextToText.from_pretrained(checkpoint, dtype=torch.float32)
    processor = AutoProcessor.from_pretrained(checkpoint, padding_side="left")
    adapter = adapter_for(model, weights["trained"], weights["adapter"]) if weights["adapter"] else None
    if adapter is None:
        for name, parameter in model.named_parameters():
            parameter.requires_grad_(re.search(weights["trained"], canonical(name)) is not None)
    trainer = GRPOTrainer(
        model=model, args=config, train_dataset=rows_of("train.jsonl"), processing_class=processor, peft_config=adapter,
        reward_funcs=reward_functions({processor.tokenizer.eos_token_id}, config.max_completion_length, config.max_steps))
    trainer.train(resume_from_checkpoint=True if chosen.resume else None)
    result = os.path.join(HERE, "result", "model")
    trainer.save_model(result)
    if trainer.is_world_process_zero():
        with open(os.path.join(HERE, "result", "metrics.jsonl"), "w", encoding="utf-8") as file:
            for line in trainer.state.log_history:
                file.write(json.dumps(line) + "\n")
        loupe_return.seal(HERE, job, "adapter" if weights["adapter"] else "checkpoint", trainer.state.global_step, ["trl", "transformers", "torch", "peft", "accelerate"])


if __name__ == "__main__":
    main()
