"""Replies of models, made at random: what a writer writes is read back, and nothing else ever raises or invents a call.

    python tools/reply_trials.py [--calls 2000] [--strings 100000] [--seed N]

calls:   random calls with nasty names and values, written in each syntax, are read back the same, by the reader of the syntax and by `auto`
around:  the same with reasoning, prose, tags and code fences around them; the prose is kept
cut:     a reply that is cut off anywhere gives the first of its calls and no others
strings: random strings raise nothing, and what is read from them can be written as JSON; see `hostile_replies.py` for long ones
Exits with 1 on any failure.
"""
import sys, time
from collections import Counter
from random import Random
from fastcore.script import call_parse
from actionstudio_nb.core import dumps
from actionstudio_nb.calls import writers
from actionstudio_nb.syntaxes import readers
from actionstudio_nb.toolcalls import parse_reply, think_end
from actionstudio_nb.unified import Function, FunctionCall, Tool, ToolCall
from hostile_replies import heads, units

names = ['f', 'get_weather', 'math.gcd', 'get-weather', '3d_print', 'a/b', 'Tool1', '__x__', 'not_in', 'größe']
keys = ['a', 'b_2', 'from', 'class', 'x-y', 'größe', 'ﬁ', 'arg0', 'name', 'arguments', 'parameters', '', ' ', '1', 'a.b', '</think>', '"', 'self', '$ref']
pieces = ['', ' ', 'Rome', "it's", '"', '\\', "\\'", '\n', '\r\n', '\t', '\x00', '\x7f', '\u2028', '\ufeff', 'ünï✓', '😀', '日本', 'e\u0301', '{', '}', '[', ']', '(', ')', ',', ';', '}; {', ': ', '=', '```', '```json\n', '{"name": "f", "arguments": {}}', '[f(a=1)]', 'f(', 'get-weather(x)', ', from=',
    '<tool_call>', '</tool_call>', '<tool_call>{"name":"f"}</tool_call>', '[TOOL_CALLS]', '[TOOL_CALLS][', '[ARGS]', '<|python_tag|>', '<|python_start|>', '<|python_end|>', 'Action: f\nAction Input: {}', '\nObservation: ', 'Thought: ', '<think>', '</think>', '[THINK]', '[/THINK]', '#', '//', 'None', 'true', 'nan', 'ǃ0ǃ', '%s', '&quot;', '\\u0041', '\\ud83d']
prose = ['I will look.', 'Two steps:\n1. look\n2. tell', "That's {easy}.", 'Here (and there), it is: a [list].']

def text(rng): return ''.join(rng.choices(pieces, k=rng.choice([0, 1, 1, 2, 3, 8])))

def value(rng, depth=3):
    makes = [lambda: text(rng), lambda: text(rng), lambda: rng.randint(-10**rng.randint(1, 18), 10**18), lambda: rng.random() < .5, lambda: None,
        lambda: rng.choice([0.0, -0.5, 1e300, 1e-7, 1e22, 3.0, rng.random()])]
    if depth: makes += [lambda: [value(rng, depth - 1) for _ in range(rng.randint(0, 3))], lambda: {text(rng): value(rng, depth - 1) for _ in range(rng.randint(0, 3))}]
    return rng.choice(makes)()

def random_calls(rng):
    return [ToolCall(id=f'call_{i}', function=FunctionCall(rng.choice(names), {k: value(rng) for k in rng.sample(keys, rng.randint(0, 4))})) for i in range(rng.randint(1, 4))]

def tools_of(calls): return [Tool(function=Function(name)) for name in {c.function.name for c in calls}]

def identity(rng):
    "Yield (case, written, what is wrong) for the calls in every syntax"
    sent = random_calls(rng)
    for name, write in writers.items():
        written = write(sent)
        for syntax in (name, 'auto'):
            read = parse_reply(written, syntax)
            wrong = (read.calls, read.content, read.problems, read.reasoning_content) != (sent, '', [], None)
            yield f'{name} as {syntax}', written, read if wrong else None

def surrounded(rng):
    "Yield the same for calls with something around them"
    sent, before, after = random_calls(rng), rng.choice(prose), rng.choice(prose)
    written = {name: write(sent) for name, write in writers.items()}
    ambiguous = any(think_end.search(source) for source in written.values()) # Without an opening tag
    for name, source in written.items():
        read = parse_reply(f'<think>{before}</think>\n{source}')
        yield f'{name} after reasoning', source, read if (read.calls, read.content, read.reasoning_content) != (sent, '', before) else None
    if ambiguous: return
    for name in ('json', 'hermes', 'llama'):
        if '```' in written[name]: continue # A fence in a fence ends where it should not
        read = parse_reply(f'{before}\n```json\n{written[name]}\n```\n{after}', tools=tools_of(sent))
        yield f'{name} in a fence', written[name], read if read.calls != sent or before not in read.content or after not in read.content or '```' in read.content else None
    for name in ('json', 'hermes', 'llama', 'mistral'):
        read = parse_reply(f'{before} {written[name]}' + (f' {after}' if name != 'mistral' else ''), tools=tools_of(sent))
        yield f'{name} in prose', written[name], read if read.calls != sent or before not in read.content else None
    if not any(mark in written['python'] for mark in ('```', '<tool_call>', '[TOOL_CALLS]', '<|python_tag|>', '"name"')): # Not quoted
        read = parse_reply(f"{before}\n```python\n{written['python']}\n```\n{after}", tools=tools_of(sent))
        yield 'python in a fence', written['python'], read if read.calls != sent or before not in read.content else None

def cut(rng):
    "Yield the same for replies that end too early"
    sent = random_calls(rng)
    for name, write in writers.items():
        written = write(sent)
        part = written[:rng.randrange(len(written))]
        if part.rstrip().endswith('Input:') or think_end.search(part): continue # A call without input; the end of reasoning
        if name == 'hermes' and written.count('</tool_call>') > len(sent): continue # Seems to end in an argument
        for syntax in (name, 'auto'):
            read = parse_reply(part, syntax)
            yield f'{name} as {syntax}, cut', part, read if read.calls != sent[:len(read.calls)] else None

def noise(rng):
    "Yield the same for a string that nobody meant as anything"
    everything = pieces + [u for u in units.values()] + [h for h in heads.values()]
    kind = rng.random()
    if kind < .5: made = ''.join(rng.choices(everything, k=rng.randint(0, 12)))
    elif kind < .8:
        made = rng.choice([*writers.values()])(random_calls(rng))
        for _ in range(rng.randint(1, 3)):
            at = rng.randrange(len(made) + 1)
            made = made[:at] + rng.choice(everything) + made[at + rng.randint(0, 5):]
    else: made = ''.join(chr(rng.choice([rng.randrange(128), rng.randrange(0x250), rng.randrange(0x110000)])) for _ in range(rng.randint(0, 60)))
    syntax, tools = rng.choice(['auto', 'auto', *readers]), rng.choice([None, [], [Tool(function=Function('f'))]])
    try:
        read = parse_reply(made, syntax, tools)
        for call in read.calls: dumps(call)
        yield f'a string as {syntax}', made, None
    except Exception as e: yield f'a string as {syntax}', made, e

@call_parse
def main(
    calls: int = 2000,      # Random lists of calls, for each of the first three trials
    strings: int = 100_000, # Random strings
    seed: int = None,       # A different one each time if not given
    show: int = 2,          # Failures shown of each kind
):
    "Try them all"
    seed = time.time_ns() % 10**6 if seed is None else seed
    rng, tried, failed = Random(seed), Counter(), Counter()
    for trial, n in ((identity, calls), (surrounded, calls), (cut, calls), (noise, strings)):
        start = time.process_time()
        for _ in range(n):
            for case, made, wrong in trial(rng):
                tried[case] += 1
                if wrong is None: continue
                failed[case] += 1
                if failed[case] <= show: print(f'FAILED {case}: {made!a:.500}\n    {wrong!a:.700}', flush=True)
        print(f'{trial.__name__:10} {n:8,} in {time.process_time() - start:.0f} s', flush=True)
    for case, n in tried.items(): print(f'{case:28} {n:8,} tried {failed[case]:6,} failed')
    print(f'seed {seed}: {tried.total():,} replies, {failed.total():,} failed')
    sys.exit(bool(failed))
