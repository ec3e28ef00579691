#!/bin/bash
# Convert and check raw logs on a cluster: each task of a job array takes its share of the records.
#
#   sbatch --array=1-16 slurm/data.sh OUT SRC... [options of actionstudio clean]
#
# Submit it from the folder that relative paths start from, with the Python environment active.
# An interrupted task continues where it stopped when it is started again. The last task to finish
# merges the shards into OUT/kept.jsonl, OUT/ledger.jsonl and OUT/report.json.
#SBATCH --job-name=actionstudio-data
#SBATCH --ntasks=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=data-%A-%a.log
set -eu
[ $# -gt 1 ] || { echo "usage: sbatch --array=1-N slurm/data.sh OUT SRC... [options of actionstudio clean]" >&2; exit 2; }
[ "${SLURM_ARRAY_TASK_MIN:-}" = 1 ] || { echo "the array must be 1-N: sbatch --array=1-16 slurm/data.sh OUT SRC..." >&2; exit 2; }

out=$1; shift
parts=$SLURM_ARRAY_TASK_MAX
python -m actionstudio_nb.cli clean "$@" --out "$out" --shard "$SLURM_ARRAY_TASK_ID/$parts" --workers "${SLURM_CPUS_PER_TASK:-1}"

# One task merges the shards; if it is killed meanwhile, the same task does it when it is started again.
if [ "$(ls "$out"/shard-*-of-"$parts"/report.json | wc -l)" = "$parts" ] &&
    { ln -s "$SLURM_ARRAY_TASK_ID" "$out/.merging" 2>/dev/null || [ "$(readlink "$out/.merging")" = "$SLURM_ARRAY_TASK_ID" ]; }; then
  python -m actionstudio_nb.cli merge "$out"
  rm -f "$out/.merging"
fi
