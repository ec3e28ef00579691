#!/bin/bash
# Serve a model to OpenAI clients on the cluster:
#
#   sbatch --gpus=1 --time=24:00:00 slurm/serve.sh FOLDER [OPTIONS]
#
# Submit it from the folder that relative paths start from, with the Python environment active.
# The log, slurm-JOB.out, has the address when the model is loaded. Whoever can reach the node can
# use the model; with vLLM, `export VLLM_API_KEY=...` asks clients for a key.
#SBATCH --job-name=actionstudio-serve
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
set -u
[ $# -gt 0 ] || { echo "usage: sbatch slurm/serve.sh FOLDER [OPTIONS]" >&2; exit 2; }

exec python -m actionstudio_nb.cli serve "$@" \
  --host "$SLURMD_NODENAME" --port $((10000 + SLURM_JOB_ID % 20000))
