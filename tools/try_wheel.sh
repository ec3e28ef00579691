#!/bin/bash
# try_wheel.sh REPOSITORY FOLDER: use every command of an installation without extras, outside the repository.
set -euo pipefail
repo=$1 out=$2
mkdir -p "$out"
python -c "import actionstudio_nb; assert not actionstudio_nb.__file__.startswith('$repo'), actionstudio_nb.__file__"
python - <<'PYTHON' > /dev/null
from actionstudio_nb.cli import commands, main
for command in commands:
    try: main([command, '--help'])
    except SystemExit as e: assert not e.code, command
PYTHON
python -c "from actionstudio_nb.quality.rubric import load_critic; load_critic()"  # Its file is in the wheel
python - "$out" <<'PYTHON'
import sys
from pathlib import Path
from actionstudio_nb.core import write_jsonl
from actionstudio_nb.models.load import tiny_model
from actionstudio_nb.unified import weather_example
out = Path(sys.argv[1])
tiny_model(out/'tiny')
write_jsonl(out/'logs.jsonl', [weather_example])
(out/'config.yaml').write_text(f'model: {out}/tiny\ndata: {out}/clean/kept.jsonl\noutput_dir: {out}/run\nmax_steps: 2\n')
PYTHON
actionstudio convert "$out/logs.jsonl" --out "$out/converted"
actionstudio check "$out/converted/unified.jsonl" --out "$out/checked"
actionstudio clean "$out/logs.jsonl" --out "$out/clean"
actionstudio verify "$out/clean/kept.jsonl" --model "$out/tiny" --out "$out/verified"
actionstudio sft "$out/config.yaml"
actionstudio export "$out/run"
actionstudio eval "$out/clean/kept.jsonl" --model "$out/run/model" --out "$out/eval" --max_new_tokens 4
# What needs an extra says which
for setting in zero=2 method=qlora optim=adamw_bnb_8bit; do
  ! actionstudio sft "$out/config.yaml" output_dir="$out/$setting" $setting 2> "$out/error" || { echo "$setting worked without its extra"; exit 1; }
  grep -q "actionstudio-nb\[train\]" "$out/error" || { cat "$out/error"; exit 1; }
done
