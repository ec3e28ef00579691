"""Compare what raw files say with what is read from them: records, calls and texts, for each folder.

    python tools/families.py DIR... [--samples 3]

Calls are counted a second time straight from the JSON, by expressions that know nothing of the readers; `-` stands
where a folder has no call by either count, `none` where a format has no expression. Exits with 1 if a text is lost,
if the two counts differ, or if less than 95 % of the records with a question and an answer are kept.
"""
import ast, json, re, sys
from collections import Counter, defaultdict
from pathlib import Path
from fastcore.script import call_parse, Param
import pandas as pd
from actionstudio_nb.data.convert import convert_item
from actionstudio_nb.data.files import raw_files, raw_items
from actionstudio_nb.workers import Unreadable, process_item

def nodes(value):
    "All objects inside a JSON value, also inside the JSON texts in it"
    if isinstance(value, str) and value[:1] in ('{', '['):
        try: value = json.loads(value)
        except ValueError: return
    if isinstance(value, dict): yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else (): yield from nodes(inner)

def name_of(call):
    "The name in an object that describes a call"
    f = call.get('function', call.get('functionCall', call.get('function_call', call)))
    return f if isinstance(f, str) else f.get('name', call.get('name', call.get('toolName')))

def marked(value, *keys):
    "The calls that are marked as such: in `tool_calls`, in `function_call`, or by their type"
    for node in nodes(value):
        if isinstance(node.get('tool_calls'), list): yield from map(name_of, node['tool_calls'])
        elif isinstance(node.get('toolCalls'), list): yield from map(name_of, node['toolCalls'])
        for key in ('function_call', 'functionCall'):
            if isinstance(node.get(key), dict) and not node.get('tool_calls'): yield node[key].get('name')
        if node.get('type') in ('tool_use', 'server_tool_use', 'mcp_tool_use', 'tool-call', 'function_call', 'mcp_call', 'custom_tool_call'):
            if 'name' in node or 'toolName' in node: yield name_of(node)
        elif node.get('type') == 'tool_call' and isinstance(node.get('value'), str): yield from written(node['value'])
        elif re.fullmatch('(web_search|file_search|code_interpreter|computer|shell|local_shell|apply_patch|image_generation|tool_search)_call', str(node.get('type'))):
            yield node['type'].removesuffix('_call')

def dialogue(r):
    "The calls that are marked as such, but not inside the definitions of tools"
    def listed(value): return isinstance(value, dict) and value.get('type') == 'mcp_list_tools'
    return marked({k: [i for i in v if not listed(i)] if k == 'output' and isinstance(v, list) else v for k, v in r.items()
        if k not in ('tools', 'functions', 'config', 'text', 'tool_choice', 'metadata', 'usage')})

def by_id(value):
    "The marked calls, the same one only once however often it is noted"
    found = {}
    for node in nodes(value):
        calls = [node] if node.get('type') in ('tool_use', 'tool_call', 'function_call') or 'toolCallId' in node else []
        calls += [c for k in ('tool_calls', 'toolCalls') for c in node.get(k) or []] + [node[k] for k in ('function_call', 'functionCall') if k in node]
        for c in (c for c in calls if isinstance(c, dict) and name_of(c)):
            found[c.get('id') or c.get('toolCallId') or json.dumps(c.get('args') or c.get('arguments'))] = name_of(c)
    return found.values()

def python_names(texts):
    "The names of the calls in Python source"
    texts = [texts] if isinstance(texts, str) else texts
    return [ast.unparse(n.func) for t in texts for n in ast.walk(ast.parse(re.sub(r'\bfrom=', 'from_=', t))) if isinstance(n, ast.Call) and isinstance(n.func, (ast.Name, ast.Attribute))]

def tagged(text):
    "The names in `<tool_call>` tags, at the start of a line or at the end of a body"
    for body in re.findall(r'<tool_call>(.*?)</tool_call>', text, re.S):
        name = r'["\']name["\']:\s*(["\'])((?:\\.|(?!\1).)*)\1'
        found = re.findall(r'^\s*\{\s*' + name, body, re.M) or re.findall(name + r'\s*\}\s*$', body)
        yield from (n.replace('\\"', '"') for _, n in found)

def listed(value): return [c.get('name') or c.get('tool') for c in (json.loads(value) if isinstance(value, str) else value)]

def written(text):
    "The names of the calls in a fenced or plain JSON answer"
    return re.findall(r'"(?:name|tool)": ?"([^"]*)", ?"(?:arguments|parameters)"', text)

def sharegpt(r):
    for t in r['conversations'] + [r[k] for k in ('chosen', 'rejected') if k in r]:
        if t['from'] in ('function_call', 'tool_call'): yield from listed(t['value'] if t['value'].strip()[0] == '[' else f"[{t['value']}]")
        elif t['from'] in ('gpt', 'assistant'): yield from tagged(t['value'])

def acebench(r):
    answer, before = r.get('ground_truth'), python_names(re.findall(r'^(?:system|agent|assistant): *(\[.*\])\s*$', r['question'], re.M))
    answer = answer[0] if isinstance(answer, list) else answer
    names = {f['name'] for f in r['function']}
    before = [n for n in before if n in names]
    return before + [p if k not in names and (p := re.sub(r'_\d+$', '', k)) in names else k for k in answer] if isinstance(answer, dict) and all(isinstance(v, dict) for v in answer.values()) else before

def tooleval(r):
    node = r['answer']['answer_details'][0]
    while node:
        if node['role'] == 'tool': yield (ast.literal_eval(node['message']) if isinstance(node['message'], str) else node['message'])['name']
        node = node['next'][0] if node['next'] else None

def toolbench(answer):
    prefixes = [p for p in answer['train_messages'] if not any(q[:len(p)] == p and q != p for q in answer['train_messages'])]
    return [m['function_call']['name'] for p in prefixes for m in p if m.get('function_call')]

def toolbench_tree(r):
    if r['answer_generation'].get('train_messages'): return toolbench(r['answer_generation'])
    return [n['description'] for n in r['trys'][-1]['chain'] if n['node_type'] == 'Action']

def openhands(r):
    events = r.get('history') or r.get('trajectory') or r.get('events')
    events = [e for pair in events for e in pair] if isinstance(events[0], list) else events
    responses = {}
    for i, e in enumerate(events):
        if e.get('kind') == 'ActionEvent': responses[i] = [name_of(e['tool_call'])]
        said = ((e.get('tool_call_metadata') or {}).get('model_response') or {}) if 'action' in e else {}
        if said: responses[said.get('id', i)] = [name_of(c) for c in said['choices'][0]['message'].get('tool_calls') or []]
        elif e.get('action') not in (None, 'message', 'system', 'finish', 'reject', 'change_agent_state', 'recall', 'null', ''): responses[i] = [(e.get('tool_call_metadata') or {}).get('function_name') or e['action']]
    return [n for names in responses.values() for n in names]

def swe_agent(r):
    for m in r['history']:
        if m['role'] != 'assistant': continue
        yield from [name_of(c) for c in m['tool_calls']] if m.get('tool_calls') else ['bash'] if m.get('action') else []

def mini(r):
    for m in r['messages']:
        if m['role'] != 'assistant': continue
        yield from [name_of(c) for c in m['tool_calls']] if m.get('tool_calls') else ['bash'] * (len(re.findall('^```(?:bash|mswea)', m['content'], re.M)) == 1)

def bfcl_turns(r): return python_names(t for turn in r['ground_truth'] if isinstance(turn, list) for t in turn) if r.get('ground_truth') and 'involved_classes' in r else python_names(t for t in r.get('ground_truth') or [] if isinstance(t, str))

expressions = dict(
    openai=lambda r: marked(r.get('messages') or r.get('traj') or r.get('conversations')), unified=lambda r: marked(r['conversation']),
    exchange=dialogue, response=dialogue, chain=marked, gemini=marked, preference=marked, state=marked, openai_pair=marked, inspect=lambda r: marked(r['messages']), tau2=lambda r: marked([m for m in r['messages'] if m.get('role') != 'user']),
    claude_code=by_id, codex=by_id, langfuse=by_id, opentelemetry=by_id,
    sharegpt=sharegpt, sharegpt_pair=sharegpt, chatml=lambda r: tagged(r.get('text') or r.get('prompt') or ''), tagged=lambda r: tagged(r['input'] + r['output']),
    xlam=lambda r: listed(r['answers']) + [n for t in r['query'] if isinstance(r['query'], list) and t['role'] == 'assistant' for n in written(t['content'])],
    sections=lambda r: written(r['output']) + written(''.join(re.findall(r'<\|im_start\|>(?:assistant|agent)\n(.*?)<', r['instruction'] + r.get('input', ''), re.S))), alpaca=lambda r: tagged(r['output']),
    bfcl=lambda r: [name for call in r.get('ground_truth') or [] for name in call], bfcl_turns=bfcl_turns, acebench=acebench,
    rotbench=lambda r: re.findall('Action: (.*)', r['conversations'][-1]['value'][0]), seal_tools=lambda r: [c['api'] for c in r['calling']],
    seal_tools_prompt=lambda r: re.findall(r"['\"]api['\"]: ['\"](.*?)['\"]", r['conversations'][1]['value']),
    openfunctions=lambda r: python_names(r['Output'] if 'Output' in r else r['model_answer']),
    nexusraven=lambda r: [r['python_function_name']], python_call=lambda r: python_names([r['reference']]), python_context=lambda r: python_names([r['Output']]),
    python_turns=lambda r: python_names(t for turn in r.values() if turn and turn.get('golden_answer') for t in json.loads(turn['golden_answer'])),
    toolalpaca=lambda r: [s['Action'] for steps in r['Golden_Answers'] for s in steps], toolalpaca_judged=lambda r: re.findall(r'^\d+\. Function: (\S+)', r['input'][0]['content'].split("## AI Assistant's Solution")[1], re.M),
    dialogue=lambda r: [t['api_name'] for t in r['dialogue'] if t['role'] == 'API'], adp=lambda r: [e.get('function') or e.get('language') for e in r['content'] if e['class_'] in ('api_action', 'code_action')],
    webarena=lambda r: [s['action']['action_name'] for s in r['trajectory'] if 'action' in s],
    toolbench=toolbench, toolbench_tree=toolbench_tree, tooleval=tooleval,
    swe_agent=swe_agent, mini_swe_agent=mini, openhands=openhands,
    smolagents=lambda r: [name_of(c) for s in r['steps'] for c in s.get('tool_calls') or []], steps=lambda r: [name_of(c) for s in r['steps'] for c in s.get('tool_calls') or []], mint=lambda r: ['python'] * sum(len(re.findall('<execute>.*?</execute>', m['content'], re.S)) for m in r['state']['history'] if m['role'] == 'assistant'),
    who_and_when=lambda r: [], dialogstudio=lambda r: [], transcript=lambda r: [*re.findall(r'<functioncall>\s*\{\s*"name":\s*"(.*?)"', str(r)), *(n for t in r.values() if isinstance(t, str) for n in tagged(t))])
damaged = ('cut off or broken', 'lost its calls', 'cannot be read', 'without a path to train on', 'tool definition', 'MCP traffic', '--media marker')

def names_read(texts: list[str], format: str) -> Counter:
    "How often each tool is called in trajectories; a call that stands in several of them counts once where the expression does the same"
    calls = [c for t in texts for m in json.loads(t)['conversation'] for c in m.get('tool_calls') or []]
    if expressions.get(format) is by_id: calls = {c['id']: c for c in calls}.values()
    return Counter(c['function']['name'] for c in calls)

def names_said(record, format: str) -> Counter | None:
    "How often each tool is called by the expression of a format; None if it has none or if it does not fit"
    if format not in expressions: return None
    try: return Counter(expressions[format](record))
    except (LookupError, TypeError, AttributeError, ValueError, SyntaxError): return None

def holds_dialogue(record) -> bool:
    "Whether someone is asked and someone answers, by the words that data sets use for it"
    asked = answered = False
    for node in nodes(record):
        who = str(node.get('role', node.get('from', node.get('source')))).lower()
        asked |= who in ('user', 'human') or any(len(str(node.get(k) or '')) > 20 for k in ('query', 'question', 'instruction', 'prompt'))
        answered |= who in ('assistant', 'gpt', 'model', 'ai', 'agent') or any(len(str(node.get(k) or '')) > 20 for k in ('answer', 'answers', 'output', 'response', 'chosen', 'calling', 'ground_truth'))
    return asked and answered

@call_parse
def main(
    folders: Param('Folders or files of raw records', str, nargs='+'),
    samples: int = 3, # Differences shown for each folder
):
    "Count calls and texts in raw files, and in what is read from them"
    rows, problems = defaultdict(Counter), []
    tops = [Path(f) for f in folders]
    def source(file):
        top = next(t for t in tops if Path(file).is_relative_to(t))
        return '/'.join(Path(file).relative_to(top.parent).parts[:-1][:3]) or str(file)
    def work(item, value): return convert_item(item, value, audit=True)
    for item in (item for file in raw_files(folders, Path('-')) for item in raw_items(file)):
        name, found = source(item.file), process_item(work, item)
        row = rows[name]
        row['records'] += 1
        value = json.loads(item.content) if isinstance(item.content, str) and found[0].outcome != 'dropped' else None
        for result in found:
            if result.outcome == 'dropped':
                message = result.source['message']
                text = item.content if isinstance(item.content, str) else ''
                try: missed = not any(d in message for d in damaged) and holds_dialogue(json.loads(text))
                except ValueError: missed = False
                row['missed'] += missed
                row[f'dropped: {result.reasons[0] if result.reasons != ["format"] else re.sub(r" [(]at .*", "", message.split(": ", 1)[-1])}'] += 1
                continue
            format = json.loads(result.texts[0])['meta']['source']
            read, said = names_read(result.texts, format), names_said(value, format)
            row['kept'] += 1
            row['read'] += read.total()
            row['said'] += said.total() if said is not None else 0
            row[f'no expression for {format}'] += said is None
            row['lost'] += len(result.source.get('lost', []))
            place = f'{item.file}, record {item.line} ({format})'
            if said is not None and read != said:
                row['differ'] += 1
                problems.append((name, f'{place}: only in the record {dict(said - read)}, only in the trajectory {dict(read - said)}'))
            problems += [(name, f"{place}: lost at {x['path']}: {x['text']}") for x in result.source.get('lost', [])]
    table = [dict(source=name, records=r['records'], kept=r['kept'], **{'kept %': f"{100 * r['kept'] / (r['kept'] + r['missed']):.0f}" if r['kept'] + r['missed'] else '-'}, **{'calls read': r['read'], 'calls counted': r['said'] or '-', 'differ': r['differ'], 'texts lost': r['lost']},
        dropped='; '.join(f'{k.removeprefix("dropped: ")[:90]} ({n})' for k, n in r.most_common() if k.startswith('dropped')) or '-', note='; '.join(k for k, n in r.items() if n and k.startswith('no expression'))) for name, r in sorted(rows.items())]
    print(pd.DataFrame(table).to_string(index=False, max_colwidth=200))
    shown = Counter()
    for name, text in problems:
        if shown[name] < samples: print(text[:600])
        shown[name] += 1
    few = [r['source'] for r in table if r['kept %'] != '-' and int(r['kept %']) < 95]
    total = Counter()
    for r in rows.values(): total.update(r)
    print(f"{len(rows)} folders: {total['records']:,} records, {total['kept']:,} kept, {total['read']:,} calls read, {total['said']:,} counted; "
        f"{total['differ']} records differ, {total['lost']} texts lost; below 95 %: {', '.join(few) or 'none'}")
    sys.exit(bool(problems or few))
