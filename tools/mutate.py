"""Convert and check records that were damaged at random: whatever is in them, it is read or it is refused with a reason.

    python tools/mutate.py FILE_OR_DIR... [--records 100000] [--workers 2] [--seed N]

The records come from all folders alike, however many each has. Where one is kept, no text may be lost, no call may be
missing that is marked as one (see `families.py`), and the assistant's turns must say something, but for
one side of a preference pair. Only errors that are meant for the user may be raised. Exits with 1 if anything else happens.
"""
import copy, json, random, sys, time
from collections import Counter, defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from fastcore.script import call_parse, Param
from actionstudio_nb.core import FormatError
from actionstudio_nb.data.convert import convert_item
from actionstudio_nb.quality.clean import clean_item
from actionstudio_nb.quality.curate import load_rules
from actionstudio_nb.data.files import raw_files, raw_items
from actionstudio_nb.workers import Item, Unreadable, item_value, process_item
from families import names_read, names_said

odd = [None, True, 0, -1, 1e300, '', ' ', 'null', '[]', '{"a": 1}', '\x00', '\ud800', '###STOP###', '<tool_call>', '[TOOL_CALLS]', 'Action: f\nAction Input: {', [], {}, [[]], [None], {'role': 5}, {'': ''}]

def places(value, path=()):
    "All (holder, key) pairs inside a JSON value"
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from places(inner)

def shorter(value, rng):
    "The value, with the middle of long lists and texts left out"
    if isinstance(value, dict): return {k: shorter(v, rng) for k, v in value.items()}
    if isinstance(value, str): return value if len(value) < 1500 or value[:1] in '[{' else value[:700] + value[-700:]
    if not isinstance(value, list): return value
    n = rng.randint(1, 4)
    return [shorter(v, rng) for v in (value if len(value) <= 2 * n else value[:n] + value[-n:])]

def mutated(record, others, rng):
    "The record, damaged in one to three places"
    record = copy.deepcopy(record)
    for _ in range(rng.randint(1, 3)):
        try: where = list(places(record))
        except RecursionError: break # An earlier change has nested it deeply
        if not where: break
        holder, key = rng.choice(where)
        kind = rng.randint(0, 6)
        if kind == 0: holder[key] = copy.deepcopy(rng.choice(odd))
        elif kind == 1 and isinstance(holder, dict): del holder[key]
        elif kind == 2 and isinstance(holder, dict): holder[rng.choice(['role', 'content', 'tools', 'id', 'x', ''])] = holder.pop(key)
        elif kind == 3: holder[key] = [holder[key]]
        elif kind == 4: holder[key] = str(holder[key])
        elif kind == 5: holder[key] = copy.deepcopy(rng.choice(list(places(rng.choice(others))) or [({'x': 1}, 'x')])[0])
        else:
            for _ in range(rng.choice([3, 1000])): holder[key] = {'a': holder[key]} if rng.random() < .5 else [holder[key]]
    return record

def paired(trajectory) -> bool:
    "Is it one side of a preference pair?"
    labels = trajectory['meta'].get('labels')
    return isinstance(labels, dict) and 'pair' in labels

def faults(record, result, cleaned=()) -> list[str]:
    "What is wrong with the trajectories of a record; `cleaned` is what `clean` made of it"
    trajectories = [json.loads(t) for t in result.texts]
    format = trajectories[0]['meta']['source']
    said, read = names_said(record, format), names_read(result.texts, format)
    # What a tool was given or returned may hold calls; those that an answer holds as text must be found by a rule
    turns = [m for t in trajectories for m in t['conversation']]
    inside = [m['content'] if m['role'] == 'tool' else [c['function']['arguments'] for c in m.get('tool_calls') or []] for m in turns]
    dropped = [m.get('content') for m in turns if m['role'] == 'assistant'] if all(r.outcome == 'dropped' for r in cleaned) else []
    aside = json.dumps([[t['meta'].get('extra') for t in trajectories], inside, dropped])
    missing = Counter({k: n for k, n in (said or {}).items() if isinstance(k, str) and json.dumps(k) not in aside.replace('\\', '')}) - read
    empty = [m for t in trajectories if not paired(t) for m in t['conversation'] if m['role'] == 'assistant' and not (m.get('content') or m.get('tool_calls') or m.get('reasoning_content'))]
    if 'JSON repaired' in result.reasons: result.source.pop('lost', None) # A repair may drop what makes no sense
    return ([f"{format}: lost at {x['path']}: {x['text']}" for x in result.source.get('lost', [])[:1]]
        + [f'{format}: {sum(missing.values())} calls are missing: {dict(missing)}'] * bool(missing) + [f'{format}: an empty turn'] * bool(empty))

def part(sources: list[str], records: int, seed: int, samples: str):
    "Damage, convert, check"
    rng, rules, folders = random.Random(seed), load_rules(), defaultdict(list)
    for item in (item for f in raw_files(sources, Path('-')) for item in raw_items(f)):
        try: folders[Path(item.file).parent, Path(item.file).suffix].append(shorter(item_value(item), rng))
        except FormatError: pass # Damaged as published
    folders = list(folders.values())
    outcomes, slowest, failed, shown = Counter(), (0, None), Counter(), open(samples, 'a') if samples else None
    def both(item, value):
        kept = convert_item(item, value, audit=True)
        return [kept, *process_item(lambda item, value: clean_item(item, value, None, None, rules), item)]
    for n in range(records):
        damaged = mutated(rng.choice(rng.choice(folders)), [rng.choice(rng.choice(folders))], rng)
        try: content = json.dumps(damaged, ensure_ascii=rng.random() < .5)
        except RecursionError: content = damaged
        if isinstance(content, str) and rng.random() < .2: # Bytes, too
            at = rng.randrange(len(content))
            content = content[:at] + rng.choice(['', '"', '}', '\udcff', '\\', content[at:at + 9] * 2]) + content[at + rng.randint(0, 3):]
        start, item = time.perf_counter(), Item('mutated', n, content)
        done = process_item(both, item)
        slowest = max(slowest, (time.perf_counter() - start, n))
        for result in done: outcomes[result.outcome] += 1
        if shown and n % 5000 == 4999: print(json.dumps(dict(progress=n + 1, failed=failed.total(), outcomes=outcomes)), file=shown, flush=True)
        found = [r.source['message'][:150] for r in done if 'failed' in r.reasons]
        if done[0].outcome != 'dropped': found += faults(item_value(item), done[0], done[1:])
        for message in found:
            failed[message[:150]] += 1
            if shown and failed[message[:150]] < 4: print(json.dumps(dict(fault=message, record=content)), file=shown, flush=True)
    return sum(map(len, folders)), outcomes, slowest, failed

@call_parse
def main(
    files: Param('Raw records, or folders of them', str, nargs='+'),
    records: int = 100_000,
    workers: int = 1,   # Processes; each makes its part of the records, with a seed of its own
    seed: int = None,   # A different one each time if not given
    samples: str = '',  # Append records with a fault to this file
):
    "Damage, convert, check"
    seed = time.time_ns() % 10**6 if seed is None else seed
    with ProcessPoolExecutor(workers, get_context('spawn')) as pool:
        done = [f.result() for f in [pool.submit(part, files, records // workers, seed + i, samples) for i in range(workers)]]
    failed = sum((d[3] for d in done), Counter())
    seconds, n = max(d[2] for d in done)
    print(f'seed {seed}: {records:,} records made from {done[0][0]:,}, converted and cleaned: {dict(sum((d[1] for d in done), Counter()))}; the slowest took {seconds:.2f} s; unforeseen: {failed.total()}')
    for message, n in failed.most_common(40): print(f'  {n:6,} {message}')
    sys.exit(bool(failed))
