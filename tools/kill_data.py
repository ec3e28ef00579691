"""Kill `actionstudio clean` at random moments, start it again, and compare with an undisturbed run.

    python tools/kill_data.py FILE... [--kills 100] [--workers 2]

Exits with 1 if a file differs by a byte, or if the ledger does not add up.
"""
import random, subprocess, sys, tempfile, time
from pathlib import Path
from fastcore.script import call_parse, Param
from actionstudio_nb.core import read_json, read_jsonl

def start(files, out, workers):
    "The command, in its own process"
    command = [sys.executable, '-m', 'actionstudio_nb.cli', 'clean', *files, '--out', str(out), '--workers', str(workers)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

@call_parse
def main(
    files: Param('Raw records', str, nargs='+'),
    kills: int = 100,
    workers: int = 2,
    seed: int = 0,
):
    "Kill, start again, compare"
    tmp, rng = Path(tempfile.mkdtemp()), random.Random(seed)
    begun = time.perf_counter()
    if start(files, tmp/'whole', workers).wait(): raise SystemExit('the undisturbed run failed')
    seconds = time.perf_counter() - begun
    whole = {name: (tmp/'whole'/name).read_bytes() for name in ('kept.jsonl', 'ledger.jsonl')}
    killed = runs = differ = resumed = 0
    while killed < kills:
        out, runs = tmp/f'run-{runs}', runs + 1
        while True:
            process = start(files, out, workers)
            try: code = process.wait(rng.uniform(0.3, 1.1) * seconds) if killed < kills else process.wait()
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                killed += 1
                resumed += (out/'.clean.journal').exists() and (out/'.clean.journal').read_text().count('\n') > 2
                continue
            if code: raise SystemExit(f'the command failed with {code}')
            break
        outcomes = read_json(out/'report.json')['outcomes']
        same = all((out/name).read_bytes() == content for name, content in whole.items())
        sums = sum(outcomes.values()) == sum(1 for _ in read_jsonl(out/'ledger.jsonl'))
        differ += not (same and sums)
    print(f'{killed} kills in {runs} runs of {seconds:.1f} s; {resumed} of them in the middle of the work; {differ} runs differ')
    sys.exit(bool(differ))
