"""Try the commands on hostile model folders, chat templates, run folders, configs, rules and mappings.

Each case is a folder or a file that somebody else could have sent. The real command runs on it in a process of its own, with
a cap on memory and time. A case fails if the command prints a traceback, runs planted code, is killed, accepts what it must
refuse, or takes more time or memory than the same command takes on a harmless input, plus the limits below. The table has a
line for each case; the last line counts them. Exit code 1 if a case fails.
"""
import argparse
import json
import os
import pickle
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from pathlib import Path

os.environ |= dict(HF_HUB_OFFLINE='1', TOKENIZERS_PARALLELISM='false', TQDM_DISABLE='1', DS_ACCELERATOR='cpu', OMP_NUM_THREADS='1')

import torch
from safetensors.torch import load_file, save_file

from actionstudio_nb.cli import commands, main
from actionstudio_nb.core import dumps, read_json, write_json, write_jsonl
from actionstudio_nb.models.load import tiny_model
from actionstudio_nb.training.run import weather_questions
from actionstudio_nb.unified import weather_example

cap_bytes, cap_seconds = 4 * 2**30, 240


class Planted:
    "Touches a file when Python's own unpickler loads it."
    def __init__(self, marker): self.marker = marker
    def __reduce__(self): return os.system, (f'touch {self.marker}',)


def in_child(argv, log):
    "Run a command in a forked process; returns (exit code or minus the signal, seconds of processor time, peak MB)."
    child = os.fork()
    if not child:
        code = 70
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_DATA, (cap_bytes, cap_bytes))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            signal.alarm(cap_seconds)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
            os.dup2(1, 2)
            sys.stdout, sys.stderr = os.fdopen(1, 'w', closefd=False), os.fdopen(2, 'w', closefd=False)
            code = main(argv)
        except SystemExit as e: code = e.code if isinstance(e.code, int) else 1
        except BaseException: traceback.print_exc()
        finally:
            try: sys.stdout.flush(), sys.stderr.flush()
            finally: os._exit(code or 0)
    _, status, usage = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


class Trial:
    "Harmless inputs, what the commands take on them, and the cases."
    def __init__(self, tmp, args):
        self.tmp, self.args, self.rng = tmp, args, random.Random(args.seed)
        self.marker, self.cases, self.rows, self.n = tmp/'ran', [], [], 0
        torch.set_num_threads(1)
        self.model = Path(tiny_model(tmp/'tiny'))
        self.data = tmp/'data.jsonl'
        write_jsonl(self.data, weather_questions()[:20])
        write_jsonl(tmp/'weather.jsonl', [weather_example])
        write_jsonl(tmp/'task.jsonl', weather_questions()[:1])
        self.settings = dict(model=str(self.model), data=str(self.data), output_dir='', max_length=1024, row_length=1024,
            tokens_per_step=1024, max_steps=2, learning_rate=1e-3, precision='fp32')
        self.config = self.write_config(tmp/'config.yaml')

    def write_config(self, path, **changes):
        path.write_text(dumps(self.settings | changes))
        return path

    def new(self, kind):
        self.n += 1
        return self.tmp/f'{kind}-{self.n}'

    def add(self, group, name, argv, refuse=False):
        "A case: a command, or a function that makes its files and returns it; with `refuse`, it must not succeed."
        self.cases.append((group, name, argv, refuse))

    # What the commands are tried on

    def with_model(self, group, name, change, command='eval', refuse=False):
        "A case on a copy of the model that `change` has changed."
        def made():
            folder = self.new('model')
            shutil.copytree(self.model, folder)
            change(folder)
            if command == 'eval': return ['eval', self.tmp/'task.jsonl', '--model', folder, '--max_new_tokens', 1, '--out', self.new('out')]
            return ['verify', self.tmp/'weather.jsonl', '--model', folder, '--out', self.new('out')]
        self.add(group, name, made, refuse)

    def with_run(self, name, change, command='export', of='full', refuse=False):
        "A case on a copy of a run; `change` gets the run and its checkpoint."
        def made():
            folder = self.new('run')
            shutil.copytree(self.tmp/of, folder)
            change(folder, next(folder.glob('checkpoint-*')))
            if command == 'export': return ['export', folder]
            return ['sft', self.config_of[of], f'output_dir={folder}', 'max_steps=2']
        self.add(f'run, {command}', name, made, refuse)

    def with_config(self, name, text, *overrides, refuse=True):
        path = self.new('config').with_suffix('.yaml')
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.add('config', name, ['sft', path, *overrides], refuse)

    # Running them

    def check(self, group, name, argv, refuse):
        "Run a case, and note its outcome and what is wrong with it."
        log = self.tmp/'log'
        argv = [str(a) for a in (argv() if callable(argv) else argv)]
        code, seconds, peak = in_child(argv, log)
        text = log.read_text(errors='replace')
        lines = text.strip().splitlines() or ['']
        more_seconds, more_peak = seconds - self.base[argv[0]][0], peak - self.base[argv[0]][1]
        faults = [fault for fault, is_so in [
            ('traceback', 'Traceback (most recent call last)' in text),
            ('ran code', self.marker.exists()),
            (f'ended with {code}', code not in (0, 1, 2)),
            ('was not refused', refuse and code == 0),
            ('no reason', code in (1, 2) and not re.match(r'actionstudio|usage', lines[-1]) and 'error:' not in lines[-1]),
            ('too slow', more_seconds > self.args.seconds), ('too large', more_peak > self.args.megabytes)] if is_so]
        self.marker.unlink(missing_ok=True)
        outcome = lines[-1].replace(str(self.tmp), '…') if code else 'fine'
        self.rows.append((group, name, outcome, seconds, peak, faults))
        if faults and self.args.verbose: print(text[-3000:], file=sys.stderr)
        for kind in ('model', 'run', 'out'): # A thousand models fill the disk
            for path in self.tmp.glob(f'{kind}-*'): shutil.rmtree(path, ignore_errors=True)

    def measure(self, name, argv):
        "What a command takes on a harmless input."
        code, seconds, peak = in_child([str(a) for a in argv], self.tmp/'log')
        if code: sys.exit(f'{name} fails on a harmless input: ' + (self.tmp/'log').read_text()[-3000:])
        self.base[name] = seconds, peak

    def prepare(self):
        "Two runs, and the time and memory of each command."
        self.base, self.config_of = {}, dict(full=self.config)
        self.config_of['lora'] = self.write_config(self.tmp/'lora.yaml', method='lora')
        self.measure('sft', ['sft', self.config, f"output_dir={self.tmp/'full'}"])
        self.measure('sft', ['sft', self.config_of['lora'], f"output_dir={self.tmp/'lora'}"])
        self.measure('export', ['export', self.tmp/'full', '--out', self.tmp/'exported'])
        self.measure('eval', ['eval', self.tmp/'task.jsonl', '--model', self.model, '--max_new_tokens', 1, '--out', self.tmp/'evaluated'])
        self.measure('verify', ['verify', self.tmp/'weather.jsonl', '--model', self.model, '--out', self.tmp/'verified'])
        self.measure('check', ['check', self.data, '--out', self.tmp/'checked'])
        self.measure('convert', ['convert', self.data, '--out', self.tmp/'converted'])
        (self.tmp/'slurm.yaml').write_text(self.config.read_text())
        self.measure('slurm', ['slurm', self.tmp/'slurm.yaml', 'output_dir=o'])


def edit(name, **changes):
    "Change keys of a JSON file of a model."
    def change(folder): write_json(folder/name, read_json(folder/name) | changes)
    return change


def put(name, content):
    "Write a file of a model."
    def change(folder): (folder/name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return change


def without(*names, then=None):
    "Remove files of a model, then do more."
    def change(folder):
        for name in names: (folder/name).unlink()
        if then: then(folder)
    return change


def header(text, rest=b''):
    "A safetensors file with this header."
    return len(text).to_bytes(8, 'little') + text.encode() + rest


def models(t):
    "Cases of model folders."
    weights = (t.model/'model.safetensors').read_bytes()
    one = '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,%s]}}'
    for name, content in dict(empty=b'', four=b'\1\2\3\4', half=weights[:len(weights) // 2], cut=weights[:-1], long=weights + b'x',
            header=(2**63 - 1).to_bytes(8, 'little') + b'{', deep=header('[' * 100_000), beyond=header(one % 8, b''),
            negative=header(one % -8, b'12345678'), huge=header(one % 2**62, b'12345678'), text=b'<html>not found</html>',
            pickle=pickle.dumps(Planted(t.marker))).items():
        t.with_model('weights', f'safetensors: {name}', put('model.safetensors', content), refuse=True)
    for i in range(t.args.mutations):
        damaged = bytearray(weights)
        for _ in range(3): damaged[t.rng.randrange(min(len(damaged), 4000))] = t.rng.randrange(256)
        t.with_model('weights', f'safetensors: bytes changed {i}', put('model.safetensors', bytes(damaged)))
    def pickled(folder): torch.save(Planted(t.marker), folder/'pytorch_model.bin')
    t.with_model('weights', 'pytorch_model.bin', without('model.safetensors', then=pickled), refuse=True)
    t.with_model('weights', 'pytorch_model.bin beside safetensors', pickled)
    for target in ('../tiny/model.safetensors', '/etc/passwd', 'pytorch_model.bin', '..', '', 'a\0b'):
        index = dumps(dict(metadata=dict(total_size=1), weight_map={'lm_head.weight': target}))
        def split(folder, index=index):
            pickled(folder)
            put('model.safetensors.index.json', index)(folder)
        t.with_model('weights', f'index names {target!r}', without('model.safetensors', then=split), refuse=True)
    for name, index in dict(list='[]', deep='[' * 100_000, none='{}', text='{"weight_map": "a"}').items():
        t.with_model('weights', f'index: {name}', without('model.safetensors', then=put('model.safetensors.index.json', index)), refuse=True)
    def adapter(folder):
        put('adapter_config.json', dumps(dict(peft_type='LORA', base_model_name_or_path=str(t.model), r=2, target_modules=['q_proj'])))(folder)
        torch.save(Planted(t.marker), folder/'adapter_model.bin')
    t.with_model('weights', 'adapter_model.bin', adapter)
    for file in ('config.json', 'generation_config.json', 'tokenizer_config.json', 'tokenizer.json'):
        for name, content in dict(empty='', deep='{"a":' * 100_000, list='[]', text='hello', null='null', nul='\0', latin=b'{"\xe9": 1}',
                number='9' * 100_000, infinite='{"vocab_size": 1e999, "eos_token_id": 1e999}').items():
            t.with_model('files of a model', f'{file}: {name}', put(file, content))
    for changes in [dict(hidden_size=0), dict(hidden_size=-1), dict(hidden_size='x'), dict(hidden_size=10**9), dict(hidden_size=[64]),
            dict(num_hidden_layers=-1), dict(num_hidden_layers=10**6), dict(num_attention_heads=0), dict(num_attention_heads=7),
            dict(vocab_size=10**12), dict(vocab_size=-5), dict(vocab_size=None), dict(max_position_embeddings=10**15), dict(model_type='nonsense'),
            dict(model_type='../llama'), dict(architectures=['os.system']), dict(dtype='os.system'), dict(dtype=7), dict(rope_parameters='x'),
            dict(rope_parameters=dict(rope_type='yarn', factor=1e308)), dict(transformers_weights='../tiny/model.safetensors'),
            dict(quantization_config=dict(quant_method='nonsense')), dict(quantization_config='x'), dict(quantization_config=dict(quant_method='gptq', bits=4)),
            dict(_attn_implementation='evil/kernels'), dict(hidden_act='os.system'), dict(eos_token_id='x'), dict(eos_token_id=10**30),
            dict(intermediate_size=10**12), dict(tie_word_embeddings='yes'), dict(rms_norm_eps='nan'), dict(head_dim=0), dict(pad_token_id=-7)]:
        (key, value), = changes.items()
        t.with_model('files of a model', f'config.json: {key} = {str(value)[:40]}', edit('config.json', **changes))
    code = f"import os\nos.system('touch {t.marker}')\nclass Evil: pass\n"
    for name, key in [('config.json', 'AutoConfig'), ('config.json', 'AutoModelForCausalLM'), ('tokenizer_config.json', 'AutoTokenizer')]:
        def with_code(folder, name=name, key=key):
            put('evil.py', code)(folder)
            edit(name, auto_map={key: ['evil.Evil', 'evil.Evil'] if key == 'AutoTokenizer' else 'evil.Evil'}, model_type='evil', tokenizer_class='Evil')(folder)
        t.with_model('files of a model', f'{name}: auto_map {key}', with_code)
    for changes in [dict(tokenizer_class='os.system'), dict(tokenizer_class=7), dict(chat_template=7), dict(chat_template=['x']), dict(chat_template=[{'name': 'a'}]),
            dict(eos_token=7), dict(eos_token={'content': 1}), dict(eos_token='x' * 10**5), dict(added_tokens_decoder={str(10**18): {'content': 'x', 'special': True}}),
            dict(added_tokens_decoder='x'), dict(model_max_length='x'), dict(padding_side='up'), dict(tokenizer_file='/etc/passwd'), dict(extra_special_tokens=[[]])]:
        (key, value), = changes.items()
        t.with_model('files of a model', f'tokenizer_config.json: {key} = {str(value)[:40]}', edit('tokenizer_config.json', **changes), 'verify')
    for name in ('config.json', 'tokenizer.json', 'tokenizer_config.json', 'generation_config.json'):
        for i in range(t.args.mutations): t.with_model('files of a model', f'{name}: a value changed {i}', mutate(name, random.Random(f'{t.args.seed} {name} {i}')))


def mutate(name, rng):
    "Replace a value somewhere in a JSON file."
    values = [None, -1, 0, 10**30, 1.5, '', 'x' * 1000, '\0', [], {}, [[]], True, '../..', 'os.system']
    def change(folder):
        place = content = read_json(folder/name)
        while True:
            keys = list(place) if isinstance(place, dict) else range(len(place))
            key = rng.choice(list(keys))
            if not isinstance(place[key], (dict, list)) or not place[key] or rng.random() < 0.3: break
            place = place[key]
        place[key] = rng.choice(values)
        (folder/name).write_text(json.dumps(content))
    return change


deep = '{% for a in range(99999) %}'
endless = { # Templates that must be refused
    'loops': deep * 4 + '{% endfor %}' * 4,
    'output': deep * 2 + 'x' * 1000 + '{% endfor %}' * 2,
    'doubling': "{% set n = namespace(t='ab') %}{% for a in range(60) %}{% set n.t = n.t ~ n.t %}{% endfor %}{{ n.t }}",
    'doubling a list': "{% set n = namespace(t=[1]) %}{% for a in range(60) %}{% set n.t = n.t + n.t %}{% endfor %}{{ n.t }}",
    'times': "{{ 'a' * 10**11 }}", 'power': '{{ 10 ** (10 ** 9) }}', 'power in a loop': '{% for a in range(2, 99) %}{{ (a ** (10 ** 7)) % 3 }}{% endfor %}',
    'center': "{{ 'a' | center(10**11) }}", 'ljust': "{{ 'a'.ljust(10**11) }}", 'zfill': "{{ 'a'.zfill(10**11) }}",
    'format': "{{ '{:100000000000}'.format(1) }}", 'percent': "{{ '%100000000000d' % 1 }}", 'filter format': "{{ '%100000000000d' | format(1) }}",
    'indent': "{{ 'a\\nb' | indent(10**11) }}", 'tojson indent': "{{ [[1]] | tojson(indent=10**11) }}", 'expandtabs': "{{ '\\t'.expandtabs(2000000000) }}",
    'replace': "{{ ('a' * 10**5) | replace('a', 'b' * 10**6) }}", 'join': "{{ range(99999) | join('b' * 10**6) }}", 'bytes': '{{ (1).to_bytes(10**11) }}',
    'macro': '{% macro f(n) %}{{ f(n - 1) + f(n - 1) if n }}{% endmacro %}{{ f(200) }}',
    'recursive loop': '{% for a in [[1]] recursive %}{% for b in range(99999) %}{{ loop.index }}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}',
    'lipsum': '{% for a in range(99999) %}{{ lipsum(n=1000) | length }}{% endfor %}', 'sort': '{% for a in range(99999) %}{{ range(99999) | sort | length }}{% endfor %}',
    'batch': '{{ range(99999) | batch(10**11, 1) | list }}', 'slice': '{{ range(9) | slice(10**11, 1) | list }}', 'wordwrap': "{% for a in range(2, 9999) %}{% if ('a ' * (99999 + a)) | wordwrap(1) | length == 1 %}x{% endif %}{% endfor %}",
    'late': '{% if messages | length > 4 %}' + deep * 3 + '{% endfor %}' * 3 + '{% endif %}x',
    'late memory': "{% if messages | length > 4 %}{{ 'a' * 10**11 }}{% endif %}x",
    'attribute names': "{% for a in range(99999) %}{% if ('x' * a)['a' * (10**6 + a)] is defined %}x{% endif %}{% endfor %}"}
odd = { # Templates that may be refused or not
    'class': "{{ ''.__class__.__mro__[1].__subclasses__() }}", 'globals': "{{ cycler.__init__.__globals__.os.popen('touch MARKER').read() }}",
    'attr': "{{ (lipsum | attr('__globals__'))['os'].popen('touch MARKER').read() }}", 'format escape': "{{ '{0.__class__.__init__.__globals__}'.format(joiner) }}",
    'map attribute': "{{ ['x'] | map(attribute='__class__.__mro__') | list }}", 'include': "{% include '/etc/passwd' %}", 'import': "{% import 'os' as os %}{{ os.system('touch MARKER') }}",
    'extends': "{% extends '/etc/passwd' %}", 'syntax': '{% for %}', 'unclosed': '{{ messages', 'parentheses': '{{ ' + '(' * 50_000 + '1' + ')' * 50_000 + ' }}',
    'lists': '{{ ' + '[' * 5_000 + ']' * 5_000 + ' }}', 'nested ifs': '{% if 1 %}' * 3_000 + '{% endif %}' * 3_000, 'nested loops': '{% for a in [1] %}' * 200 + '{% endfor %}' * 200,
    'long': 'x' * 20_000_000, 'many tags': '{{ 1 }}' * 200_000, 'raise': "{{ raise_exception('no') }}", 'division': '{{ 1 // 0 }}', 'undefined': '{{ nothing.at.all }}',
    'self': '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', 'strftime': "{{ strftime_now('%100000000d') }}", 'nul': 'a\0b', 'empty': '', 'list mutation': '{{ messages.append(1) }}',
    'surrogate': "{{ '\\ud800' }}", 'random': '{{ range(99999) | random }}', 'pprint': '{{ messages | pprint }}', 'big integer': '{{ 10 ** 5000 }}', 'not utf-8': b'\xff\xfe{{ 1 }}'}


def templates(t):
    "Cases of chat templates."
    for group, refuse in ((endless, True), (odd, False)):
        for name, text in group.items():
            path = t.new('template').with_suffix('.jinja')
            path.write_bytes(text if isinstance(text, bytes) else text.replace('MARKER', str(t.marker)).encode())
            out = t.new('out')
            t.add('template', name, ['verify', t.tmp/'weather.jsonl', '--model', t.model, '--template', path, '--out', out])
            if refuse and not name.startswith('late'): t.add('template', f'{name}, in the model', ['eval', t.tmp/'task.jsonl', '--model', t.model, '--template', path, '--out', out], True)


def runs(t):
    "Cases of run folders: whatever is read when a run is exported or resumed."
    def pickles(folder, checkpoint):
        for file in [p for p in checkpoint.rglob('*') if p.is_file() and p.suffix not in ('.json', '.safetensors')]: torch.save(Planted(t.marker), file)
    def unfinished(folder, checkpoint, **changes):
        (folder/'report.json').unlink(missing_ok=True)
        write_json(checkpoint/'progress.json', read_json(checkpoint/'progress.json') | dict(finished=False, step=1, done=0.1) | changes)
    def shards(folder, checkpoint, tag='step', latest='step', save=torch.save):
        (checkpoint/'latest').write_text(latest)
        (checkpoint/tag).mkdir(parents=True)
        for kind in ('model', 'optim'): save(Planted(t.marker), checkpoint/tag/f'zero_pp_rank_0_mp_rank_00_{kind}_states.pt')
    def plain(value, file): file.write_bytes(pickle.dumps(value))
    def outside(folder, checkpoint):
        other = folder/'elsewhere'
        other.mkdir()
        for kind in ('model', 'optim'): torch.save(Planted(t.marker), other/f'zero_pp_rank_0_mp_rank_00_{kind}_states.pt')
        (checkpoint/'latest').write_text('../elsewhere')
    def linked(folder, checkpoint):
        outside(folder, checkpoint)
        (checkpoint/'step').symlink_to(folder/'elsewhere')
        (checkpoint/'latest').write_text('step')
    def universal(folder, checkpoint):
        shards(folder, checkpoint)
        (checkpoint/'universal'/'step'/'zero'/'a').mkdir(parents=True)
        torch.save(Planted(t.marker), checkpoint/'universal'/'step'/'zero'/'a'/'fp32.pt')
    for name, change, refuse in [('ZeRO shards', shards, True), ('ZeRO shards, plain pickles', lambda f, c: shards(f, c, save=plain), True),
            ('latest names another folder', outside, False), ('a link to another folder', linked, True), ('universal', universal, True)]:
        t.with_run(name, change, refuse=refuse)
        t.with_run(name, lambda f, c, change=change: (unfinished(f, c), change(f, c)), 'sft')
    t.with_run('every pickle', pickles)
    for of in ('full', 'lora'): t.with_run(f'every pickle, {of}', lambda f, c: (unfinished(f, c), pickles(f, c)), 'sft', of, True)
    def bin_only(folder, checkpoint):
        for file in checkpoint.glob('*.safetensors'): file.unlink()
        torch.save(Planted(t.marker), checkpoint/'pytorch_model.bin')
    t.with_run('pytorch_model.bin', bin_only, refuse=True)
    t.with_run('pytorch_model.bin', lambda f, c: (unfinished(f, c), bin_only(f, c)), 'sft', refuse=True)
    def cut(folder, checkpoint):
        for file in checkpoint.rglob('*'):
            if file.suffix in ('.safetensors', '.bin', '.pkl'): os.truncate(file, file.stat().st_size // 2)
    def reshaped(folder, checkpoint):
        for file in checkpoint.glob('*.safetensors'): save_file({k: v[:1].clone() for k, v in load_file(file).items()}, file)
    def nothing(folder, checkpoint):
        for file in checkpoint.glob('*.safetensors'): save_file({}, file)
    for name, change in dict(truncated=cut, reshaped=reshaped, nothing=nothing).items():
        t.with_run(name, change, refuse=True)
        t.with_run(name, lambda f, c, change=change: (unfinished(f, c), change(f, c)), 'sft', refuse=True)
    odd_json = dict(empty='', deep='[' * 100_000, list='[]', null='null', none='{}', text='"x"', nul='\0', cut='{"run_id": "x"')
    for file in ('run.json', 'progress.json', 'report.json'):
        for name, content in odd_json.items():
            def change(folder, checkpoint, file=file, content=content):
                (checkpoint if file == 'progress.json' else folder).joinpath(file).write_text(content)
            t.with_run(f'{file}: {name}', change, refuse=file != 'report.json')
            if file != 'report.json': t.with_run(f'{file}: {name}', change, 'sft', refuse=True)
    for key, value in [('config', []), ('config', {}), ('config', {'model': 7}), ('derived', {}), ('derived', {'precision': 'int1'}), ('run_id', 7), ('data', 'x'), ('model', None)]:
        def change(folder, checkpoint, key=key, value=value):
            record = read_json(folder/'run.json')
            record[key] = record[key] | value if key == 'derived' and value else value
            write_json(folder/'run.json', record)
        t.with_run(f'run.json: {key} = {value}', change)
        t.with_run(f'run.json: {key} = {value}', change, 'sft')
    for key, value in [('model', 'a\0b'), ('model', '../..'), ('template', '/etc/passwd'), ('seed', -1), ('method', 'x'), ('lora_rank', 10**9), ('template_args', {'a': 'b' * 10**6}), ('lora_targets', '.*(a+)+$')]:
        def change(folder, checkpoint, key=key, value=value):
            record = read_json(folder/'run.json')
            record['config'][key] = value
            write_json(folder/'run.json', record)
        for of in ('full', 'lora'): t.with_run(f'run.json of {of}: config.{key} = {str(value)[:20]}', change, of=of)
    for key, value in [('step', -1), ('step', 10**15), ('step', 'x'), ('done', 'x'), ('done', 1e300), ('place', None), ('place', [10**9] * 9), ('norms', 'x'), ('tokens', None), ('finished', 'no')]:
        t.with_run(f'progress.json: {key} = {str(value)[:20]}', lambda f, c, key=key, value=value: unfinished(f, c, **{key: value}), 'sft')
    for file in ('metrics.jsonl', 'skipped.jsonl', 'evaluations.jsonl'):
        for name, content in dict(text='hello', list='[]\n', none='{}\n', step='{"step": "x", "place": 7}\n', nul='\0\n').items():
            t.with_run(f'{file}: {name}', lambda f, c, file=file, content=content: (unfinished(f, c), (f/file).write_text(content)), 'sft')
    for name in ('checkpoint-x', 'checkpoint-', 'checkpoint-99999999999999999999', 'checkpoint-1e9'):
        def change(folder, checkpoint, name=name): shutil.copytree(checkpoint, folder/name)
        t.with_run(f'a folder {name}', change)
        t.with_run(f'a folder {name}', lambda f, c, change=change: (unfinished(f, c), change(f, c)), 'sft')


def configs(t):
    "Cases of configs, rules and mappings."
    good = t.config.read_text()
    laughs = 'a0: &a0 [ha, ha]\n' + '\n'.join(f'a{i + 1}: &a{i + 1} [{", ".join([f"*a{i}"] * 9)}]' for i in range(12))
    texts = dict(empty='', list='- model', text='hello', number='7', nul='model: "a\\0b"', raw_nul='model: a\0b', laughs=laughs, itself='&a [*a]', merge='a: &a {<<: *a}', undefined='a: *b',
        deep='[' * 100_000, deep_blocks='\n'.join(' ' * i + 'a:' for i in range(5_000)), long='# ' + 'x' * 3_000_000, broken='model: [a\nb: {c\n', tabs='a:\n\t- b', two='a: 1\n---\nb: 2',
        python='a: !!python/object/apply:os.system [touch MARKER]', python_name='!!python/name:os.system', tag='a: !!int ""', timestamp='a: 2026-99-99', date='model: 2026-01-01', binary='a: !!binary x',
        big='seed: ' + '9' * 10_000, keys='{1: 2, null: 3}', list_key='? [a]\n: b', same='model: a\nmodel: b', latin='model: é'.encode('latin-1'), surrogate='model: "\\ud800"', bom='\ufeff', set='!!set {a}')
    for name, text in texts.items():
        text = text if isinstance(text, bytes) else text.replace('MARKER', str(t.marker))
        t.with_config(name, text)
        t.with_config(f'{name}, with an override', text, 'seed=1')
        path = t.new('rules').with_suffix('.yaml')
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        t.add('rules', name, ['check', t.data, '--rules', path, '--out', t.new('out')], name not in ('empty', 'bom'))
        t.add('mapping', name, ['convert', t.data, '--format', path, '--out', t.new('out')], True)
    for override in ['seed=-1', 'seed=1e99', 'num_train_epochs=.inf', 'num_train_epochs=.nan', 'learning_rate=.nan', 'learning_rate=.inf', 'learning_rate=-1', 'max_grad_norm=.nan', 'weight_decay=.inf',
            'model="a\\0b"', 'model=/etc', 'model=[]', 'model=""', 'model=a b', 'model=-x', 'data=[]', 'data=[{path: [a]}]', 'data=[{path: a, weight: .nan}]', 'data=/etc/passwd', 'data=/', 'data=none.jsonl',
            'data="a\\0b"', 'output_dir=/proc/x', 'output_dir=/dev/null', 'output_dir="a\\0b"', 'template=none', 'template=/', 'template="a\\0b"', 'template_args={1: 2}', 'template_args={messages: x}', 'max_length=0', 'row_length=1',
            'max_steps=1.5', 'max_steps=-1', 'lora_dropout=.nan', 'warmup_ratio=.nan', 'save_minutes=.inf', 'spike=.nan', 'zero=7', 'report_to=[x]', 'seed', '=1', 'seed={', 'nothing=1', 'seed=*a', 'method=qlora', 'max_minutes=.nan',
            'eval_tasks=none.jsonl', f'eval_tasks={t.model}/config.json', 'eval_tasks=/', 'eval_data=[none.jsonl]', 'eval_data=[/]', 'lora_targets=[nothing]', 'precision=fp7', 'checkpoint_staging_dir=/proc/x']:
        may = ('method=qlora', 'lora_targets=', 'max_length=', 'row_length=', 'data=/etc', 'checkpoint_staging_dir')
        out = t.new('out')
        first = [] if override.startswith('output_dir') else [f'output_dir={out}']
        t.add('override', override, ['sft', t.config, *first, override], not override.startswith(may))
    t.add('config', 'missing', ['sft', t.tmp/'none.yaml'], True)
    t.add('config', 'a folder', ['sft', t.tmp], True)
    fifo = t.tmp/'fifo.yaml'
    os.mkfifo(fifo)
    t.add('config', 'a fifo', ['sft', fifo], True)
    t.add('config', 'a device', ['sft', '/dev/zero'], True)
    own = t.tmp/'q.sbatch'
    own.write_text(good)
    t.add('config', 'slurm q.sbatch', ['slurm', own, f"output_dir={t.new('out')}"], True)
    for text in ['unfinished_call: 7', 'unknown: drop', 'endless: {max_characters: many}', 'endless: {max_characters: -1}', 'endless: {max_characters: [1]}', 'endless: maybe', 'endless: {severity: [drop]}', 'endless: {nothing: 1}']:
        path = t.new('rules').with_suffix('.yaml')
        path.write_text(text)
        t.add('rules', text, ['check', t.data, '--rules', path, '--out', t.new('out')], True)
    for text in ['messages: 7', 'messages: a\nroles: {a: 1}', 'messages: a\nlabels: [[a]]', 'query: a', 'messages: ""', 'messages: ...', 'messages: conversation\nrole: role\nid: id.id.id']:
        path = t.new('mapping').with_suffix('.yaml')
        path.write_text(text)
        t.add('mapping', text.replace('\n', ', '), ['convert', t.data, '--format', path, '--out', t.new('out')])
    for text in ['def read(:', '1 / 0', 'import nothing', 'raise SystemExit(0)', 'x = 1', 'a\0b', '(' * 5_000, "raise Exception('a\\nb')", 'import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\n']:
        path = t.new('format').with_suffix('.py')
        path.write_text(text)
        t.add('mapping', f'.py: {text[:30]!r}', ['convert', t.data, '--format', path, '--out', t.new('out')], True)


groups = dict(models=models, templates=templates, runs=runs, configs=configs)


def show(t, file):
    "The table of what was tried."
    for group, name, outcome, seconds, peak, faults in t.rows:
        print(f"{'FAIL' if faults else 'ok':5}{group[:18]:19}{name[:58]:59}{seconds:6.1f} s {peak:6.0f} MB  {'; '.join(faults) + ' | ' if faults else ''}{outcome[:160]}", file=file)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--seed', type=int, default=0, help='of the random changes')
    parser.add_argument('--mutations', type=int, default=5, help='random changes of each file')
    parser.add_argument('--only', nargs='*', default=list(groups), choices=list(groups), help='groups of cases')
    parser.add_argument('--cases', type=int, help='try a random sample of this many')
    parser.add_argument('--match', default='', help='only cases whose group and name contain this text')
    parser.add_argument('--seconds', type=float, default=2, help='beyond the time of a harmless input')
    parser.add_argument('--megabytes', type=float, default=1000, help='beyond the memory of a harmless input')
    parser.add_argument('--failures', action='store_true', help='show the failed cases alone')
    parser.add_argument('--verbose', action='store_true', help='show what a failed command printed')
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        os.environ['ACTIONSTUDIO_CACHE'] = f'{tmp}/cache'
        os.chdir(tmp)
        trial = Trial(Path(tmp), args)
        for module, _, _ in commands.values(): __import__(f'actionstudio_nb.{module}')
        trial.prepare()
        for name in args.only: groups[name](trial)
        cases = [case for case in trial.cases if args.match in f'{case[0]} {case[1]}']
        if args.cases is not None: cases = trial.rng.sample(cases, min(args.cases, len(cases)))
        for case in cases: trial.check(*case)
        if args.failures: trial.rows = [row for row in trial.rows if row[-1]]
        show(trial, sys.stdout)
        failed = sum(bool(row[-1]) for row in trial.rows)
        print(f'seed {args.seed}: {len(cases)} cases, {failed} failed')
    sys.exit(1 if failed else 0)
