"""Kill `actionstudio sft` at random moments, start it again, and compare with an undisturbed run.

    python tools/kill_training.py [--kills 50] [--processes 1] [zero=3 checkpoint_staging_dir=/dev/shm ...]

A tiny model saves several times a second, so many of the kills hit a run that is saving. Exits with 1 if a loss
differs by a bit, or if a run does not come to its end.
"""
import os, random, signal, subprocess, sys, tempfile, time
from pathlib import Path
from fastcore.script import call_parse, Param
from actionstudio_nb.core import read_jsonl, write_jsonl
from actionstudio_nb.models.load import tiny_model
from actionstudio_nb.unified import weather_example

def lines(out):
    "Whole lines of a run's metrics"
    return [m for _, m in read_jsonl(out/'metrics.jsonl', bad=lambda *a: None)] if (out/'metrics.jsonl').exists() else []

def start(tmp, out, processes, changes):
    "The command, in its own process group"
    launcher = [sys.executable, '-m'] + (['torch.distributed.run', f'--nproc_per_node={processes}', '--standalone', '-m']
        if processes > 1 else [])
    return subprocess.Popen([*launcher, 'actionstudio_nb.cli', 'sft', str(tmp/'run.yaml'), f'output_dir={out}', *changes],
        stdout=subprocess.DEVNULL, stderr=open(tmp/'stderr', 'wb'), start_new_session=True, env=os.environ | {'OMP_NUM_THREADS': '1'})

@call_parse
def main(
    changes: Param('Of the config', str, nargs='*', opt=False) = (),
    kills: int = 50,
    processes: int = 1,
    seed: int = 0,
):
    "Kill, start again, compare"
    tmp, rng = Path(tempfile.mkdtemp()), random.Random(seed)
    os.environ['ACTIONSTUDIO_CACHE'] = str(tmp/'cache')
    write_jsonl(tmp/'data.jsonl', [weather_example | {'unique_trajectory_id': f'w{i}', 'task_instruction': f'Answer {"x" * (i % 17)}'}
        for i in range(150)])
    (tmp/'run.yaml').write_text(f'{{model: {tiny_model(tmp/"model")}, data: {tmp}/data.jsonl, output_dir: x, max_length: 2048, '
        'row_length: 2048, share_prefix: false, tokens_per_step: 4096, precision: fp32, num_train_epochs: 1, save_minutes: 0.003, learning_rate: 0.001}')
    def finish(out):
        if start(tmp, out, processes, changes).wait(): raise SystemExit(f'the run failed: {(tmp/"stderr").read_text()[-2000:]}')
        return [m['loss'] for m in lines(out)]
    whole = finish(tmp/'whole')
    killed = runs = differ = saving = 0
    while killed < kills:
        out, runs = tmp/f'run-{runs}', runs + 1
        while killed < kills:
            before, run = len(lines(out)), start(tmp, out, processes, changes)
            moment = time.perf_counter() + (rng.uniform(0, 8) if rng.random() < .2 else 60) # Some while it starts
            while run.poll() is None and time.perf_counter() < moment and len(lines(out)) <= before: time.sleep(0.01)
            time.sleep(rng.uniform(0, .5))
            if run.poll() is not None: break
            saving += (out/'part-of-checkpoint').exists()
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()
            killed += 1
        losses = finish(out)
        differ += losses != whole
    print(f'{killed} kills in {runs} runs of {len(whole)} steps, {saving} of them while it was saving; {differ} runs differ')
    sys.exit(bool(differ))
