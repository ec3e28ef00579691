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

# The shards of this job have the same inputs.json, and one that is not finished has none.
for i in $(seq "$parts"); do
  cmp -s "$out/shard-$SLURM_ARRAY_TASK_ID-of-$parts/inputs.json" "$out/shard-$i-of-$parts/inputs.json" ||
    { echo "not merged by this task: shard $i of $parts is not finished, or was made from other inputs"; exit 0; }
done

# One task merges the shards; if it is killed meanwhile, the same task does it when it is started again.
merging=$out/.merging-$SLURM_ARRAY_JOB_ID
if ln -s "$SLURM_ARRAY_TASK_ID" "$merging" 2>/dev/null || [ "$(readlink "$merging")" = "$SLURM_ARRAY_TASK_ID" ]; then
  status=0
  python -m actionstudio_nb.cli merge "$out" || status=$?
  rm -f "$merging"
  exit $status
fi
