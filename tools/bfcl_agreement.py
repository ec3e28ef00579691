"""Compare how we judge a call with BFCL's own checker, on gold answers and on wrong ones.

    python tools/bfcl_agreement.py [--mutants 30000] [--seed 0] [--show 3]

The checker is that of the package `bfcl-eval`, from the wheel that the quickstart fetches. It runs as it is; only its table
of models is replaced, which imports the SDKs of all providers. Every task of the single-turn kinds in Python is judged with
its gold answers in several spellings that are all right, and `--mutants` answers are judged that were changed in one or two places.

A difference is explained if it is a fault of the checker's: an exception, or its greedy pairing of parallel calls, which
refuses calls although its own rule for one call gives each of them an answer of its own. Exits with 1 if any other difference is left.
"""
import copy, json, sys, types
from collections import Counter, defaultdict
from importlib import import_module
from random import Random
from fastcore.script import call_parse
from actionstudio_nb.core import read_jsonl
from actionstudio_nb.data.bfcl import first_answer
from actionstudio_nb.data.formats import to_unified
from actionstudio_nb.evaluation.metrics import match_calls, paired
from actionstudio_nb.models.assets import fetch_wheel
from actionstudio_nb.evaluation.benchmarks import bfcl_wheel
from actionstudio_nb.quickstart import kinds
from actionstudio_nb.unified import FunctionCall, ToolCall

# BFCL's side

class Models(dict):
    "Stands in for the table of models: names of functions stay as they are"
    def __missing__(self, name): return types.SimpleNamespace(underscore_to_dot=False)

def bfcl_checker(wheel):
    "The module of BFCL's checker"
    sys.path.insert(0, str(wheel))
    table = types.ModuleType('bfcl_eval.constants.model_config')
    table.MODEL_CONFIG_MAPPING = Models()
    sys.modules[table.__name__] = table
    return import_module('bfcl_eval.eval_checker.ast_eval.ast_checker')

def theirs(checker, task, calls):
    "(right?, the kind of error) by BFCL's checker; None if it raises an exception"
    made = copy.deepcopy([{name: arguments} for name, arguments in calls])
    try: result = checker.ast_checker(task['function'], made, task['answers'], checker.Language.PYTHON, task['kind'], 'model')
    except Exception as e: return None, type(e).__name__
    return result['valid'], result.get('error_type', '')

def all_fit(checker, task, calls):
    "Does BFCL's own rule for one call let each call have an answer of its own?"
    one = dict(task, kind='multiple')
    fits = [[bool(theirs(checker, dict(one, answers=[answer]), [call])[0]) for answer in task['answers']] for call in calls]
    return len(calls) == len(task['answers']) == len(paired(fits))

# Our side

def ours(task, calls):
    made = [ToolCall(function=FunctionCall(name, arguments)) for name, arguments in calls]
    return match_calls(made, task['answers'], task['tools'])

# Tasks, and calls that answer them

def read_tasks(wheel):
    "Yield the tasks of all single-turn kinds in Python, with their answers and tools"
    data = wheel/'bfcl_eval'/'data'
    for kind in kinds:
        answers = {row['id']: row['ground_truth'] for _, row in read_jsonl(data/'possible_answer'/f'BFCL_v4_{kind}.json')}
        for _, row in read_jsonl(data/f'BFCL_v4_{kind}.json'):
            tools = to_unified(row, format='bfcl')[0].tools
            yield dict(id=row['id'], kind=kind, function=row['function'], answers=answers[row['id']], tools=tools)

def chosen(options, rng):
    "One of the possible values of an argument; ... to leave it out"
    option = rng.choice(options) if options else ...
    if option == '': return ...
    def value(option):
        if isinstance(option, list): return [value(o) for o in option]
        if not isinstance(option, dict): return option
        picked = {k: (rng.choice(v) if v else '') if isinstance(v, list) else v for k, v in option.items()}
        return {k: v for k, v in picked.items() if v != ''}
    return value(copy.deepcopy(option))

def gold(task, rng=None):
    "Calls that answer a task: with the first possible values, or with random ones in a random order"
    calls = []
    for answer in task['answers']:
        for name, possible in answer.items():
            arguments = first_answer(possible) if rng is None else {k: v for k, options in possible.items() if (v := chosen(options, rng)) is not ...}
            calls.append((name, copy.deepcopy(arguments)))
    if rng is not None and 'parallel' in task['kind']: rng.shuffle(calls)
    return calls

# Changes: each takes a task, its calls and a generator, and returns other calls, or None where it does not apply

def any_argument(calls, rng, wanted=object):
    "(arguments, name) of an argument whose value is of a type"
    places = [(a, k) for _, a in calls for k, v in a.items() if isinstance(v, wanted) and not (wanted is int and isinstance(v, bool))]
    return rng.choice(places) if places else None

def change(wanted, new):
    "A change of one argument of a type"
    def changed(task, calls, rng):
        if not (place := any_argument(calls, rng, wanted)): return None
        arguments, name = place
        arguments[name] = new(arguments[name], rng)
        return calls
    return changed

def inside(value, rng, new):
    "The value, with `new` applied to something inside it"
    if isinstance(value, list) and value:
        i = rng.randrange(len(value))
        value[i] = inside(value[i], rng, new)
        return value
    if isinstance(value, dict) and value:
        k = rng.choice([*value])
        value[k] = inside(value[k], rng, new)
        return value
    return new(value)

def other(value):
    "A similar value that is another one"
    if isinstance(value, bool): return not value
    if isinstance(value, (int, float)): return value + 1
    return f'{value}x' if isinstance(value, str) else 'x'

def retyped(value):
    "The value in another type"
    if isinstance(value, bool): return int(value)
    if isinstance(value, int): return float(value)
    if isinstance(value, float): return int(value) if value.is_integer() else str(value)
    if isinstance(value, str): return [value]
    return str(value)

def wrong_name(task, calls, rng):
    i = rng.randrange(len(calls))
    names = [f['name'] for f in task['function']] + [calls[i][0] + 's', calls[i][0].upper(), calls[i][0].replace('.', '_'), '']
    calls[i] = rng.choice(names), calls[i][1]
    return calls

def without_argument(task, calls, rng):
    if not (place := any_argument(calls, rng)): return None
    del place[0][place[1]]
    return calls

def with_argument(task, calls, rng):
    "With one that the function has, or one that it has not"
    name, arguments = rng.choice(calls)
    known = next((f for f in task['function'] if f['name'] == name), {'parameters': {'properties': {}}})['parameters']['properties']
    new = rng.choice([*(k for k in known if k not in arguments), 'extra'])
    arguments[new] = rng.choice(['', 'x', 0, 1, None, True, [], {}, known.get(new, {}).get('default', 'x')])
    return calls

def without_call(task, calls, rng):
    del calls[rng.randrange(len(calls))]
    return calls

def with_call(task, calls, rng):
    calls.insert(rng.randint(0, len(calls)), copy.deepcopy(rng.choice(calls)))
    return calls

def repeated_call(task, calls, rng):
    if len(calls) < 2: return None
    i, j = rng.sample(range(len(calls)), 2)
    calls[i] = copy.deepcopy(calls[j])
    return calls

def reordered(task, calls, rng):
    if len(calls) < 2: return None
    return rng.sample(calls, len(calls))

def swapped(task, calls, rng):
    "Two arguments of a call exchange their values"
    full = [a for _, a in calls if len(a) > 1]
    if not full: return None
    arguments = rng.choice(full)
    i, j = rng.sample([*arguments], 2)
    arguments[i], arguments[j] = arguments[j], arguments[i]
    return calls

def option_left_out(task, calls, rng):
    "Without an argument that the answer allows to leave out, or the function does not require"
    places = [(a, k) for name, a in calls for answer in task['answers'] if name in answer for k in a if '' in answer[name].get(k, [])]
    for name, a in calls:
        required = next((f['parameters']['required'] for f in task['function'] if f['name'] == name), [])
        places += [(a, k) for k in a if k not in required]
    if not places: return None
    arguments, k = rng.choice(places)
    arguments.pop(k, None)
    return calls

def marked(text, rng):
    at = rng.randint(0, len(text))
    return text[:at] + rng.choice(' ,./-_*^\'"!?;:()\n\t') + text[at:]

def unmarked(text, rng):
    return ''.join(c for c in text if c.isalnum()) if rng.random() < .5 else text.replace(rng.choice(' ,.-_/\'"'), '')

def without_item(value, rng):
    if isinstance(value, dict):
        value.pop(rng.choice([*value]), None) if value else None
        return value
    return value[:-1] if rng.random() < .5 else rng.sample(value, len(value))

def with_item(value, rng):
    if isinstance(value, dict): return value | {rng.choice([*value, 'extra']): rng.choice(['', 1, 'x', None, []])}
    return value + [copy.deepcopy(rng.choice(value)) if value and rng.random() < .5 else rng.choice(['', 1, 1.0, True, None, 'x', [], {}])]

changes = dict(wrong_name=wrong_name, missing=without_argument, extra=with_argument, no_call=without_call, more_calls=with_call,
    repeated_call=repeated_call, reordered=reordered, swapped=swapped, option_left_out=option_left_out,
    retyped=change(object, lambda v, rng: retyped(v)), int_as_float=change(int, lambda v, rng: float(v)), int_as_text=change(int, lambda v, rng: str(v)),
    float_as_int=change(float, lambda v, rng: int(v)), number_as_bool=change((int, float), lambda v, rng: bool(v)), other_value=change(object, lambda v, rng: inside(v, rng, other)),
    upper=change(str, lambda v, rng: rng.choice([str.upper, str.lower, str.title, str.swapcase])(v)), marks=change(str, marked), no_marks=change(str, unmarked), empty=change(object, lambda v, rng: rng.choice(['', [], {}, ' '])),
    none=change(object, lambda v, rng: None), listed=change(object, lambda v, rng: [v]), item_missing=change((list, dict), without_item), item_more=change((list, dict), with_item),
    inner_type=change((list, dict), lambda v, rng: inside(v, rng, retyped)), inner_value=change((list, dict), lambda v, rng: inside(v, rng, other)), inner_none=change((list, dict), lambda v, rng: inside(v, rng, lambda _: None)),
    inner_case=change((list, dict), lambda v, rng: inside(v, rng, lambda x: x.upper() if isinstance(x, str) else x)))

def mutated(tasks, rng):
    "(name of the change, task, calls that may be wrong)"
    while True:
        task, name = rng.choice(tasks), rng.choice([*changes])
        calls = changes[name](task, gold(task, rng if rng.random() < .7 else None), rng)
        if calls and rng.random() < .2: calls = changes[rng.choice([*changes])](task, calls, rng) or calls
        if calls is not None: return name, task, calls

@call_parse
def main(
    mutants: int = 30_000, # Wrong answers to judge
    spellings: int = 4, # Right answers of each task, besides the first possible values
    seed: int = 0,
    show: int = 3,      # Examples of each kind of difference
):
    "Judge everything twice and compare"
    wheel = fetch_wheel(**bfcl_wheel)
    checker, tasks, rng = bfcl_checker(wheel), [*read_tasks(wheel)], Random(seed)
    by_kind = defaultdict(list)
    for task in tasks: by_kind[task['kind']].append(task)
    table, found, raised = defaultdict(Counter), defaultdict(list), Counter()
    def judge(name, task, calls):
        us, (them, error), row = ours(task, calls), theirs(checker, task, calls), table[name]
        row['judged'] += 1
        row['right'] += bool(them)
        if them is None: raised[error] += 1
        if us == bool(them): return
        why = ('the checker raises' if them is None else 'greedy pairing' if us and len(calls) > 1 and all_fit(checker, task, calls) else 'unexplained')
        row[why] += 1
        found[why, name, us, error].append((task['id'], calls))
    for task in tasks:
        judge('gold, first values', task, gold(task))
        for _ in range(spellings): judge('gold, any values', task, gold(task, rng))
    for _ in range(mutants):
        judge(*mutated(by_kind[rng.choice(kinds)], rng))
    columns = ['judged', 'right', 'the checker raises', 'greedy pairing', 'unexplained']
    print(f"{'':20}{'judged':>8}{'right':>8}{'raises':>8}{'greedy':>8}{'differ':>8}")
    for name, row in table.items(): print(f'{name:20}' + ''.join(f'{row[c]:8,}' for c in columns))
    for (why, name, us, error), examples in found.items():
        print(f"\n{why}, {name}: {len(examples):,} that we {'accept' if us else 'refuse'} ({error})")
        for id, calls in examples[:show]: print(f'  {id}: {json.dumps(calls)[:300]}')
    total = sum((row for row in table.values()), Counter())
    wrong = total['judged'] - total['right']
    print(f"\nseed {seed}: {total['judged']:,} answers to {len(tasks):,} tasks judged ({wrong:,} wrong ones), {total['judged'] - sum(total[c] for c in columns[2:]):,} alike; "
        f"the checker raises an exception at {sum(raised.values()):,} {dict(raised)}; differences: {total['the checker raises']:,} of those, {total['greedy pairing']:,} greedy pairings, {total['unexplained']:,} unexplained")
    sys.exit(bool(total['unexplained']))
