"""Score the right answers of benchmarks as if a model had given them: every score must be 1.

    python tools/gold_benchmarks.py [--nexusraven FOLDER] [--acebench FOLDER] [--bfcl KINDS]

Each answer is written as a model would write it, in several syntaxes, and parsed again; a wanted refusal is a sentence. Checks
the numbers of NexusRaven, 318 queries and 65 functions, if its folder is given. Prints a line for each benchmark and kind, and
exits with 1 if a right answer counts as wrong.
"""
import sys
from collections import Counter, defaultdict
from fastcore.script import call_parse
from actionstudio_nb.evaluation.benchmarks import bfcl_kinds, load_tasks
from actionstudio_nb.evaluation.scores import judge_reply, score
from actionstudio_nb.evaluation.tasks import gold_calls
from actionstudio_nb.calls import writers
from actionstudio_nb.unified import FunctionCall, ToolCall

def right_reply(task, syntax):
    "What a model would write that is always right"
    if task.want == 'no_call': return 'None of the tools can do that.'
    if task.want in ('topic', 'text'): return task.answers[0]
    calls = gold_calls(task)
    if task.want == 'any_call': calls = [ToolCall(function=FunctionCall(task.trajectory.tools[0].function.name, {}))]
    return writers[syntax](calls)

def is_unanswerable(task):
    """Does an answer leave no value for an argument, not name a required one, or want one that the function does not have?
    BFCL's own checker accepts no call then."""
    schemas = {tool.function.name: tool.function.parameters for tool in task.trajectory.tools}
    def is_odd(name, values):
        required, known = schemas[name].get('required') or [], schemas[name].get('properties') or {}
        return [] in values.values() or set(required) - set(values) or any(k not in known and '' not in v for k, v in values.items())
    return any(is_odd(*pair) for answer in task.answers if isinstance(answer, dict) for pair in answer.items() if pair[0] in schemas)

def check(bench, syntaxes):
    "Print the scores of a benchmark, and count the right answers that are not right"
    tasks, empty = load_tasks(bench)
    wrong, odd = 0, {task.id for task in tasks if is_unanswerable(task)}
    for syntax in syntaxes:
        predictions = [judge_reply(task, right_reply(task, syntax)) for task in tasks]
        faults = defaultdict(list)
        for task, p in zip(tasks, predictions):
            if not p.exact and task.id not in odd: faults[task.kind, p.reason].append(p)
        wrong += sum(map(len, faults.values()))
        row = score(predictions)['all']
        print(f"{bench}, {syntax}: {row['tasks']} tasks, exact {row['exact']:.4f}, F1 {row['f1'] and round(row['f1'], 4)}")
        for (kind, reason), some in faults.items(): print(f'  {kind}: {len(some)} {reason}, such as {some[0].id}: {some[0].reply[:200]!r} for {some[0].wanted[:200]!r}')
    if odd: print('  no call can be right for', *sorted(odd))
    print(f'  {empty} trajectories without a task;', dict(Counter(task.kind for task in tasks)))
    return wrong, tasks

@call_parse
def main(
    nexusraven: str = None, # Folder with its two files
    acebench: str = None,   # Folder with its files and `possible_answer/`
    bfcl: str = ','.join(bfcl_kinds), # Kinds, or empty
    syntaxes: str = 'hermes,json,python', # Of the answers
):
    "Score right answers"
    wrong, syntaxes = 0, syntaxes.split(',')
    for kind in filter(None, bfcl.split(',')): wrong += check(f'bfcl:{kind}', syntaxes)[0]
    if acebench: wrong += check(acebench, syntaxes)[0]
    wrong += check('crm', syntaxes)[0]
    if nexusraven:
        found, tasks = check(f'nexusraven:{nexusraven}', syntaxes)
        from actionstudio_nb.data.files import tools_file
        tools = tools_file(f'{nexusraven}/standardized_api_list.jsonl')
        called = {name for t in tasks for name in (tool.function.name for tool in t.trajectory.tools)}
        print(f'NexusRaven: {len(tasks)} queries, {len(tools)} functions, {len(called)} of them shown in a task')
        wrong += found + (len(tasks) != 318) + (len(tools) != 65)
    print(f'{wrong} wrong')
    sys.exit(1 if wrong else 0)
