"""How fast raw records become clean trajectories, compared with merely reading and writing their JSON.

    python tools/bench_data.py FILE... [--records 98000] [--workers 2]

The records of FILE (JSON Lines) are repeated, each time with another id and another first word
of the user, until there are enough of them.
"""
import json, resource, subprocess, sys, tempfile, time
from itertools import cycle
from pathlib import Path
from fastcore.script import call_parse, Param
import msgspec
from actionstudio_nb.core import dumps, loads
from actionstudio_nb.data.files import raw_items
from actionstudio_nb.workers import item_value

def another(record: dict, n: int) -> dict:
    "The record with another id, and another question"
    key = next((k for k in ('messages', 'conversations', 'conversation', 'traj') if isinstance(record.get(k), list)), None)
    if not key: return record | {'id': n}
    turns = [dict(t) for t in record[key]]
    first = next(t for t in turns if t.get('role', t.get('from')) in ('user', 'human'))
    said = 'content' if 'content' in first else 'value'
    if isinstance(first[said], str): first[said] = f'({n}) {first[said]}'
    return record | {'id': n, key: turns}

@call_parse
def main(
    files: Param('Raw records', str, nargs='+'),
    records: int = 98_000, # How many to make
    workers: int = 2,      # Processes of `clean`
):
    "Time `actionstudio clean`"
    tmp = Path(tempfile.mkdtemp())
    some = [item_value(item) for f in files for item in raw_items(f)]
    with open(tmp/'raw.jsonl', 'w') as out:
        for n, record in zip(range(records), cycle(some)): out.write(dumps(another(record, n)) + '\n')
    size = (tmp/'raw.jsonl').stat().st_size
    print(f'{records:,} records made from {len(some)}, {size / 1e6:,.0f} MB')
    for name, read, write in (('msgspec', loads, msgspec.json.encode), ('json', json.loads, json.dumps)):
        start = time.perf_counter()
        with open(tmp/'raw.jsonl', 'rb') as f:
            for line in f: write(read(line))
        print(f'{name:8} decode and encode {time.perf_counter() - start:6.1f} s')
    start = time.perf_counter()
    subprocess.run([sys.executable, '-m', 'actionstudio_nb.cli', 'clean', str(tmp/'raw.jsonl'), '--out', str(tmp/'out'), '--workers', str(workers)], check=True, stderr=subprocess.DEVNULL)
    seconds, memory = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f'clean, {workers} processes: {seconds:.1f} s, {records / seconds:,.0f} records/s, {size / seconds / 1e6:.0f} MB/s; the largest process took {memory:,.0f} MB')
