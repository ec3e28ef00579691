"""Convert and check records that were damaged at random; only errors that are meant for the user may be raised.

    python tools/mutate.py FILE... [--records 100000] [--seed N]
"""
import copy, json, random, sys, time
from collections import Counter
from pathlib import Path
from fastcore.script import call_parse, Param
from actionstudio_nb.quality.clean import clean_item
from actionstudio_nb.quality.curate import load_rules
from actionstudio_nb.data.files import raw_files, raw_items
from actionstudio_nb.workers import Item, item_value, process_item

odd = [None, True, 0, -1, 1e300, '', ' ', 'null', '[]', '{"a": 1}', '\x00', '\ud800', '###STOP###', '<tool_call>', '[TOOL_CALLS]', 'Action: f\nAction Input: {', [], {}, [[]], [None], {'role': 5}, {'': ''}]

def places(value, path=()):
    "All (holder, key) pairs inside a JSON value"
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield value, key
        yield from places(inner)

def mutated(record, others, rng):
    "The record, damaged in one to three places"
    record = copy.deepcopy(record)
    for _ in range(rng.randint(1, 3)):
        where = list(places(record))
        if not where: break
        holder, key = rng.choice(where)
        kind = rng.randint(0, 6)
        if kind == 0: holder[key] = rng.choice(odd)
        elif kind == 1 and isinstance(holder, dict): del holder[key]
        elif kind == 2 and isinstance(holder, dict): holder[rng.choice(['role', 'content', 'tools', 'id', 'x', ''])] = holder.pop(key)
        elif kind == 3: holder[key] = [holder[key]]
        elif kind == 4: holder[key] = str(holder[key])
        elif kind == 5: holder[key] = rng.choice(list(places(rng.choice(others))) or [({'x': 1}, 'x')])[0]
        else:
            for _ in range(rng.choice([3, 1000])): holder[key] = {'a': holder[key]} if rng.random() < .5 else [holder[key]]
    return record

@call_parse
def main(
    files: Param('Raw records', str, nargs='+'),
    records: int = 100_000,
    seed: int = None, # A different one each time if not given
):
    "Damage, convert, check"
    seed = time.time_ns() % 10**6 if seed is None else seed
    rng, rules = random.Random(seed), load_rules()
    some = [item_value(item) for f in raw_files(files, Path('-')) for item in raw_items(f)]
    outcomes, slowest, failed = Counter(), (0, None), Counter()
    def work(item, value): return clean_item(item, value, None, None, rules)
    for n in range(records):
        damaged, content = None, None
        try: content = json.dumps(damaged := mutated(rng.choice(some), some, rng), ensure_ascii=rng.random() < .5)
        except RecursionError: content = damaged
        if isinstance(content, str) and rng.random() < .3: # Bytes, too
            at = rng.randrange(len(content))
            content = content[:at] + rng.choice(['', '"', '}', '\udcff', '\\', content[at:at + 9] * 2]) + content[at + rng.randint(0, 3):]
        start = time.perf_counter()
        for done in process_item(work, Item('mutated', n, content)):
            outcomes[done.outcome] += 1
            if 'failed' in done.reasons: failed[done.source['message'][:150]] += 1
        slowest = max(slowest, (time.perf_counter() - start, n))
    print(f'seed {seed}: {records:,} records made from {len(some)}: {dict(outcomes)}; the slowest took {slowest[0]:.2f} s; unforeseen: {failed.total()}')
    for message, n in failed.most_common(10): print(f'  {n:6,} {message}')
    sys.exit(bool(failed))
