"""How far rules, and a critic if there is one, agree with labels of which the truth is known.

    actionstudio convert RAW --out DIR
    python tools/agreement.py DIR/unified.jsonl... --label reward [--task task_id]
        [--critiques [NAME=]critiques.jsonl...] [--step mistake_step] [--out agreement]

Several critics, or one with and without exemplars, are compared if their files have names: --critiques with=a/critiques.jsonl
without=b/critiques.jsonl. They are put side by side on the trajectories that all of them have decided.
Labels of 1, true and Yes are good, 0, false and No are bad; any others are left out and counted.
What comes after "held out" was chosen on one half of the tasks and is reported on the other half.
"""
import sys
from collections import Counter, defaultdict
from itertools import combinations
from pathlib import Path
from fastcore.script import call_parse, Param
import numpy as np
from actionstudio_nb.core import dumps, read_jsonl, stable_id, write_json
from actionstudio_nb.unified import read_trajectories
from actionstudio_nb.workers import Item
from actionstudio_nb.quality.agreement import agreement, draw_accuracy, kappa, krippendorff_alpha
from actionstudio_nb.quality.calibration import evaluate_judge, judge_findings, plot_judge
from actionstudio_nb.quality.curate import load_rules, verdict

truth = {**dict.fromkeys(['1', '1.0', 'true', 'yes'], 1), **dict.fromkeys(['0', '0.0', 'false', 'no'], 0)}

def labels_of(t): return t.meta.get('labels') or {}

def task_of(t, name):
    "Name of a trajectory's task: a label, or what it begins with"
    if name: return dumps(labels_of(t).get(name))
    first = next((m.content for m in t.conversation if m.role == 'user'), '')
    return stable_id([t.task_instruction, t.tools, first])

def read_decisions(named):
    "{critic: {(id, content): its decision}} of NAME=FILE, without those that have no verdict; a file without a name is of `critic`"
    found = defaultdict(dict)
    for name, _, file in (item.rpartition('=') for item in named):
        found[name or 'critic'] |= {(row['id'], row['content']): row['decision']
            for _, row in read_jsonl(file) if row['decision'].get('scores')}
    return found

def report(name, result, found=None):
    "Print what one judge reached"
    print(f'\n{name}\n{result}')
    for fault, message in (found or {}).items(): print(f'  {fault}: {message}')

def held_out(name, scores, y, tasks, seed, out, scale):
    "Print and plot what a judge's scores are worth on tasks that they were not chosen on"
    result = evaluate_judge(scores, y, tasks, seed)
    report(f'{name}, held out (threshold {result.threshold:.2f}, calibration error {result.error:.3f})',
        result.reported)
    shown = np.array(result.probabilities)[:, None] if scale == (0, 1) else scores
    plot_judge(shown, y, result, scale).savefig(out/f'{name.replace(" ", "_")}.svg', metadata={'Date': None})
    return result

def measure_critic(name, decided, y, tasks, seed, out):
    "Print and plot what a critic's decisions are worth, where it has decided; decided: a decision or None for each trajectory"
    has = np.array([d is not None for d in decided], bool)
    of = [d for d in decided if d]
    names = sorted(set.intersection(*(set(d['scores']) for d in of))) if of else []
    print(f'\n{name}: critiques of {len(of):,} of {len(y):,} labeled trajectories; rubrics: {", ".join(names)}')
    if not of: return {}
    values = np.array([[d['scores'][n] for n in names] for d in of], float)
    for i, rubric in enumerate(names):
        for fault, message in judge_findings(values[:, i], y[has], tasks[has], seed=seed).items():
            print(f'  {rubric}: {fault}: {message}')
    numbers = {name: agreement(y[has], [d['keep'] for d in of], tasks[has], seed=seed)}
    report(f'{name}, as it decides', numbers[name])
    if len(set(y[has].tolist())) == 2:
        numbers[f'{name} held out'] = held_out(f'{name} calibrated', values, y[has], tasks[has], seed, out, (1, 5))
    return numbers

def side_by_side(judges, rules, y, tasks, seed, out):
    "Compare critics among each other, and with the labels, on the trajectories that all have decided"
    from matplotlib.figure import Figure
    ratings = np.column_stack([*judges.values()])
    both = ~np.isnan(ratings).any(1)
    if not both.any():
        print('\nside by side: no trajectory was decided by all critics')
        return None
    ratings, y, tasks = ratings[both], y[both], tasks[both]
    votes = ratings.mean(1) > 0.5
    kept = {'rules': rules[both]} | dict(zip(judges, ratings.T)) | (dict(majority=votes) if len(judges) > 2 else {})
    found = {name: agreement(y, k, tasks, seed=seed) for name, k in kept.items()}
    alpha = krippendorff_alpha(ratings)
    print(f'\nside by side, on {len(y):,} trajectories; Krippendorff\'s alpha among the critics {alpha:.3f}')
    print(f'  {"":20}{"kept":>6}{"accuracy":>24}{"balanced accuracy":>24}{"kappa":>24}')
    for name, a in found.items():
        print(f'  {name:20}{kept[name].mean():>6.2f}{a.accuracy!s:>24}{a.balanced_accuracy!s:>24}{a.kappa!s:>24}')
    pairs = {f'{a}, {b}': kappa(kept[a], kept[b]) for a, b in combinations(judges, 2)}
    for names, value in pairs.items(): print(f'  kappa of {names}: {value:.3f}')
    figure = Figure(figsize=(6, 1 + 0.4 * len(found)), layout='constrained')
    draw_accuracy(figure.subplots(), found)
    figure.savefig(out/'side_by_side.svg', metadata={'Date': None})
    return dict(trajectories=len(y), alpha=alpha, kappa=pairs, labels=found)

def steps_found(trajectories, findings, name):
    "Print how often the first finding lies at the step that is labeled as the mistake"
    hits = near = chance = known = 0
    for t, found in zip(trajectories, findings):
        step = labels_of(t).get(name)
        if not str(step).isdigit(): continue
        known += 1
        places = [int(f.split('conversation[')[1].split(']')[0]) for f in found if 'conversation[' in f]
        hits += bool(places) and min(places) == int(step)
        near += bool(places) and abs(min(places) - int(step)) <= 1
        chance += 1 / max(sum(m.role == 'assistant' for m in t.conversation), 1)
    print(f'\nsteps: the first finding is at the faulty step in {hits} of {known}, next to it in {near}; '
        f'a random assistant turn would be in {chance:.1f}')
    return dict(known=known, hits=hits, near=near, chance=chance)

@call_parse
def main(
    files: Param('Trajectories in Unified Format 2.0', str, nargs='+'),
    label: str = 'reward', # Name of the label that says what is good
    task: str = None,      # Name of the label that names the task; by default, how a trajectory begins
    step: str = None,      # Name of a label with the number of the faulty step
    critiques: Param('Files that `actionstudio critique` has written', str, nargs='*') = (),
    rules: str = None,     # YAML file of severities and limits
    out: str = 'agreement', # Folder for the plots and `numbers.json`
    seed: int = 0,         # Of the split and of the intervals
):
    "Measure rules and critiques against labels"
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    known, results, numbers = load_rules(rules), [], {}
    found = [(t, truth.get(str(labels_of(t).get(label)).lower())) for file in files
        for _, t in read_trajectories(file)]
    if step: numbers['steps'] = steps_found([t for t, _ in found],
        [verdict(t, Item('', 0, ''), known).source.get('findings', []) for t, _ in found], step)
    labeled = [(t, y) for t, y in found if y is not None]
    contents = [t.content_id() for t, _ in labeled] # `verdict` repairs in place
    y, tasks = np.array([y for _, y in labeled]), np.array([task_of(t, task) for t, _ in labeled])
    print(f'{len(found):,} trajectories, {len(labeled):,} labeled ({int(y.sum()):,} good), '
        f'{len(set(tasks)):,} tasks; {len(found) - len(labeled):,} left out, without a usable {label}')
    if len(set(y.tolist())) < 2:
        print(f'summary: all labels of {label} are the same; nothing to compare')
        return sys.exit(0 if step else 1)
    results = [verdict(t, Item('', 0, ''), known) for t, _ in labeled]
    rates = Counter(r for done in results for r in done.reasons)
    print('  reasons:', ', '.join(f'{r} {n}' for r, n in rates.most_common()) or 'none')
    decisions = {'keep everything': np.ones(len(y)),
        'rules': np.array([r.outcome != 'dropped' for r in results]),
        'rules, no finding': np.array([not r.reasons for r in results])}
    for name, kept in decisions.items():
        numbers[name] = agreement(y, kept, tasks, seed=seed)
        report(name, numbers[name])
    if rates:
        features = np.array([[name in r.reasons for name in sorted(rates)] for r in results], float)
        numbers['rules held out'] = held_out('rules calibrated', features, y, tasks, seed, out, (0, 1))
    judges = {}
    for name, decided in read_decisions(critiques).items():
        of = [decided.get((t.unique_trajectory_id, c)) for (t, _), c in zip(labeled, contents)]
        judges[name] = np.array([np.nan if d is None else d['keep'] for d in of], float)
        numbers |= measure_critic(name, of, y, tasks, seed, out)
    if len(judges) > 1: numbers['side by side'] = side_by_side(judges, decisions['rules'], y, tasks, seed, out)
    write_json(out/'numbers.json', numbers)
    best = max((n for n in ('rules', 'rules, no finding', *judges) if n in numbers),
        key=lambda n: numbers[n].balanced_accuracy.value)
    print(f'\nsummary: {len(y):,} labeled, {best}: balanced accuracy '
        f'{numbers[best].balanced_accuracy}, kappa {numbers[best].kappa}; see {out}')
