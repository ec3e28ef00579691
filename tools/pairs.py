"""Start pairs of processes in one output folder, and compare what they leave with an undisturbed run.

    python tools/pairs.py [--pairs 100] [--commands convert,clean,sft] [--records 20000] [--seed 0]

The second process of a pair starts at a random moment of the first. One of them has to win, and its files have to be
those of a run that was alone. The other has to exit with 1 and one line that names the winner, or to run after it.
`caches` starts two training runs in two folders that share an empty cache; both have to succeed. `shard` starts a merge
while one of its shards is made again. Exits with 1 if a file differs, a process hangs, a refusal says something else, or most of twenty
pairs or more ran without one, so that little was tried.
"""
import os, random, shutil, subprocess, sys, tempfile, time
from pathlib import Path
from fastcore.script import call_parse
from actionstudio_nb.core import read_json, read_jsonl, write_jsonl
from actionstudio_nb.models.load import tiny_model
from actionstudio_nb.unified import weather_example
from actionstudio_nb.folders import sha256

small = 'max_length: 2048, row_length: 2048, tokens_per_step: 4096, precision: fp32, learning_rate: 0.001, num_train_epochs: 1'
data_commands = ['convert', 'check', 'clean', 'write']
all_commands = [*data_commands, 'merge', 'shard', 'verify', 'eval', 'sft', 'dpo', 'export', 'caches']

def prepare(tmp: Path, records: int):
    "Inputs for all commands"
    tasks = [weather_example | {'unique_trajectory_id': f'w{i}', 'task_instruction': f'Answer {"x" * (i % 17)} {i}'} for i in range(records)]
    write_jsonl(tmp/'many.jsonl', tasks)
    write_jsonl(tmp/'some.jsonl', tasks[:1000])
    write_jsonl(tmp/'few.jsonl', tasks[:80])
    def with_reward(t, i): return t | dict(unique_trajectory_id=f'p{i}', meta=dict(labels=dict(reward=i % 2)), conversation=[
        t['conversation'][0], *([dict(role='assistant', content=f'It is {"sunny" if i % 2 else "dark"} there.')])])
    write_jsonl(tmp/'pairs.jsonl', [with_reward(t, i) for t in tasks[:40] for i in (0, 1)])
    model = tiny_model(tmp/'model')
    (tmp/'sft.yaml').write_text(f'{{model: {model}, data: {tmp}/few.jsonl, output_dir: x, {small}}}')
    (tmp/'dpo.yaml').write_text(f'{{model: {model}, data: {tmp}/pairs.jsonl, output_dir: x, label: reward, {small}}}')

def arguments(command: str, tmp: Path, out: Path) -> list[str]:
    "The command line"
    return [str(x) for x in dict(
        convert=['convert', tmp/'many.jsonl', '--out', out], check=['check', tmp/'many.jsonl', '--out', out],
        clean=['clean', tmp/'many.jsonl', '--out', out, '--workers', 2], write=['write', tmp/'many.jsonl', '--out', out],
        merge=['merge', out], shard=['clean', tmp/'many.jsonl', '--out', out, '--shard', '2/3'],
        verify=['verify', tmp/'some.jsonl', '--model', tmp/'model', '--out', out],
        eval=['eval', tmp/'few.jsonl', '--model', tmp/'model', '--out', out, '--max_new_tokens', 4],
        sft=['sft', tmp/'sft.yaml', f'output_dir={out}'], caches=['sft', tmp/'sft.yaml', f'output_dir={out}'],
        dpo=['dpo', tmp/'dpo.yaml', f'output_dir={out}'], export=['export', tmp/'alone-sft', '--out', out])[command]]

def start(command, tmp, out, log):
    "The command in its own process"
    env = os.environ | dict(ACTIONSTUDIO_CACHE=str(out.parent/'cache'), OMP_NUM_THREADS='1', TQDM_DISABLE='1')
    return subprocess.Popen([sys.executable, '-m', 'actionstudio_nb.cli', *arguments(command, tmp, out)],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(log, 'wb'), env=env)

def outputs(command: str, out: Path):
    "What a command has to leave"
    def hashes(*names): return [sha256(f) for name in names for f in sorted(out.glob(name))]
    if command in ('sft', 'dpo', 'caches'):
        return [m['loss'] for _, m in read_jsonl(out/'metrics.jsonl')], hashes('checkpoint-*/*.safetensors'), read_json(out/'report.json')['steps']
    if command == 'export': return hashes('*.safetensors', '*.json')
    if command == 'eval': return hashes('predictions.jsonl', 'scores.json')
    report = read_json(out/'report.json')
    target = dict(convert='unified.jsonl', write='openai.jsonl', verify='trees.jsonl').get(command, 'kept.jsonl')
    return hashes(target, 'ledger.jsonl'), report['inputs'], report['outcomes'], report['reasons']

def folder_for(command, tmp, name):
    "A new output folder; a merge finds its shards there"
    out = tmp/name/'out'
    out.parent.mkdir()
    if command in ('merge', 'shard'): shutil.copytree(tmp/'shards', out)
    return out

def alone(command, tmp):
    "(outputs, seconds of work) of an undisturbed run"
    out, begun = folder_for(command, tmp, f'alone-in-{command}'), time.perf_counter()
    if start(command, tmp, out, tmp/'log').wait(): raise SystemExit(f'{command} failed alone: {(tmp/"log").read_text()[-2000:]}')
    if command == 'sft': (tmp/'alone-sft').symlink_to(out)
    seconds = time.perf_counter() - begun
    name = arguments(command, tmp, out)[0]
    subprocess.run([sys.executable, '-m', 'actionstudio_nb.cli', name, '--help'], check=True, capture_output=True)
    work = max(0, 2 * seconds - (time.perf_counter() - begun)) # Without the imports
    print(f'{command} alone: {seconds:.1f} s, {work:.1f} s of them work', flush=True)
    return (None if command == 'shard' else outputs(command, out)), work

def fault_of(first, second, processes, logs, outs, expected):
    "What is wrong after a pair, or None"
    for command, process, log, out, other in zip([first, second], processes, logs, outs, processes[::-1]):
        text = log.read_text()
        if 'Traceback' in text: return f'{command}: {text[-1500:]}'
        if process.returncode == 0: continue
        refused = [l for l in text.splitlines() if l.startswith('actionstudio ')]
        incomplete = 'shard' in (first, second) and command == 'merge' and 'does not have a complete set' in text
        named = process.returncode == 1 and len(refused) == 1 and f'is in use by process {other.pid} on ' in refused[0]
        if not named and not incomplete: return f'{command} ended with {process.returncode}: {text[-1500:]}'
    won = [(c, out, p) for c, out, p in zip([first, second], outs, processes) if p.returncode == 0]
    if not won or first == 'caches' and len(won) < 2: return 'nobody won' if not won else 'one of two runs was refused'
    if first != 'caches': won = won[-1:] # If both ran, then in turn
    for command, out, _ in won:
        if command != 'shard' and outputs(command, out) != expected[command]: return f'{command} left other files'

def pair(first, second, tmp, name, work, rng, expected):
    "Run a pair; returns (fault or None, was one refused?)"
    out = folder_for(first, tmp, name)
    outs = [out, out.with_name('other') if first == 'caches' else out]
    logs, processes = [out.parent/'log-0', out.parent/'log-1'], []
    processes.append(start(first, tmp, outs[0], logs[0]))
    time.sleep(rng.uniform(0, 0.5) * work if rng.random() < .8 else 0)
    processes.append(start(second, tmp, outs[1], logs[1]))
    limit = time.perf_counter() + 300 + 20 * work
    try: [p.wait(max(1, limit - time.perf_counter())) for p in processes]
    except subprocess.TimeoutExpired:
        for p in processes: p.kill(), p.wait()
        return 'hung', False
    return fault_of(first, second, processes, logs, outs, expected), any(p.returncode for p in processes)

@call_parse
def main(
    pairs: int = 100,
    commands: str = None, # Separated by commas; by default all
    records: int = 20_000, # For the commands that read data; with few, they end too soon for a rival
    seed: int = 0,
):
    "Start pairs, compare"
    tmp, rng, names = Path(tempfile.mkdtemp()), random.Random(seed), commands.split(',') if commands else all_commands
    prepare(tmp, records)
    if {'merge', 'shard'} & set(names):
        for i in (1, 2, 3):
            command = [*arguments('clean', tmp, tmp/'shards'), '--shard', f'{i}/3']
            subprocess.run([sys.executable, '-m', 'actionstudio_nb.cli', *command], check=True, capture_output=True)
    needed = dict.fromkeys([*names, *(['sft'] if 'export' in names else []), *(['merge'] if 'shard' in names else [])])
    known = {command: alone(command, tmp) for command in sorted(needed, key=lambda c: c == 'export')}
    expected = {command: result for command, (result, _) in known.items()}
    corrupt = hung = refused = rivals = 0
    for n in range(pairs):
        first = second = names[n % len(names)]
        if first in data_commands and rng.random() < .3: second = rng.choice([c for c in data_commands if c in names])
        if first == 'shard': second = 'merge'
        fault, was_refused = pair(first, second, tmp, f'pair-{n}', known[first][1], rng, expected)
        refused += was_refused
        rivals += first != 'caches'
        hung += fault == 'hung'
        corrupt += fault not in (None, 'hung')
        if fault: print(f'pair {n}, {first} and {second}: {fault}', flush=True)
        else: shutil.rmtree(tmp/f'pair-{n}')
    print(f'{refused} of {rivals} rivals were refused')
    print(f'{pairs} pairs: {corrupt} corrupt, {hung} hung')
    few = rivals >= 20 and 2 * refused < rivals # A few pairs may miss each other by chance
    sys.exit(bool(corrupt or hung or few))
