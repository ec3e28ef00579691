#!/bin/bash
# Fine-tune on any number of nodes, with one process for each GPU:
#
#   sbatch --nodes=4 --gpus-per-node=8 --time=24:00:00 slurm/train.sh CONFIG.yaml [key=value...]
#
# Submit it from the folder that relative paths start from, with the Python environment active.
# The nodes are checked first. Then each node writes logs/JOB/NODE.log. Five minutes before the
# time limit every process gets SIGUSR1, saves a checkpoint and stops; the job goes back into the
# queue and resumes.
#SBATCH --job-name=actionstudio-train
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --exclusive
#SBATCH --mem=0
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@300
set -u
[ $# -gt 0 ] || { echo "usage: sbatch slurm/train.sh CONFIG.yaml [key=value...]" >&2; exit 2; }

export MASTER_ADDR=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
export MASTER_PORT=$((10000 + SLURM_JOB_ID % 20000))
processes=${SLURM_GPUS_ON_NODE:-1}
logs=logs/$SLURM_JOB_ID
errors=$logs/errors-${SLURM_RESTART_COUNT:-0}
mkdir -p "$errors" || exit 1
echo "$SLURM_NNODES nodes, $processes processes on each," \
  "head node $MASTER_ADDR, port $MASTER_PORT, logs in $logs"

stopped=no
trap 'stopped=yes; scancel --signal=USR1 "$SLURM_JOB_ID"' USR1

# The sleep gives srun time to collect the output before it ends the step on all nodes.
check='python -m actionstudio_nb.cli preflight "$@" 2>&1 | sed "s/^/$SLURMD_NODENAME: /"
  status=${PIPESTATUS[0]}; [ $status = 0 ] || sleep 2; exit $status'
if ! TORCH_CPP_LOG_LEVEL=FATAL timeout --kill-after=20 180 \
  srun --kill-on-bad-exit=1 --cpu-bind=none --overcommit \
  --ntasks-per-node="$processes" --ntasks=$((SLURM_NNODES * processes)) \
  bash -c "$check" check --kind sft "$@"
then
  echo "nothing was trained: a node failed the check, see above" >&2
  exit 1
fi
if [ $stopped = yes ]; then
  echo "the time limit came before training began: give the job more --time" >&2
  exit 1
fi

# SLURMD_NODENAME differs from node to node, so each task expands it for itself.
# The launcher ignores USR1; the processes that it starts set their own handlers.
task='trap "" USR1; errors=$1; shift
  exec python -m torch.distributed.run --local-addr="$SLURMD_NODENAME" \
    --log-dir="$errors/$SLURMD_NODENAME" "$@"'
srun --kill-on-bad-exit=1 --cpu-bind=none --open-mode=append --output="$logs/%N.log" \
  bash -c "$task" task "$errors" \
  --nnodes="$SLURM_NNODES" --nproc-per-node="$processes" \
  --rdzv-backend=c10d --rdzv-endpoint="$MASTER_ADDR:$MASTER_PORT" --rdzv-id="$SLURM_JOB_ID" \
  -m actionstudio_nb.cli sft "$@" &
work=$!
wait "$work"; status=$?
if [ $stopped = yes ]; then    # the signal ended the first wait
  wait "$work"; status=$?
  [ $status = 0 ] || scontrol requeue "$SLURM_JOB_ID"
elif [ $status != 0 ]; then
  first=$(ls -tr "$errors"/*/*/*/*/error.json 2>/dev/null | head -n 1)
  if [ -n "$first" ]; then
    echo "the first error, from $first:" >&2
    python -c 'import json, sys; error = json.load(open(sys.argv[1]))["message"]
print(error["extraInfo"]["py_callstack"])' "$first" >&2
  fi
fi
exit $status
