"""Stop commands at random moments, start them again, and compare with undisturbed runs.

    python tools/interrupt.py [--signals 100] [--kills 100] [--commands clean sft] [--workers 2]
        [--ranks 1] [--changes zero=3 ...]

Signals are SIGTERM, SIGINT and SIGUSR1, to the command's process alone or to all its processes, as a
terminal and Slurm send them; kills are SIGKILL to the process alone. After one to three of them, the
command runs to its end. What is counted:

    differ        results that are not those of the undisturbed run: bytes, or losses of a training run
    lost          runs whose ledger lacks an input, or blames one for the interruption
    hung          commands that have not ended some seconds after a signal
    left behind   processes that outlive the command by some seconds, or temporary files after a signal
    wrong ends    exit codes other than 128 + signal, tracebacks, or a last line that does not name the signal

The last line sums this up; the exit code is 1 unless all are 0.
"""
import os, random, signal, subprocess, sys, tempfile, time
from hashlib import sha256
from pathlib import Path
from fastcore.script import call_parse, Param
from actionstudio_nb.core import dumps, read_jsonl, write_jsonl
from actionstudio_nb.workers import stop_signals
from actionstudio_nb.models.load import tiny_model
from actionstudio_nb.training.run import weather_questions

names = ['convert', 'clean', 'verify', 'sft', 'dpo', 'export']
counts = dict.fromkeys(['signals', 'kills', 'differ', 'lost', 'hung', 'left behind', 'wrong ends'], 0)

def blame(fault, command, details=''):
    "Count a fault, and show it"
    counts[fault] += 1
    print(f'{fault}: {command} {details}', flush=True)

def trajectories(number):
    "Questions about the weather, no two alike"
    known = weather_questions()
    for i in range(number):
        yield known[i % len(known)] | {'unique_trajectory_id': f'w{i}', 'task_instruction': f'Call {i}. ' + 'x' * (i % 17)}

def make_inputs(tmp, changes):
    "Raw records, some of them damaged or repeated; trajectories; a model; configs; a finished run to export"
    def line(i, record): return '{"damaged\n' if i % 50 == 9 else dumps(record) + '\n'
    records = [line(i, record) for i, record in enumerate(trajectories(3000))]
    (tmp/'raw.jsonl').write_text(''.join(records + records[::40]))
    write_jsonl(tmp/'many.jsonl', trajectories(300))
    write_jsonl(tmp/'some.jsonl', trajectories(200))
    write_jsonl(tmp/'few.jsonl', trajectories(100))
    shared = dict(model=str(tiny_model(tmp/'model')), output_dir='run', max_length=1024, precision='fp32',
        save_minutes=0.003, learning_rate=1e-3)
    (tmp/'sft.yaml').write_text(dumps(shared | dict(data=str(tmp/'some.jsonl'), row_length=1024, share_prefix=False,
        tokens_per_step=2048, max_steps=20)))
    (tmp/'dpo.yaml').write_text(dumps(shared | dict(data=str(tmp/'few.jsonl'), pairs='broken', tokens_per_step=2048, max_steps=12)))
    command = command_line('sft', tmp, tmp/'finished', 1, 1, changes)
    subprocess.run(command, check=True, env=environment(tmp), capture_output=True)

def environment(folder): return os.environ | dict(ACTIONSTUDIO_CACHE=str(folder/'cache'), OMP_NUM_THREADS='1')

def command_line(name, tmp, out, workers, ranks, changes):
    "The command, as a list"
    program, training = ['-m', 'actionstudio_nb.cli', name], name in ('sft', 'dpo')
    if training and ranks > 1: program = ['-m', 'torch.distributed.run', f'--nproc_per_node={ranks}', '--standalone', *program]
    inputs = dict(convert='raw.jsonl', clean='raw.jsonl', verify='many.jsonl', export='finished/run')
    arguments = ([f'{tmp}/{name}.yaml', f'output_dir={out}/run', *changes] if training
        else [f'{tmp}/{inputs[name]}', '--out', f'{out}/run'])
    if name in ('convert', 'clean', 'verify'): arguments += ['--workers', str(workers)]
    if name == 'verify': arguments += ['--model', f'{tmp}/model']
    return [sys.executable, *program, *arguments]

def results(name, out):
    "What has to be the same, by file"
    run, cache = out/'run', out/'cache'
    if name == 'export': files = run.rglob('*')
    elif name == 'sft': files = [run/'ledger.jsonl', *sorted(cache.glob('trees/*/*.jsonl'))]
    elif name == 'dpo': files = [run/'ledger.jsonl', *sorted(cache.glob('pairs/*/pairs.jsonl'))]
    else: files = [p for p in run.glob('*.jsonl')]
    found = {str(p.relative_to(out)): sha256(p.read_bytes()).hexdigest() for p in files if p.is_file()}
    if name in ('sft', 'dpo'): found['losses'] = [m['loss'] for _, m in read_jsonl(run/'metrics.jsonl')]
    return found

def ledger_fault(name, out, rows):
    "What the ledger says that it should not, if it has as many rows as it should"
    if name == 'export': return None
    ledger = [row for _, row in read_jsonl(out/'run'/'ledger.jsonl')]
    if len(ledger) != rows: return f'{len(ledger)} rows instead of {rows}'
    failed = [row for row in ledger if 'failed' in row['reasons'] or 'Interrupted' in dumps(row)]
    return dumps(failed[0]) if failed else None

def in_session(leader):
    "The living processes that a command has started, itself included"
    def state(p):
        try: return (p/'stat').read_text().rpartition(')')[2].split()
        except OSError: return ['Z'] # It has just ended
    states = {p.name: state(p) for p in Path('/proc').iterdir() if p.name.isdigit()}
    return [pid for pid, s in states.items() if s[0] not in 'ZX' and s[3] == str(leader)]

class Trial:
    "A command that is stopped again and again"
    def __init__(self, name, tmp, options):
        self.name, self.tmp, self.options, self.runs = name, tmp, options, 0
        begun = time.perf_counter()
        self.begin('whole')
        if self.process.wait(): raise SystemExit(f'the undisturbed {name} failed: {self.errors()}')
        self.seconds = time.perf_counter() - begun
        self.whole = results(name, self.out)
        self.rows = name != 'export' and sum(1 for _ in read_jsonl(self.out/'run'/'ledger.jsonl'))

    def begin(self, folder):
        "Start the command, in a session of its own"
        self.out = self.tmp/self.name/folder
        self.out.mkdir(parents=True, exist_ok=True)
        command = command_line(self.name, self.tmp, self.out, *self.options)
        self.stderr = open(self.out/'stderr', 'w+b')
        self.process = subprocess.Popen(command, env=environment(self.out), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=self.stderr)

    def errors(self): return (self.out/'stderr').read_text()[-3000:]

    def stop(self, name, moment, everyone, limit):
        "Send a signal at a moment; False if the command was faster"
        try: return bool(self.process.wait(moment)) and blame('wrong ends', self.name, f'by itself: {self.errors()}')
        except subprocess.TimeoutExpired: pass
        number = getattr(signal, name)
        send = os.killpg if everyone else os.kill
        send(self.process.pid, number)
        where = f'{name} after {moment:.2f} s'
        try: self.check_end(self.process.wait(limit), number, where)
        except subprocess.TimeoutExpired:
            blame('hung', self.name, where)
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.check_rest(name, where, limit)
        return True

    def check_end(self, code, number, where):
        "A command that is stopped says so in one line; before and after its work, Python is silent"
        text = self.errors().replace('\r', '\n').splitlines()
        lines = [l for l in text if l.strip()] or ['']
        alone = self.options[1] == 1 or self.name not in ('sft', 'dpo')
        told = 'stopped by' in lines[-1] and not any('Traceback' in l for l in lines)
        fine = code in (0, -number) or code == 128 + number and told
        if alone and not fine: blame('wrong ends', self.name, f'{where}: exit code {code}, {lines[-20:]}')

    def check_rest(self, name, where, limit):
        "Nothing survives the command, and only a kill leaves temporary files"
        end = time.perf_counter() + limit
        while (rest := in_session(self.process.pid)) and time.perf_counter() < end: time.sleep(0.05)
        if rest:
            blame('left behind', self.name, f'{where}: {len(rest)} processes')
            os.killpg(self.process.pid, signal.SIGKILL)
        mine = f'.{self.process.pid}.'
        files = [p for p in self.out.rglob('.*') if p.name.startswith(mine)]
        if files and name != 'SIGKILL': blame('left behind', self.name, f'{where}: {files}')

    def round(self, stops, rng, limit):
        "Stop the command one to three times, let it run to its end, and compare; takes from `stops`"
        self.runs += 1
        for _ in range(min(rng.randint(1, 3), len(stops))):
            self.begin(str(self.runs))
            name, everyone = stops[-1], stops[-1] != 'SIGKILL' and rng.random() < .5 or self.options[1] > 1
            if not self.stop(name, rng.uniform(0, 1) * self.seconds, everyone, limit): break
            counts['kills' if stops.pop() == 'SIGKILL' else 'signals'] += 1
        self.begin(str(self.runs))
        if self.process.wait(): return blame('differ', self.name, f'it cannot continue: {self.errors()}')
        found = results(self.name, self.out)
        if found != self.whole:
            blame('differ', self.name, f'run {self.runs}: {[k for k in found | self.whole if found.get(k) != self.whole.get(k)]}')
        if fault := ledger_fault(self.name, self.out, self.rows): blame('lost', self.name, fault)

@call_parse
def main(
    signals: int = 100,
    kills: int = 100,
    commands: Param('Which commands', str, nargs='*', choices=names) = names,
    workers: int = 2, # Of convert, clean and verify
    ranks: int = 1,   # Of sft and dpo
    changes: Param('Of the config of sft and dpo', str, nargs='*') = (),
    limit: int = 20,  # Seconds within which all must have ended
    seed: int = 0,
):
    "Stop, start again, compare"
    rng = random.Random(seed)
    stops = [rng.choice(stop_signals) for _ in range(signals)] + ['SIGKILL'] * kills
    rng.shuffle(stops)
    shares = {name: stops[i::len(commands)] for i, name in enumerate(commands)}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as tmp:
        make_inputs(Path(tmp), changes)
        for name, share in shares.items():
            begun, number, trial = time.perf_counter(), len(share), Trial(name, Path(tmp), (workers, ranks, changes))
            while share: trial.round(share, rng, limit)
            print(f'{name}: {number} stops in {trial.runs} runs of {trial.seconds:.1f} s, {time.perf_counter() - begun:.0f} s', flush=True)
    done, faults = list(counts.items())[:2], list(counts.items())[2:]
    print(', '.join(f'{n} {name}' for name, n in done) + ': ' + ', '.join(f'{n} {name}' for name, n in faults))
    sys.exit(any(n for _, n in faults))
