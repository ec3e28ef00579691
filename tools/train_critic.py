"""Train a small model to be the critic, and measure it on faults in tools that it has not seen.

    python tools/train_critic.py [FILES...] [--out critic] [--seeds 0 1 2] [--steps 20]

FILES hold sound trajectories, such as `kept.jsonl` of `actionstudio clean`; without any, short conversations are made up.
They are split by tools. In each trajectory a fault is made, so there are as many sound cases as faulty ones. The model is
trained once for each seed, which also draws the faults, for a fixed number of optimizer steps. Then rules, the model before
training, and each trained model decide about the same held-out cases. Rerun to resume.

`FOLDER/seed-0/run/model` is a Hugging Face model; `FOLDER/heldout.jsonl` are trajectories with labels:

    actionstudio critique FILE --base_url URL --model NAME --critic configs/small_critic.yaml
"""
import time
from collections import Counter
from pathlib import Path
from statistics import mean
from fastcore.script import call_parse, Param
from actionstudio_nb.core import read_json, read_jsonl, unit_hash, write_json, write_jsonl
from actionstudio_nb.unified import Function, FunctionCall, Message, Tool, ToolCall, Trajectory, read_trajectories
from actionstudio_nb.quality.criticdata import flaw_cases, flaw_examples, split_by_tools
from actionstudio_nb.quality.rubric import load_critic
from actionstudio_nb.models.load import smollm2
from actionstudio_nb.quickstart import template_for
from actionstudio_nb.training.config import make_config
from actionstudio_nb.training.export import export
from actionstudio_nb.training.sft import train
from actionstudio_nb.evaluation.critics import ask_critic, by_both, by_replies, by_rules, critic_scores, critic_table, plot_critics

# Tool: its argument, a question, an answer, and words for the argument
topics = {line.split(':')[0]: [part.strip() for part in line.split(':')[1].split('|')] for line in """
get_price: product | How much is the {}? | The {} costs {} euros. | kettle lamp desk sofa mirror carpet clock fan
get_temperature: city | How warm is it in {}? | In {} it is {} degrees. | Rome Oslo Lima Cairo Perth Quito Dakar Hanoi
get_height: mountain | How high is {}? | {} is {} metres high. | Triglav Etna Rigi Elbrus Teide Olympus Sinai Kenya
get_length: river | How long is the {}? | The {} is {} kilometres long. | Rhine Loire Ebro Oder Tiber Volga Thames Seine
get_stock: item | How many {} are left? | There are {1} {0} left. | nails hinges bolts hooks tiles screws washers pipes
get_delay: train | Is {} on time? | {} is {} minutes late. | Aurora Comet Falcon Arrow Meteor Zephyr Orient Mistral
get_pages: book | How long is {}? | {} has {} pages. | Emma Dracula Ulysses Walden Candide Persuasion Kim Ivanhoe
get_score: player | How many points has {}? | {} has {} points. | Ada Bruno Clara Dario Edith Farid Greta Hugo
get_distance: place | How far is it to the {}? | It is {1} metres to the {0}. | bakery station harbour museum market airport castle library
get_seats: hall | How many seats has the {}? | The {} seats {} people. | Apollo Odeon Lyceum Rex Gloria Palace Astoria Roxy
get_population: town | How many people live in {}? | {} has {} inhabitants. | Vik Hum Lund Bray Cork Faro Graz Brno
get_depth: lake | How deep is {}? | {} is {} metres deep. | Ladoga Garda Como Baikal Tahoe Bled Ohrid Malawi
get_weight: parcel | What does parcel {} weigh? | Parcel {} weighs {} grams. | A17 B20 C38 D41 E59 F62 G73 H85
get_balance: account | What is the balance of {}? | {} holds {} euros. | savings household travel rent reserve gifts school garden
get_age: building | How old is the {}? | The {} is {} years old. | cathedral mill tower bridge theatre abbey prison palace
get_calories: dish | How many calories has {}? | {} has {} calories. | risotto goulash paella ramen lasagne falafel moussaka borscht
get_duration: film | How long does {} last? | {} lasts {} minutes. | Vertigo Alien Psycho Rebecca Gilda Laura Notorious Suspicion
get_visitors: museum | How many people were in the {} today? | The {} had {} visitors. | Louvre Prado Uffizi Tate Albertina Hermitage Rijksmuseum Getty
get_fee: course | What is the fee for {}? | The fee for {} is {} euros. | pottery Spanish sailing chess yoga painting cooking archery
get_battery: device | How full is the battery of the {}? | The battery of the {} is at {} percent. | phone tablet watch drone camera laptop scooter speaker
get_mileage: car | What is the mileage of the {}? | The {} has done {} miles. | Fiesta Panda Corsa Yaris Clio Polo Swift Twingo
get_level: reservoir | What is the level of {}? | {} is at {} centimetres. | Kielder Rutland Haweswater Carsington Bewl Ardingly Grafham Siblyback
get_votes: candidate | How many votes did {} get? | {} received {} votes. | Meyer Lopez Novak Dubois Rossi Jensen Kowalski Silva
get_goals: team | How many goals did the {} score? | The {} scored {} goals. | Lions Hawks Bears Sharks Wolves Eagles Tigers Bulls
get_rooms: hotel | How many rooms are free at the {}? | The {} has {} free rooms. | Bristol Savoy Adlon Sacher Ritz Carlton Plaza Metropol
get_tickets: show | Are there tickets for {}? | There are {1} tickets for {0}. | Cats Evita Hair Grease Chicago Annie Oliver Carousel
get_followers: artist | How many followers has {}? | {} is followed by {} people. | Nova Indigo Marlowe Juno Atlas Wren Onyx Sable
get_speed: station | How fast is the wind at {}? | At {} the wind blows at {} knots. | Fastnet Lundy Tiree Skerryvore Malin Dogger Valentia Portland
get_area: park | How large is {}? | {} covers {} hectares. | Hampstead Tiergarten Retiro Prater Villette Vondelpark Maksimir Bemowo
get_salary: job | What does a {} earn? | A {} earns {} euros a week. | baker welder nurse pilot tailor plumber florist surveyor
get_rainfall: region | How much did it rain in {}? | In {} it rained {} millimetres. | Galicia Bergen Kerry Bavaria Savoy Tyrol Asturias Lapland
get_members: club | How many members has the {} club? | The {} club has {} members. | rowing judo tennis cricket fencing bowling curling rugby
""".strip().splitlines()}
openings = '', 'Hello! ', 'Please look this up: ', 'One question. '

def made_up(name, word):
    "A short conversation about a number; half of the time the agent must ask back first"
    argument, question, answer, _ = topics[name]
    draw = lambda salt: unit_hash([name, word], salt)
    number = int(10 ** (1.2 + 2.5 * draw('number')))
    schema = dict(type='object', properties={argument: dict(type='string')}, required=[argument])
    call = ToolCall(id='call_0', function=FunctionCall(name, {argument: word}))
    asked = openings[int(4 * draw('opening'))] + question.format(word)
    start = [Message('user', asked)] if draw('asks back') < 0.6 else [Message('user', f'I need to know something about a {argument}.'),
        Message('assistant', f'Which {argument} do you mean?'), Message('user', word)]
    return Trajectory(f'{name}-{word}', '', [Tool(function=Function(name, '', schema))], [*start,
        Message('assistant', '', tool_calls=[call]), Message('tool', {name.removeprefix('get_'): number}, tool_call_id='call_0', name=name),
        Message('assistant', answer.format(word, number))])

def split(files, share):
    "(training, held out), in an order that has nothing to do with that of the files"
    own = [made_up(name, word) for name in topics for word in topics[name][3].split()]
    found = {t.content_id(): t for t in ([t for file in files for _, t in read_trajectories(file)] if files else own)}
    shuffled = [found[k] for k in sorted(found, key=lambda k: unit_hash(k, 'order'))]
    sides = split_by_tools(shuffled, share)
    print(f'{len(found):,} different trajectories: {len(sides[0]):,} to train, {len(sides[1]):,} held out, '
        f'{len(found) - len(sides[0]) - len(sides[1]):,} left out, without calls or with tools of both sides')
    return sides

def several(make, trajectories, critic, seed, draws, left_out):
    "What `flaw_cases` or `flaw_examples` makes with several faults in each trajectory, without repetitions"
    found = {}
    for draw in range(draws):
        why = Counter()
        for made in make(trajectories, critic, 100 * seed + draw, why):
            t = made[0] if isinstance(made, tuple) else made
            found.setdefault(t.content_id(), t)
    left_out |= why
    return list(found.values())

def settings_of(model, out, seed, steps):
    "The settings of a run"
    return dict(model=model, template=template_for(model), method='lora', data=[str(out/'train.jsonl')], train_on='last',
        max_length=2048, row_length=2048, tokens_per_step=2048, num_train_epochs=100, max_steps=steps, learning_rate=1e-3,
        seed=seed, output_dir=str(out/'run'), save_minutes=5)

def trained(model, out, examples, seed, steps):
    "Train on some examples: (folder of the model, the run's report)"
    out.mkdir(parents=True, exist_ok=True)
    if not (out/'train.jsonl').exists(): write_jsonl(out/'train.jsonl', [e.to_dict() for e in examples])
    run = train(make_config(settings_of(model, out, seed, steps)))
    made = out/'run'/'model'
    if not (made/'training.json').exists() or read_json(made/'training.json')['step'] != run['steps']: export(str(out/'run'))
    loss = [m['loss'] for _, m in read_jsonl(out/'run'/'metrics.jsonl')]
    print(f'seed {seed}: {run["steps"]} steps, {run["train_tokens"]:,} tokens in {run["train_seconds"]:,.0f} s; '
        f'loss of the first three and the last three steps {mean(loss[:3]):.3f}, {mean(loss[-3:]):.3f}', flush=True)
    return made, run

@call_parse
def main(
    files: Param('Sound trajectories in Unified Format 2.0', str, nargs='*', opt=False) = (),
    out: str = 'critic',   # Folder for data, runs, models, replies, `numbers.json` and `critics.svg`
    seeds: Param('Of the faults in training and of the training itself, one run for each', int, nargs='*') = (0, 1, 2),
    steps: int = 20,       # Optimizer steps of each run, of 2,048 positions
    heldout: int = 40,     # Held-out trajectories, at most
    draws: int = 1,        # Faults that are made in each trajectory, one at a time
    share: float = 0.25,   # Of the tools; held out
    critic: str = str(Path(__file__).parent.parent/'configs'/'small_critic.yaml'), # See `actionstudio critique --critic`
    model: str = None,     # Folder of a model; SmolLM2-135M-Instruct by default
):
    "Train a critic, and measure it"
    start, out, model, parts = time.perf_counter(), Path(out), model or smollm2(), load_critic(critic)
    out.mkdir(parents=True, exist_ok=True)
    taught, asked = split(files, share)
    why = Counter()
    cases = several(flaw_cases, asked[:heldout], parts, 1000, draws, why)
    write_jsonl(out/'heldout.jsonl', [t.to_dict() for t in cases])
    print(f'{len(cases):,} cases held out:', dict(Counter(t.meta['labels']['fault'] for t in cases)), dict(why), flush=True)
    rules = by_rules(cases)
    def ask(folder, where):
        begun = time.perf_counter()
        replies = ask_critic(cases, parts, str(folder), where, template_for(str(folder)))
        print(f'{len(replies)} replies in {time.perf_counter() - begun:,.0f} s; the first: {replies[0][:200]}', flush=True)
        return by_replies(cases, replies, parts)
    untrained, runs, decisions = ask(model, out/'untrained'), {}, {}
    for seed in seeds:
        why, folder = Counter(), out/f'seed-{seed}'
        examples = several(flaw_examples, taught, parts, seed, draws, why)
        print(f'seed {seed}: {len(examples):,} examples', dict(Counter(e.meta['labels']['kind'] for e in examples)), dict(why), flush=True)
        made, runs[seed] = trained(model, folder, examples, seed, steps)
        decisions[seed] = ask(made, folder/'asked')
    every = [j for some in decisions.values() for j in some]
    scores = {'rules': critic_scores(rules), 'untrained': critic_scores(untrained),
        'trained': critic_scores(every), 'rules and trained': critic_scores(by_both(rules * len(decisions), every))}
    each = {f'trained, seed {seed}': critic_scores(some) for seed, some in decisions.items()}
    print('\n' + critic_table(scores | each))
    plot_critics(scores).savefig(out/'critics.svg', metadata={'Date': None})
    write_json(out/'numbers.json', dict(scores=scores | each, runs=runs, cases=len(cases)))
    best = scores['trained'].agreement
    print(f'\nsummary: {len(cases):,} held-out cases, {len(decisions)} seeds: trained, balanced accuracy '
        f'{best.balanced_accuracy}, kappa {best.kappa}; rules {scores["rules"].agreement.balanced_accuracy}; '
        f'{time.perf_counter() - start:,.0f} s; see {out}')
