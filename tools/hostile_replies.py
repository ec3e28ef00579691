"""Replies, arguments, schemas, tools and trajectories from somebody who wants to waste your time.

    python tools/hostile_replies.py [--seed N] [--random 100] [--inputs N] [--workers 2] [--only WORD]

Each input is made and read in a process of its own. It fails if it takes more than 2 seconds of the
processor or 1 GB of memory, raises an exception, leaves a record that is neither kept nor counted,
or writes more into the ledger than ten times its own size. Besides the patterns below, which
are repeated up to 10 MB, `--random` patterns are made from pieces of all the formats.
"""
import json, os, resource, select, signal, sys, time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from random import Random
from fastcore.script import call_parse
from actionstudio_nb.core import dumps
from actionstudio_nb.syntaxes import readers
from actionstudio_nb.toolcalls import parse_reply
from actionstudio_nb.quality.clean import clean_item
from actionstudio_nb.quality.curate import load_rules
from actionstudio_nb.stages import ledger_row
from actionstudio_nb.workers import Item, process_item

sizes = {'10 KB': 10**4, '1 MB': 10**6, '10 MB': 10**7}
max_seconds, max_memory, max_address = 2.0, 1000, 4 << 30 # MB, bytes

# Replies: pieces that are repeated, and what stands around them
units = dict(
    brackets='[', braces='{', parentheses='(', mixed='[{', keys='{"a" ', members='{"a":', quotes='"', single="'", escapes='\\"', commas=',', numbers='1,',
    backticks='`', fences='```', fences_spaced='``` ', fences_lines='```\n', json_fence='```json\n', spaces=' ', newlines='\n', tabs='\t', ws=' \n', letters='a', names='a ',
    calls='f(', nested_call='f(a=', empty_calls='f(),', call_list='f(a=1), ', dots='a.', minus='-', lambdas='lambda: ', nots='not ', comparisons='a<b,', fstrings='f"{', stars='*',
    open_tag='<tool_call>', tags='<tool_call></tool_call>', tagged='<tool_call>{"name":"f"}</tool_call>', broken='<tool_call>{"name": "f", "arg\n', close_tag='</tool_call>',
    mistral='[TOOL_CALLS]', mistral_list='[TOOL_CALLS][{"name":"f"}]', mistral_named='[TOOL_CALLS]f[ARGS]{}', mistral_space='[TOOL_CALLS]a ', args='[ARGS]',
    python_tag='<|python_tag|>', semicolons='{};', objects='{"name":"f"};', spaced='} ; ', python_start='<|python_start|>f()',
    action='Action: f\n', react='Action: f\nAction Input: {}\n', react_broken='Action: f\nAction Input: {"a"\n', react_spaces='Action:    \n', thoughts='Thought:\n', finals='Final Answer: ',
    think='<think>', unthink='</think>', records='{"name":"f"},', typed='{"type":"function","function":{"name":"f","arguments":{}}},', strings='"ab",', comments='{ // a\n', star_comments='{ /* a',
    surrogates='\ud800', nul='\x00', escaped='\\ud800', null_list='null,', deep_object='{"a":[', objects_open='{"a":{"b":1', duplicates='[{"a":1 "a":2 ', simulator='###STOP', hashes='#', unit_tags='<tools>', obs='<obs></obs>')
heads = dict(calls='', json='[', fence='```json\n[', named='{"name": "', call='<tool_call>', mistral='[TOOL_CALLS]', mistral_name='[TOOL_CALLS]f', react='Action: f\nAction Input: ', function='f(', think='<think>', python='```python\n', text='Well. ')

def repeated(unit, size, head='', tail=''): return head + unit * max(1, (size - len(head) - len(tail)) // len(unit)) + tail
def reply(syntax, head, unit, tail, size):
    text = repeated(unit, size, head, tail)
    return len(text), lambda: parsed(text, syntax)
def parsed(text, syntax):
    "What `parse_reply` makes of a text; its result can be written"
    read = parse_reply(text, syntax)
    problems = ''.join(read.problems)
    for call in read.calls: dumps(call)
    assert len(problems) < 10 * len(text) + 100_000, f'{len(problems):,} characters of problems'
    return f'{len(read.calls):,} calls, {len(read.problems):,} problems'

# Records
rules = load_rules()
def clean(record, tools=None):
    "A record through convert, fixes and all rules, as `clean` does it"
    text = record if isinstance(record, str) else json.dumps(record, ensure_ascii=True)
    def work():
        results = process_item(partial(clean_item, format=None, tools=tools, rules=rules), Item('hostile', 1, text))
        assert results, 'no result'
        rows = [dumps(ledger_row(done, 'clean')) for done in results]
        assert all(done.outcome in ('kept', 'fixed', 'dropped') for done in results)
        assert all(done.texts or done.reasons for done in results), 'dropped without a reason'
        assert not any('failed' in done.reasons for done in results), results[0].source.get('message', '')[:200]
        size = sum(map(len, rows))
        assert size < 10 * len(text) + 100_000, f'{size:,} characters in the ledger'
        return f"{len(results):,} {results[0].outcome}: {' '.join(results[0].reasons)}"[:70]
    return len(text), work

def user(text='Go.'): return {'role': 'user', 'content': text}
def assistant(text='', calls=()): return {'role': 'assistant', 'content': text} | ({'tool_calls': list(calls)} if calls else {})
def call(name='f', arguments=None, id='c'): return {'id': id, 'type': 'function', 'function': {'name': name, 'arguments': arguments or {}}}
def result(id='c', text='ok'): return {'role': 'tool', 'tool_call_id': id, 'content': text}
def tool(parameters=None, name='f'): return {'type': 'function', 'function': {'name': name, 'parameters': parameters or {}}}
def chat(turns, tools=None, **more): return clean({'messages': turns, 'tools': [tool()] if tools is None else tools} | more)
def one_call(arguments, parameters): return chat([user(), assistant(calls=[call(arguments=arguments)]), result(), assistant('Done.')], [tool(parameters)])
def many(size, f): # Values that `f` makes, up to about `size` characters
    first = len(json.dumps(f(12345))) + 2
    return [f(i) for i in range(max(1, size // first))]

def nested(levels, leaf=5, key='c'):
    for _ in range(levels): leaf = {key: leaf}
    return leaf
def doubling(branches=2, **more):
    branch = {'type': ['object'], 'properties': {'c': {'$ref': '#/$defs/n'}}}
    return {'type': 'object', 'properties': {'c': {'$ref': '#/$defs/n'}}, '$defs': {'n': {'anyOf': [branch] * branches} | more}}
def tower(levels, width=6, keyword='anyOf'):
    floors = {str(i): {keyword: [{'$ref': f'#/$defs/{i + 1}'}] * width} for i in range(levels)}
    return {'type': 'object', '$defs': floors | {str(levels): {}}, 'properties': {'x': {'$ref': '#/$defs/0'}}}
def ints(**more): return {'type': 'object', 'properties': {'a': {'type': 'array', 'items': {'type': 'integer'} | more}}}
def openapi(width, levels=1):
    loop = {f'p{i}': {'$ref': f'#/components/schemas/L{(j + 1) % levels}'} for j in range(1) for i in range(width)}
    body = {'content': {'application/json': {'schema': {'$ref': '#/components/schemas/L0'}}}}
    return {'openapi': '3.0.0', 'paths': {f'/{i}': {'post': {'requestBody': body}} for i in range(3)}, 'components': {'schemas': {f'L{j}': loop for j in range(levels)}}}

schemas = { # Of a size of their own
    **{f'anyOf {n} levels': partial(one_call, nested(n), doubling()) for n in (10, 18, 30, 150)},
    **{f'{k} 30 levels': partial(one_call, nested(30), tower(0) | {'properties': {'c': {'$ref': '#/$defs/n'}}, '$defs': {'n': {k: [{'type': ['object'], 'properties': {'c': {'$ref': '#/$defs/n'}}}] * 3}}}) for k in ('allOf', 'oneOf')},
    'unevaluated': partial(one_call, nested(30, {}), doubling(unevaluatedProperties=False)),
    'dynamic': partial(one_call, nested(30), {'properties': {'c': {'$ref': '#/$defs/n'}}, '$defs': {'n': {'$dynamicAnchor': 'n', 'anyOf': [{'type': ['object'], 'properties': {'c': {'$dynamicRef': '#n'}}}] * 2}}}),
    'anchor': partial(one_call, nested(30), {'properties': {'c': {'$ref': '#n'}}, '$defs': {'n': {'$anchor': 'n', 'anyOf': [{'type': ['object'], 'properties': {'c': {'$ref': '#n'}}}] * 2}}}),
    'self': partial(one_call, {}, {'type': 'object', '$ref': '#'}), 'self allOf': partial(one_call, {}, {'type': 'object', 'allOf': [{'$ref': '#'}]}),
    'not a schema': partial(one_call, {'a': 1}, {'type': 'object', 'properties': {'a': {'$ref': 5, 'anyOf': {}, 'enum': 3, 'pattern': 7, 'items': 'x', 'required': {}}}}),
    **{f'tower {k} {n}': partial(one_call, {'x': 1}, tower(n, keyword=k)) for n in (5, 6, 24, 60) for k in ('anyOf', 'allOf')},
    'deep not': partial(one_call, {'a': 1}, {'type': 'object', 'properties': {'a': nested(90, {'type': 'string'}, 'not')}}),
    **{f'pattern {p[:20]} on {text[:2]}': partial(one_call, {'a': text}, {'type': 'object', 'properties': {'a': {'type': 'string', 'pattern': p}}})
        for p in ('^(a+)+$', '^(a|a)*$', '(?=a)(a+)+$', r'^(?:(a|aa)+)\1$', r'(\w{500}){50}', '(a|b)*a(a|b){500}', '((a{90}){90}){90}', 'a{999999999}', '(', '{' * 5000, '{' + '9' * 5000 + '}')
        for text in ('a' * 50_000 + '!', 'ab' * 20_000)},
    'many patterns': partial(one_call, {'a': 'b'}, {'type': 'object', 'properties': {f'a{i}': {'pattern': r'(\w{90}){9}%d' % i} for i in range(2000)}}),
    'long ref': partial(one_call, {'a': 1}, {'type': 'object', 'properties': {f'a{i}': {'$ref': '#/' + 'x/' * 9000} for i in range(100)}}),
    'refs': partial(one_call, {f'a{i}': 'x' for i in range(5000)}, {'type': 'object', 'properties': {f'a{i}': {'$ref': '#/$defs/x'} for i in range(5000)}, '$defs': {'x': {'type': 'integer'}}}),
    'remote': partial(one_call, {'a': 1}, {'type': 'object', 'properties': {'a': {'$ref': 'http://127.0.0.1:9/x'}}}),
    **{f'openapi {w}x{n}': partial(chat, [user(), assistant('No.')], openapi(w, n)) for w in (2, 40, 400) for n in (1, 3)}}

sized = dict( # name: function of a size, in characters
    calls_with_ids=lambda n: chat([user(), assistant(calls=many(n // 2, lambda i: call(id=f'c{i}'))), *many(n // 2, lambda i: result(f'c{i}')), assistant('Done.')]),
    results_backwards=lambda n: chat([user(), assistant(calls=many(n // 2, lambda i: call(id=f'c{i}'))), *many(n // 2, lambda i: result(f'c{i}'))[::-1], assistant('Done.')]),
    calls_without_ids=lambda n: chat([user(), assistant(calls=many(n // 2, lambda i: call(id=''))), *many(n // 2, lambda i: result('')), assistant('Done.')]),
    same_ids=lambda n: chat([user(), *[m for i in range(n // 200) for m in (assistant(calls=[call(id='c')]), result())], assistant('Done.')]),
    planted_ids=lambda n: chat([user(), *[m for i in range(n // 400) for m in (assistant(calls=[call(id=f'c_{i}')]), result(f'c_{i}'))], *[m for i in range(n // 400) for m in (assistant(calls=[call(id='c')]), result())], assistant('Done.')]),
    ids_in_arguments=lambda n: chat([user('x' * (n // 2)), *[m for i in range(n // 400) for m in (assistant(calls=[call(arguments={'a': f'W{i:07}'}, id=f'c{i}')]), result(f'c{i}'))], assistant('Done.')], [tool({'type': 'object', 'properties': {'a': {'type': 'string'}}})]),
    dates=lambda n: chat([user('1 ' * (n // 4)), *[m for i in range(n // 400) for m in (assistant(calls=[call(arguments={'a': f'20{i % 90 + 10}-03-05'}, id=f'c{i}')]), result(f'c{i}'))], assistant('Done.')], [tool({'type': 'object', 'properties': {'a': {'type': 'string'}}})]),
    long_id=lambda n: chat([user('1' * (n // 2)), *[m for i in range(9) for m in (assistant(calls=[call(arguments={'a': '1' * (n // 20) + str(i) + 'b'}, id=f'c{i}')]), result(f'c{i}'))], assistant('Done.')], [tool({'type': 'object', 'properties': {'a': {'type': 'string'}}})]),
    placeholders=lambda n: one_call({'a': many(n // 2, lambda i: f'<a{i}>'), 'b': 'x' * (n // 2)}, ints()),
    given_placeholders=lambda n: chat([user('<aaaa' * (n // 10)), assistant(calls=[call(arguments={'a': many(n // 2, lambda i: f'<{"a" * 40}{i}>')})]), result(), assistant('Done.')]),
    unknown_arguments=lambda n: one_call({f'b{i}': 1 for i in range(n // 40)}, {'type': 'object', 'properties': {f'a{i}': {'type': 'string'} for i in range(n // 40)}}),
    wrong_items=lambda n: one_call({'a': many(n, lambda i: 'x')}, ints()), number_items=lambda n: one_call({'a': many(n, lambda i: str(i))}, ints()), right_items=lambda n: one_call({'a': many(n, lambda i: i)}, ints()),
    wrong_enums=lambda n: one_call({'a': many(n // 2, lambda i: f'X{i}')}, {'type': 'object', 'properties': {'a': {'type': 'array', 'items': {'enum': many(n // 2, lambda i: f'x{i}')}}}}),
    object_enums=lambda n: one_call({'a': many(n // 2, lambda i: {'x': i})}, {'type': 'object', 'properties': {'a': {'type': 'array', 'items': {'enum': many(n // 2, lambda i: {'x': i, 'y': 0})}}}}),
    broken_json_values=lambda n: one_call({f'a{i}': '{"a" ' * 200 for i in range(max(1, n // 1300))}, {'type': 'object', 'additionalProperties': {'type': 'object'}}),
    python_values=lambda n: one_call({f'a{i}': "{'a': 1}" * 1 for i in range(max(1, n // 60))}, {'type': 'object', 'additionalProperties': {'type': 'object'}}),
    long_keys=lambda n: one_call({'k' * (n // 2): many(n // 2, lambda i: 'x')}, {'type': 'object', 'additionalProperties': {'type': 'array', 'items': {'type': 'integer'}}}),
    deep_keys=lambda n: one_call({'a': nested(90, many(n // 4, lambda i: 'x'), 'k' * max(1, n // 200))}, ints()),
    big_values=lambda n: one_call({'a': {f'b{i}': 'x' for i in range(n // 30)}}, {'type': 'object', 'properties': {'a': {'allOf': [{'type': 'string'}] * 300}}}),
    if_chain=lambda n: one_call({f'a{i}': str(i) for i in range(n // 150)}, {'type': 'object', 'additionalProperties': True, 'allOf': [{'if': {'properties': {f'a{i}': {'type': 'integer'}}}, 'then': {'properties': {f'a{i + 1}': {'type': 'integer'}}}} for i in range(n // 150)]}),
    wide_schema=lambda n: one_call({'a': 1}, {'type': 'object', 'properties': {f'a{i}': {'type': 'string'} for i in range(n // 35)}}),
    wide_and_many=lambda n: chat([user(), assistant(calls=many(n // 2, lambda i: call(id=f'c{i}')))], [tool({'type': 'object', 'properties': {f'a{i}': {'type': 'string'} for i in range(n // 70)}})]),
    long_name=lambda n: chat([user(), assistant(calls=[call('g' * (n // 4), id=f'c{i}') for i in range(2)]), assistant('x')], [tool(name='f' * (n // 4))]),
    unknown_tools=lambda n: chat([user(), assistant(calls=many(n // 2, lambda i: call(f'g{i}', id=f'c{i}')))], many(n // 2, lambda i: tool(name=f'f{i}'))),
    same_tools=lambda n: chat([user(), assistant('No.')], many(n, lambda i: tool(name='f'))), differing_tools=lambda n: chat([user(), assistant('No.')], many(n, lambda i: tool({'type': 'object', 'properties': {f'a{i}': {'type': 'string'}}}, 'f'))),
    typed_tools=lambda n: chat([user(), assistant('No.')], [{'name': 'f', 'parameters': {f'a{i}': {'type': f'List[Dict[str, Optional[T{i}]]]'} for i in range(n // 60)}}]),
    null_schemas=lambda n: chat([user(), assistant('No.')], [tool({'type': 'object', 'properties': {f'a{i}': {'type': 'string', 'items': None} for i in range(n // 50)}})]),
    required=lambda n: chat([user(), assistant('No.')], [{'name': 'f', 'parameters': {f'a{i}': 'string' for i in range(n // 40)}, 'required': many(n // 2, lambda i: f'a{i}')}]),
    empty_turns=lambda n: chat(many(n, lambda i: user(''))), short_turns=lambda n: chat([m for i in range(n // 90) for m in (user('a'), assistant('b'))]), wrong_roles=lambda n: chat(many(n, lambda i: result())),
    only_calls=lambda n: clean({'conversations': many(n, lambda i: {'from': 'function_call', 'value': '{"name":"f"}'})}),
    control=lambda n: chat(many(n, lambda i: user('\x00###STOP###'))), spaces_in_result=lambda n: chat([user(), assistant(calls=[call()]), user('Observation: x' + ' ' * n + 'y')]),
    tool_text=lambda n: clean({'messages': [user(), assistant('No.')], 'tools': 'Name: f\nDescription: ' + 'a\n' * (n // 2)}), tool_texts=lambda n: clean({'messages': [user(), assistant('No.')], 'tools': 'Name: f\nDescription: d\nParameters: {}\n' * (n // 42)}),
    name_lines=lambda n: clean({'messages': [user(), assistant('No.')], 'tools': 'Name: f\nDescription:\n' * (n // 21)}), digits_lines=lambda n: clean({'messages': [user(), assistant('No.')], 'tools': '1' * (n // 2) + '\n' + '1.' * (n // 4)}),
    signatures=lambda n: clean({'messages': [user(), assistant('No.')], 'tools': 'def f(a: int): "x"\n' * (n // 20)}), open_signatures=lambda n: clean({'messages': [user(), assistant('No.')], 'tools': 'def f(' * (n // 6)}), long_signatures=lambda n: clean({'messages': [user(), assistant('No.')], 'tools': ('def f(' + 'a' * 4010 + ')\n') * max(1, n // 4020)}),
    docstrings=lambda n: clean({'messages': [user(), assistant('No.')], 'tools': "def f():'''" * (n // 11)}),
    system_tools=lambda n: clean({'conversations': [{'from': 'system', 'value': '{"name": "f"} ' + '1 ' * (n // 2)}, {'from': 'human', 'value': 'a'}, {'from': 'gpt', 'value': 'b'}]}),
    tools_block=lambda n: clean({'conversations': [{'from': 'system', 'value': '<tools>' * (n // 14) + ' ' * (n // 2)}, {'from': 'human', 'value': 'a'}, {'from': 'gpt', 'value': 'b'}]}),
    responses=lambda n: clean({'conversations': [{'from': 'human', 'value': 'a'}, {'from': 'function_call', 'value': '{"name": "f"}'}, {'from': 'observation', 'value': '<tool_response></tool_response>' * (n // 31)}]}),
    chatml=lambda n: clean({'text': '<|im_start|>user\nx<|im_end|><|im_start|>assistant\ny<|im_end|>' * (n // 62)}), chatml_open=lambda n: clean({'text': '<|im_start|>' * (n // 12)}),
    transcript=lambda n: clean({'chat': 'USER: a\nASSISTANT: b\n' * (n // 21)}), transcript_lines=lambda n: clean({'chat': 'user: a\nassistant: b\n' + '  \t\n' * (n // 4)}), functioncalls=lambda n: clean({'chat': 'USER: a\nASSISTANT: <functioncall>{"name": "f", "arguments": \'{"a" \n' * (n // 62)}),
    sections=lambda n: clean({'instruction': '[BEGIN OF A][END OF A]' * (n // 22), 'output': '[]'}), open_sections=lambda n: clean({'instruction': ''.join(f'[BEGIN OF {"AB"[i % 2] * (i % 99)}]' for i in range(n // 61)), 'output': '[]'}), request=lambda n: clean({'query': [user(), assistant('a' + ' ' * n + 'b')], 'tools': [], 'answers': []}),
    fences=lambda n: clean({'instruction': '[BEGIN OF QUERY]a[END OF QUERY]', 'output': 'a' + ' ' * n + 'b'}), tagged=lambda n: clean({'instruction': '', 'input': '<user>a</user>', 'output': '<think>a</think>' + '<obs></obs>' * (n // 11)}), tagged_calls=lambda n: clean({'instruction': '', 'input': '<user>a</user>', 'output': '<think>a</think>' + '<tool_call>{"name":"f"}</tool_call>' * (n // 35)}),
    prefixes=lambda n: clean({'train_messages': [[user(f'a{i}')] for i in range(n // 50)], 'function': []}), growing=lambda n: clean({'train_messages': [[user()] * i for i in range(int((n // 20) ** .5))]}), repeated_tools=lambda n: clean({'train_messages': [[user(f'a{i}'), assistant('b')] for i in range(n // 160)], 'function': [{'name': 'f', 'description': 'd' * (n // 2)}]}),
    instructions=lambda n: clean({'Name': 'n', 'Instructions': ['a'] * (n // 20), 'Golden_Answers': [[]] * (n // 20), 'Function_Description': {'f': 'd' * (n // 2)}}),
    judged=lambda n: clean({'input': [{'role': 'user', 'content': '## Documentation\nf: a\n## Task Instruction\nx\n## AI Assistant\'s Solution\n' + '1. Function: f\nParameters: \n' * (n // 29)}], 'output': ''}), judged_docs=lambda n: clean({'input': [{'role': 'user', 'content': '## Documentation\n' + 'f: a\n' * (n // 5) + '## Task Instruction\nx\n## AI Assistant\'s Solution\n1. Final Response: a'}], 'output': ''}),
    judged_tools=lambda n: clean({'input': [{'role': 'user', 'content': '## Documentation\n' + 'f: a\nParameters: {}\n' * (n // 20) + '## Task Instruction\nx\n## AI Assistant\'s Solution\n1. Final Response: ' + ' ' * 99 + 'a'}], 'output': ''}),
    linked=lambda n: clean({'query': 'a', 'available_tools': [], 'answer': {'answer_details': [nested_next(60, n)]}}), context=lambda n: clean({'query': 'a', 'reference': 'f(' + '1,' * (n // 2) + ')'}), bfcl=lambda n: clean({'id': 's' + '_1' * (n // 2) + 'x', 'question': [[user()]], 'function': [{'name': 'f'}]}),
    python_messages=lambda n: clean({'messages': "[{'role': 'user', 'content': 'a'}, " * max(1, n // 36)}), json_messages=lambda n: clean({'messages': json.dumps(many(n // 2, lambda i: user('a')))}), string_arguments=lambda n: chat([user(), assistant(calls=[call(arguments='[' * n)])]), string_values=lambda n: chat([user(), assistant(calls=[call(arguments='{"a":[' + '1,' * (n // 2) + '1]}')])]),
    broken_arguments=lambda n: chat([user(), *[assistant(calls=[call(arguments='{"a" ' * 300, id=f'c{i}')]) for i in range(max(1, n // 2000))]]), texts_with_calls=lambda n: chat([m for i in range(max(1, n // 500)) for m in (user('a'), assistant('<tool_call>{"name": "f", "arguments": {"a" ' + '{"b" ' * 60 + '</tool_call>'))]),
    calls_in_text=lambda n: chat([m for i in range(max(1, n // 300)) for m in (user('a'), assistant('<tool_call>{"name":"f"}</tool_call>' * 5))]), long_label=lambda n: chat([user(), assistant('b')], id='i' * (n // 3), reward='r' * (n // 3), other={'k' * 9: 'o' * (n // 3)}), many_extras=lambda n: clean({'messages': [user() | {f'k{j}': 1 for j in range(n // 12)}, assistant('b')]}), keys=lambda n: clean({f'k{i}': 1 for i in range(n // 10)}), long_unknown=lambda n: clean({'k' * n: 1}),
    meta=lambda n: clean({'unique_trajectory_id': 'x' * (n // 3), 'conversation': [user(), assistant('b')], 'meta': {'source': 's' * (n // 3), 'repairs': [{'problem': 'p' * (n // 3)}, 5], 'labels': 5}, 'reward': 1}), many_spaces=lambda n: chat([user(' ' * n), assistant('b')]), big_text=lambda n: chat([user('a b ' * (n // 4)), assistant('b')]), actions=lambda n: chat([user(), assistant('THOUGHT:' + ' ' * n + 'x')]))

# Logs of tools and services: events, spans and responses that refer to one another
def event(i, parent=None, role='user', id=None, **more):
    return {'type': role, 'uuid': f'u{i}', 'parentUuid': parent and f'u{parent}', 'sessionId': 's', 'message': {'role': role, 'content': 'a'} | ({'id': id} if id else {})} | more
def events(f): return lambda n: clean({'events': many(n, f)})
def span(i, kind='chat', **attributes): return {'traceId': 't', 'spanId': f's{i}', 'name': 'f', 'startTimeUnixNano': f'{i:09}', 'attributes': {'gen_ai.operation.name': kind} | attributes}
def model_span(i, shown, made): return span(i, **{'gen_ai.input.messages': json.dumps([shown]), 'gen_ai.output.messages': json.dumps([made])})
def tool_span(i, id): return span(i, 'execute_tool', **{'gen_ai.tool.call.id': id, 'gen_ai.tool.name': 'f', 'gen_ai.tool.call.result': 'ok'})
def spans(f): return lambda n: clean({'spans': many(n, f)})
def response(i): return {'id': f'r{i}', 'object': 'response', 'previous_response_id': f'r{i - 1}', 'output': [{'type': 'message', 'role': 'assistant', 'content': [{'type': 'output_text', 'text': 'a'}]}, {'type': 'function_call', 'name': 'f', 'arguments': '{}', 'call_id': f'c{i}'}]}

sized |= dict(
    event_line=events(lambda i: event(i, i - 1, 'assistant' if i % 2 else 'user')), event_star=events(lambda i: event(i, 1)), event_ids=events(lambda i: event(i, role='assistant', id=f'm{i}')),
    event_back=events(lambda i: event(i, 5 if i % 2 else i - 1, 'user' if i % 2 else 'assistant')), event_parts=events(lambda i: event(i, role='assistant', id='m')),
    event_sides=events(lambda i: event(i, i - 1, isSidechain=True)), event_summaries=events(lambda i: event(i, i - 1, 'assistant', isCompactSummary=True)), event_fields=events(lambda i: event(i, role='assistant') | {f'k{i}': i}),
    codex=events(lambda i: {'type': 'response_item', 'timestamp': 1, 'payload': {'type': 'function_call', 'name': 'f', 'arguments': '{}', 'call_id': f'c{i}'}}),
    span_grown=spans(lambda i: model_span(i, user('a'), assistant(f'b{i}'))), span_others=spans(lambda i: model_span(i, user(f'a{i}'), assistant('b'))), span_tools=spans(lambda i: tool_span(i, f'c{i}')),
    span_calls=spans(lambda i: tool_span(i, f'c{i - 1}') if i % 2 else model_span(i, user('a'), assistant(calls=[call(id=f'c{i}')]))), span_keys=lambda n: clean({'spans': [span(1, **{f'gen_ai.prompt.{i}.content': 'a' for i in range(n // 35)})]}),
    chained=lambda n: clean({'chain': many(n, response)}), rpc=lambda n: clean({'rpc': many(n, lambda i: {'jsonrpc': '2.0', 'id': i, 'method': 'tools/call', 'params': {'name': 'f'}})}),
    many_read=lambda n: clean({'Name': 'n', 'Instructions': ['a'] * (n // 100), 'Golden_Answers': [[]] * (n // 100), 'Function_Description': {'f': 'd'}, 'left': 'x' * (n // 2)}))

def nested_next(levels, size):
    node = {'role': 'assistant', 'message': 'x' * (size // levels)}
    for _ in range(levels): node = {'role': 'user', 'message': 'x' * (size // levels), 'next': [node]}
    return node

def random_units(rng):
    "A pattern made from pieces of all the formats"
    pieces = [*units.values(), *heads.values(), '\n', ' ', '"', '}', ']', ')', ':', '=', '```', 'Name: ', 'Description:', 'Parameters: {', '<tools>', 'def f(', "'''", '[BEGIN OF A]', '[END OF A]', 'Observation:', 'ACTION:', '1. Function: f', '"arguments": "{', '\\', '<obs>', '</obs>', 'x' * 50]
    return ''.join(rng.choices(pieces, k=rng.randint(1, 4))) or 'x', rng.choice(pieces), rng.choice(pieces)

def everywhere(text):
    "One text in every place where a reader or a rule may read it"
    return clean({'messages': [{'role': 'system', 'content': text}, user(text), assistant(text), user(text), assistant(calls=[call(arguments={'a': text}), call(arguments=text, id='d')]), result('c', text), result('d', text), assistant(text)], 'tools': [{'name': 'f', 'description': text, 'parameters': {'a': {'type': text[:400]}}}], 'meta': text})

def cases(seed, randoms):
    "Yield (group, name, size, function that makes the input) for everything that is tried"
    for size, n in sizes.items():
        for name, unit in units.items():
            for syntax in ('auto', *readers): yield 'reply', f'{name} as {syntax}', size, partial(reply, syntax, '', unit, '', n)
        for head_name, head in heads.items():
            for name in ('spaces', 'ws', 'backticks', 'braces', 'keys', 'letters', 'numbers', 'quotes', 'names', 'empty_calls', 'records', 'members'):
                yield 'reply', f'{head_name} + {name}', size, partial(reply, 'auto', head, units[name], rng_tail(head), n)
        for name, make in sized.items(): yield 'record', name, size, partial(make, n)
    for name, make in schemas.items(): yield 'schema', name, '', make
    rng = Random(seed)
    for i in range(randoms):
        unit, head, tail = random_units(rng)
        yield 'random', f'{i}: reply {head + unit + tail!a}'[:60], '1 MB', partial(reply, rng.choice(['auto', *readers]), head, unit, tail, 10**6)
        yield 'random', f'{i}: record {head + unit + tail!a}'[:60], '100 KB', partial(lambda u, h, t: everywhere(repeated(u, 10**5, h, t)), unit, head, tail)

def rng_tail(head): return {'[': ']', '```json\n[': ']\n```', 'f(': ')', '```python\n': '```'}.get(head, '')

def tried(make):
    "Make and read one input in a child; returns (size, seconds, MB, outcome, failed)"
    get, put = os.pipe()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    if not (child := os.fork()):
        os.close(get)
        resource.setrlimit(resource.RLIMIT_AS, (max_address, max_address))
        resource.setrlimit(resource.RLIMIT_CPU, (60, 60))
        try:
            size, work = make()
            start, done = time.process_time(), None
            try: done = [work(), False]
            except BaseException as e: done = [f'{type(e).__name__}: {e}'[:150], True]
            answer = [size, time.process_time() - start, *done]
        except BaseException as e: answer = [0, 0, f'cannot be made: {type(e).__name__}: {e}'[:150], True]
        os.write(put, json.dumps(answer).encode())
        os._exit(0)
    os.close(put)
    ready = select.select([get], [], [], 300)[0] # Others may need the processor, too
    text = os.read(get, 65536) if ready else b''
    if not ready: os.kill(child, signal.SIGKILL)
    os.close(get)
    _, status, usage = os.wait4(child, 0)
    memory = (usage.ru_maxrss) / 1024
    if not text: return 0, usage.ru_utime, memory, f'killed, status {status}', True
    size, seconds, outcome, failed = json.loads(text)
    if seconds > max_seconds: outcome, failed = f'{seconds:.1f} s: {outcome}', True
    if memory > max_memory: outcome, failed = f'{memory:,.0f} MB: {outcome}', True
    return size, seconds, memory, outcome, failed

@call_parse
def main(
    seed: int = None,   # A different one each time if not given
    random: int = 100,  # Patterns to make from pieces
    inputs: int = None, # Try a random sample of this many; all if not given
    workers: int = 2,   # Inputs at a time
    only: str = '',     # Try only what has this word in its group or name
):
    "Try them all"
    seed = time.time_ns() % 10**6 if seed is None else seed
    todo = [c for c in cases(seed, random) if only in f'{c[0]} {c[1]} {c[2]}']
    if inputs is not None: todo = Random(seed).sample(todo, min(inputs, len(todo)))
    table, failures, slowest = {}, 0, (0, '')
    with ThreadPoolExecutor(workers) as pool:
        for (group, name, size, _), done in zip(todo, pool.map(lambda c: tried(c[3]), todo)):
            n, seconds, memory, outcome, failed = done
            row = table.setdefault((group, size), [0, 0, 0.0, 0.0, 0])
            row[0] += 1; row[1] = max(row[1], n); row[2] = max(row[2], seconds); row[3] = max(row[3], memory); row[4] += failed
            failures += failed
            slowest = max(slowest, (seconds, f'{group} {name}, {size}'))
            if failed or only: print(f'{"FAILED" if failed else "ok":6} {group}: {name}, {size} ({n:,} characters): {seconds:.2f} s, {memory:,.0f} MB: {outcome}', flush=True)
    print(f'{"what":8} {"size":>7} {"tried":>6} {"largest":>11} {"slowest":>9} {"memory":>9} {"failed":>6}')
    for (group, size), (n, largest, seconds, memory, failed) in table.items():
        print(f'{group:8} {size:>7} {n:6,} {largest:11,} {seconds:7.2f} s {memory:6,.0f} MB {failed:6,}')
    print(f'seed {seed}: {len(todo):,} inputs, {failures:,} failed; the slowest, {slowest[1]}, took {slowest[0]:.2f} s')
    sys.exit(bool(failures))
