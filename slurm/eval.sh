#!/bin/bash
# Measure a model on a benchmark:
#
#   sbatch --gpus=1 --time=24:00:00 slurm/eval.sh BENCH --model FOLDER [OPTIONS]
#
# Submit it from the folder that relative paths start from, with the Python environment active.
# Replies are saved as they come. A minute before the time limit the job goes back into the queue
# and then continues.
#SBATCH --job-name=actionstudio-eval
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@60
set -u
[ $# -gt 0 ] || { echo "usage: sbatch slurm/eval.sh BENCH --model FOLDER [OPTIONS]" >&2; exit 2; }

stopped=no
trap 'stopped=yes; kill "$work"' USR1
python -m actionstudio_nb.cli eval "$@" &
work=$!
wait "$work"; status=$?
if [ $stopped = yes ]; then    # the signal ended the first wait
  wait "$work"; status=$?
  [ $status = 0 ] || scontrol requeue "$SLURM_JOB_ID"
fi
exit $status
