#!/bin/bash
# Train on any number of nodes, with one process for each GPU:
#
#   sbatch slurm/train.sh CONFIG.yaml [key=value...]
#   sbatch --nodes=4 --gpus-per-node=8 --time=24:00:00 slurm/train.sh CONFIG.yaml [key=value...]
#
# Submit it from the folder that relative paths start from, with the Python environment active.
# Each node writes logs/JOB/NODE.log. Five minutes before the time limit every process gets SIGUSR1,
# so that it can save a checkpoint and stop; the job then goes back into the queue and resumes.
#SBATCH --job-name=actionstudio
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --mem=0
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
set -u
[ $# -gt 0 ] || { echo "usage: sbatch slurm/train.sh CONFIG.yaml [key=value...]" >&2; exit 2; }

head_node=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
port=$((10000 + SLURM_JOB_ID % 20000))
processes=${SLURM_GPUS_ON_NODE:-1}
logs=logs/$SLURM_JOB_ID
mkdir -p "$logs"
echo "$SLURM_NNODES nodes, $processes processes on each, head node $head_node, port $port, logs in $logs"

# SLURMD_NODENAME differs from node to node, so each task fills it in for itself.
# The launcher ignores USR1; the processes that it starts set their own handlers.
task='trap "" USR1; exec torchrun --local-addr="$SLURMD_NODENAME" "$@"'

stopped=no
trap 'stopped=yes; scancel --signal=USR1 "$SLURM_JOB_ID"' USR1
srun --kill-on-bad-exit=1 --cpu-bind=none --open-mode=append --output="$logs/%N.log" \
  bash -c "$task" torchrun \
  --nnodes="$SLURM_NNODES" --nproc-per-node="$processes" \
  --rdzv-backend=c10d --rdzv-endpoint="$head_node:$port" --rdzv-id="$SLURM_JOB_ID" \
  -m actionstudio_nb.cli sft "$@" &
training=$!
wait "$training"; status=$?
if [ $stopped = yes ]; then    # the signal ended the first wait: wait for the checkpoint
  wait "$training"; status=$?
  scontrol requeue "$SLURM_JOB_ID"
fi
exit $status
