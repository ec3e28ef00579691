"""Try hostile files and records on `convert`, `clean` and `check`, under limits on memory and time.

    python tools/hostile.py [--cases N] [--only TEXT] [--seed N] [--seconds 2] [--megabytes 1000]

The cases are in `tools/hostile_files.py`. Each is written into a folder of its own, and each command reads it in a child
process. A trial fails if the command ends with a traceback, by a signal or late; if it takes more processor time or
memory than allowed for each hostile record; if the ledger does not have a row for every record, or a good record is
lost; if control characters reach the terminal, or if something planted was executed. The limits are above what the
same command needs for one good record.
"""
import json, os, random, re, resource, shutil, signal, sys, tempfile, time, traceback
from pathlib import Path
from fastcore.script import call_parse
from actionstudio_nb.core import read_json, read_jsonl
from actionstudio_nb.cli import main as command
from hostile_files import cases as all_cases
import matplotlib.backends.backend_svg, matplotlib.figure, numpy, pyarrow.parquet # Once, not in each child
import actionstudio_nb.data.convert, actionstudio_nb.quality.clean

control = re.compile('[\x00-\x08\x0b-\x1f\x7f-\x9f]')

def written(case, folder: Path, rng) -> int | None:
    "Write a case, in a process of its own: what writes Parquet starts threads, which a fork does not survive"
    if not (pid := os.fork()):
        folder.with_suffix('.expected').write_text(json.dumps(case(folder, rng)))
        os._exit(0)
    if os.waitpid(pid, 0)[1]: raise SystemExit(f'{folder} could not be written')
    return read_json(folder.with_suffix('.expected'))

def child(argv: list[str], folder: Path, guest: bool):
    "Run a command with limits, in this process, which then ends"
    for number, name in ((1, 'stdout'), (2, 'stderr')): os.dup2(os.open(folder/name, os.O_WRONLY | os.O_CREAT), number)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.chdir(folder)
    if guest and not os.geteuid(): os.setuid(65534) # The administrator may read everything
    code = 99
    try:
        sys.stdout, sys.stderr = open(1, 'w'), open(2, 'w')
        code = command(argv)
    except SystemExit as e: code = e.code
    except BaseException: traceback.print_exc()
    finally:
        for f in (sys.stdout, sys.stderr): f.flush()
        os._exit(code if isinstance(code, int) else 1)

def try_command(name: str, source: Path, folder: Path, guest: bool = False) -> dict:
    "What became of a command: exit code, processor time, peak memory, what it printed and its report"
    folder.mkdir()
    folder.chmod(0o777)
    argv = [name, str(source), '--out', 'out', '--workers', '1']
    pid = os.fork()
    if not pid: child(argv, folder, guest)
    late = time.monotonic() + 300
    while not (ended := os.wait4(pid, os.WNOHANG))[0]:
        if time.monotonic() > late: os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    _, status, used = ended
    report = folder/'out'/'report.json'
    return dict(code=os.waitstatus_to_exitcode(status), seconds=used.ru_utime + used.ru_stime, megabytes=used.ru_maxrss / 1024,
        said=(folder/'stdout').read_text(errors='surrogateescape') + (folder/'stderr').read_text(errors='surrogateescape'),
        report=read_json(report) if report.exists() else None,
        rows=sum(1 for _ in read_jsonl(folder/'out'/'ledger.jsonl')) if report.exists() else 0)

def faults(done: dict, name: str, expected, planted: bool) -> list[str]:
    "What is wrong about a trial, besides its cost"
    report, found = done['report'], []
    if done['code'] not in (0, 1, 2): found.append(f"exit code {done['code']}")
    if 'Traceback' in done['said']: found.append('traceback: ' + done['said'].strip().splitlines()[-1][:100])
    if control.search(done['said'].replace('\n', '').replace('\t', '')): found.append('control characters printed')
    if planted: found.append('something planted was executed')
    if 'failed' in (report or {}).get('reasons', {}): found.append(f"unforeseen: {report['examples']['failed'][0]['message'][:100]}")
    if not report: return found + ['no reason'] * (len(done['said'].strip().splitlines()) != 1)
    kept = report['inputs'] - report['outcomes']['dropped']
    if done['rows'] != report['inputs']: found.append(f"{report['inputs']} inputs, {done['rows']} rows in the ledger")
    if name == 'convert' and expected is not None and kept != expected: found.append(f'{kept} kept, not {expected}')
    if done['code'] == 0 and (not kept or 'unreadable' in report['reasons']): found.append('exit code 0')
    return found

def outcome(done: dict) -> str:
    "What happened, in a few words"
    if not (report := done['report']): return f"refused: {done['said'].strip().splitlines()[-1][-60:]}" if done['said'].strip() else 'nothing'
    reasons = ', '.join(f'{n:,} {reason}' for reason, n in list(report['reasons'].items())[:4])
    return f"{report['inputs'] - report['outcomes']['dropped']:,} kept; {reasons or 'nothing dropped'}"

@call_parse
def main(
    cases: int = None,      # Try a random sample of this many; all if not given
    only: str = '',         # Try only cases whose name contains this
    commands: str = 'convert,clean,check', # Separated by commas
    seed: int = 0,
    seconds: float = 2,     # Processor time for each hostile record
    megabytes: int = 1000,  # Memory for each command
    keep: bool = False,     # Keep the files of trials that fail
):
    "Write hostile files, try the commands on them"
    os.environ |= {'TQDM_DISABLE': '1', 'HOME': '/nonexistent'}
    tmp, failed, trials = Path(tempfile.mkdtemp()), 0, 0
    tmp.chmod(0o711)
    (tmp/'plain').mkdir()
    (tmp/'plain'/'a.jsonl').write_text(json.dumps({'messages': [{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'content': 'Yes.'}]}))
    plain = {name: try_command(name, tmp/'plain'/('a.jsonl' if name == 'check' else ''), tmp/f'plain-{name}') for name in commands.split(',')}
    for name, done in plain.items(): print(f"{name} of one good record: {done['seconds']:.2f} s, {done['megabytes']:.0f} MB; the figures below are above that")
    print(f"\n{'case':45} {'command':8} {'s':>5} {'MB':>5}  outcome")
    chosen = [title for title in all_cases if only in title]
    if cases is not None: chosen = random.Random(seed).sample(chosen, min(cases, len(chosen)))
    for title in chosen:
        case = all_cases[title]
        folder = tmp/f'case-{trials}'
        folder.mkdir()
        expected = written(case, folder, random.Random(f'{seed} {title}'))
        for name in commands.split(','):
            for source in ([folder] if name != 'check' else sorted(p for p in folder.iterdir() if p.is_file() and p.name != 'z-good.jsonl')[:1]):
                trials += 1
                done = try_command(name, source, tmp/f'trial-{trials}', 'cannot be read' in title)
                took, memory = done['seconds'] - plain[name]['seconds'], done['megabytes'] - plain[name]['megabytes']
                found = faults(done, name, expected, (tmp/f'trial-{trials}'/'PLANTED').exists())
                if took > seconds * getattr(case, 'records', 1): found.append('too slow')
                if memory > megabytes: found.append('too much memory')
                failed += bool(found)
                print(f"{title:45} {name:8} {took:5.1f} {memory:5.0f}  {ascii(outcome(done))[1:-1]}{'  FAIL: ' + ascii('; '.join(found)) if found else ''}", flush=True)
                shutil.rmtree(tmp/f'trial-{trials}') if not (found and keep) else print(f"    {tmp/f'trial-{trials}'}")
        for path in folder.rglob('*'):
            if path.is_dir() and not path.is_symlink(): path.chmod(0o755)
        shutil.rmtree(folder)
    print(f'seed {seed}: {trials} trials of {len(chosen)} cases, {failed} failed')
    sys.exit(bool(failed))
