"""Break sound trajectories in known ways, and count what the rules catch.

    python tools/inject.py FILE... [--seed N] [--each 1000]

FILE holds trajectories in Unified Format 2.0. Each kind of error is put into `--each` of those in
which no rule finds a fault, at a random place; another seed each time, unless one is given.
Those in which a rule does find one are checked with another implementation of JSON Schema.
Exits with 1 if a kind of error is caught in less than 99% of the cases, or if more than 0.1% of
the trajectories are dropped for a reason that the other implementation does not see.
"""
import copy, random, time
from collections import Counter
import jsonschema # Comes with Jupyter
from fastcore.script import call_parse, Param
from actionstudio_nb.quality.curate import judge
from actionstudio_nb.quality.curate import load_rules
from actionstudio_nb.unified import Message, Trajectory, read_trajectories

errors = {}
def error(f):
    "Register a function (trajectory, rng) that breaks the trajectory; False says that it cannot be broken this way"
    errors[f.__name__] = f
    return f

def calls(t): return [c for m in t.conversation for c in m.tool_calls]
def tool_of(t, call): return next(tool.function for tool in t.tools if tool.function.name == call.function.name)
def turns(t, role): return [m for m in t.conversation if m.role == role]

@error
def unknown_tool(t, rng): rng.choice(calls(t)).function.name += rng.choice(['s', '_v2', '.run'])

@error
def missing_argument(t, rng):
    able = [(c, k) for c in calls(t) for k in tool_of(t, c).parameters.get('required') or [] if k in c.function.arguments]
    if not able: return False
    call, key = rng.choice(able)
    del call.function.arguments[key]

@error
def invented_argument(t, rng):
    able = [c for c in calls(t) if tool_of(t, c).parameters.get('properties') and not tool_of(t, c).parameters.get('additionalProperties')]
    if not able: return False
    rng.choice(able).function.arguments[rng.choice(['lang', 'verbose', 'userId'])] = 'x1'

@error
def wrong_type(t, rng):
    wrong = dict(integer='about five', number=['1'], boolean='perhaps', string={'value': 'x'}, array='one', object='none')
    able = [(c, k, p['type']) for c in calls(t) for k, p in (tool_of(t, c).parameters.get('properties') or {}).items() if k in c.function.arguments and isinstance(p, dict) and p.get('type') in list(wrong)]
    if not able: return False
    call, key, kind = rng.choice(able)
    call.function.arguments[key] = wrong[kind]

@error
def out_of_enum(t, rng):
    able = [(c, k) for c in calls(t) for k, p in (tool_of(t, c).parameters.get('properties') or {}).items() if k in c.function.arguments and isinstance(p, dict) and p.get('enum')]
    if not able: return False
    call, key = rng.choice(able)
    call.function.arguments[key] = 'something else'

@error
def lost_result(t, rng):
    at = [i for i, m in enumerate(t.conversation[:-1]) if m.role == 'tool'] # A call in the last turn may stay open
    if not at: return False
    del t.conversation[rng.choice(at)]

@error
def lost_call(t, rng):
    able = [m for i, m in enumerate(t.conversation[:-1]) if m.tool_calls and t.conversation[i + 1].role == 'tool']
    if not able: return False
    m = rng.choice(able)
    m.tool_calls, m.content = [], m.content or 'Let me see.'

@error
def foreign_id(t, rng):
    if not turns(t, 'tool'): return False
    rng.choice(turns(t, 'tool')).tool_call_id = 'call_x9'

@error
def emptied_turn(t, rng):
    m = rng.choice([m for m in t.conversation if m.role in ('user', 'assistant')])
    m.content, m.tool_calls = rng.choice(['', ' ', '\n']), []

@error
def result_after_user(t, rng):
    at = rng.choice([i for i, m in enumerate(t.conversation) if m.role == 'user'])
    t.conversation.insert(at + 1, Message('tool', 'ok', tool_call_id='call_0'))

@error
def no_answer(t, rng): t.conversation = turns(t, 'user')

@error
def broken_schema(t, rng): rng.choice(t.tools).function.parameters = {'type': 'object', 'properties': {'x': {'type': rng.choice(['text', 'str', 'int', 'dict'])}}}

@error
def twin_tool(t, rng): t.tools.append(copy.deepcopy(rng.choice(t.tools)))

@error
def call_in_text(t, rng):
    m = rng.choice(turns(t, 'assistant'))
    m.content += rng.choice(['<tool_call>\n{"name": "f"}\n</tool_call>', '[TOOL_CALLS][{"name": "f"}]', '\nAction: f\nAction Input: {}', '<function=f>{}</function>'])

@error
def reasoning_in_text(t, rng):
    m = rng.choice(turns(t, 'assistant'))
    m.content = f'<think>Let me see.</think>{m.content}'

@error
def placeholder(t, rng):
    able = [(c, k) for c in calls(t) for k, v in c.function.arguments.items() if isinstance(v, str) and (tool_of(t, c).parameters.get('properties') or {}).get(k) == {'type': 'string'} | {x: y for x, y in ((tool_of(t, c).parameters.get('properties') or {}).get(k) or {}).items() if x in ('description', 'default')}]
    if not able: return False
    call, key = rng.choice(able)
    call.function.arguments[key] = rng.choice(['<user_id>', 'YOUR_API_KEY', 'string', '{{city}}', '[your name]'])

@error
def stray_signal(t, rng):
    m = rng.choice(turns(t, 'user'))
    m.content += ' ###STOP###'

@error
def control_character(t, rng):
    m = rng.choice(turns(t, 'user') + turns(t, 'assistant'))
    m.content += rng.choice('\x00\x07\x1b\x9d')

def answered(t: Trajectory) -> Trajectory:
    "A task as a whole trajectory: with results for its last calls, and something said about them"
    last = t.conversation[-1]
    if last.tool_calls: t.conversation += [Message('tool', {'ok': i}, tool_call_id=c.id, name=c.function.name) for i, c in enumerate(last.tool_calls)] + [Message('assistant', 'It is done.')]
    return t

def refused(t) -> bool:
    "Does a call name an unknown tool or argument, or have arguments that `jsonschema` too calls invalid?"
    for c in calls(t):
        if c.function.name not in [tool.function.name for tool in t.tools]: return True
        schema = tool_of(t, c).parameters
        if set(c.function.arguments) - set(schema.get('properties') or c.function.arguments): return True
        if not jsonschema.Draft202012Validator(schema).is_valid(c.function.arguments): return True
    return False

@call_parse
def main(
    files: Param('Trajectories', str, nargs='+'),
    seed: int = None, # A different one each time if not given
    each: int = 1000, # Trajectories for each kind of error
):
    "Break sound trajectories in known ways, and count what the rules catch"
    seed = time.time_ns() % 10**6 if seed is None else seed
    rng, rules = random.Random(seed), load_rules()
    whole = [answered(t) for f in files for _, t in read_trajectories(f) if t.conversation]
    sound, dropped = [], []
    for t in whole:
        before = copy.deepcopy(t)
        repairs, findings = judge(t, rules)
        faults = [f for f in findings if f.severity != 'warn']
        if faults: dropped.append((before, faults))
        elif calls(t) and not repairs: sound.append(t)
    wrongly = [(t, faults) for t, faults in dropped if not refused(t)]
    print(f'seed {seed}: {len(whole):,} trajectories, {len(dropped):,} dropped, {len(wrongly):,} of them '
        f'({len(wrongly) / len(whole):.2%} of all) without a fault that another implementation sees')
    for t, faults in wrongly: print(f'  {t.unique_trajectory_id}: {faults[0].rule}: {faults[0].message}')
    low = ['dropped wrongly'] if len(wrongly) > 0.001 * len(whole) else []
    for name, damage in errors.items():
        caught, tried, by = 0, 0, Counter()
        for n in range(20 * each):
            if tried == each: break
            t = copy.deepcopy(rng.choice(sound))
            if damage(t, rng) is False: continue
            tried += 1
            repairs, findings = judge(t, rules)
            by.update({f.rule for f in repairs + findings if f.severity != 'warn'})
            caught += bool(repairs) or any(f.severity != 'warn' for f in findings)
        if tried and caught < 0.99 * tried: low.append(name)
        print(f"{name:20} {caught:5,} of {tried:5,} {caught / max(tried, 1):7.2%}  {', '.join(r for r, _ in by.most_common(2))}")
    if low: raise SystemExit(f'outside the limits: {", ".join(low)}')
