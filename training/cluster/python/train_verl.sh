#!/usr/bin/env bash
# Trains this job with verl: ./train_verl.sh [HYDRA OVERRIDES], as in: ./train_verl.sh trainer.n_gpus_per_node=8 trainer.nnodes=2
set -euo pipefail
LOUPE_JOB=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LOUPE_JOB
cd "$LOUPE_JOB"
python -c 'import loupe_return; loupe_return.checked_job(".")'
python -m verl.trainer.main_ppo --config-path="$LOUPE_JOB" --config-name=verl "$@"

# The last checkpoint becomes result/model: an adapter as it lies, or whole weights joined from their shards.
steps=$(cat run/latest_checkpointed_iteration.txt)
actor="run/global_step_$steps/actor"
rm -rf result/model
mkdir -p result
if [ -d "$actor/lora_adapter" ]; then cp -r "$actor/lora_adapter" result/model
else python -m verl.model_merger merge --backend fsdp --local_dir "$actor" --target_dir result/model
fi
python loupe_return.py "$steps"
