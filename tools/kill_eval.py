"""Kill `actionstudio eval` with SIGKILL again and again, against a server and with a model on this machine; check what is left.

    python tools/kill_eval.py [--kills 8] [--tasks 300] [--local_tasks 90] [--seed N] [--faults 0.1]

The server answers each task with its own number; a share of its answers are faults (429, 500, a closed connection, half a body).
A task in 50 is refused for good with 400. The command is killed after a random number of answers, and then runs to its end.
After that

- there is one prediction for each task, in order, with the reply that belongs to it; refused tasks are listed as without a reply,
- no request arrived whose reply was in the cache at that moment,
- predictions and scores are those of a run that was never killed, byte for byte,
- with a local model, `replies.jsonl` has each prompt once.

Exits with 1 if one of these is wrong.
"""
import json, os, random, re, signal, sqlite3, subprocess, sys, tempfile, time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from fastcore.script import call_parse
from actionstudio_nb.core import read_json, read_jsonl, write_jsonl
from actionstudio_nb.models.load import tiny_model
from actionstudio_nb.replies import request_key
from actionstudio_nb.unified import weather_example

def task_of(number):
    "A task whose right answer is its number"
    tool = dict(type='function', function=dict(name='count', description='', parameters=dict(type='object', required=['n'],
        properties=dict(n=dict(type='integer')))))
    call = dict(id='call_0', type='function', function=dict(name='count', arguments=dict(n=number)))
    return dict(unique_trajectory_id=f't{number}', tools=[tool], conversation=[
        dict(role='user', content=f'Count to number {number}.'), dict(role='assistant', content='', tool_calls=[call])])

class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 200
    def __init__(self, seed, faults):
        super().__init__(('127.0.0.1', 0), Handler)
        self.rng, self.faults, self.lock = random.Random(seed), faults, Lock()
        self.cache, self.answered, self.repeated, self.faulty = None, 0, [], 0
        Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request, address): pass # Connections of killed processes

    def has_reply(self, key):
        "Is the reply to a request in the cache of the run?"
        if not self.cache or not self.cache.exists(): return False
        with closing(sqlite3.connect(f'file:{self.cache}?mode=ro', uri=True, timeout=60)) as db:
            try: return bool(db.execute('select 1 from replies where request = ?', [key]).fetchone())
            except sqlite3.OperationalError: return False # There is no table yet

class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *args): pass

    def do_POST(self):
        server, body = self.server, json.loads(self.rfile.read(int(self.headers['Content-Length'])))
        key = request_key(body.pop('model'), body)
        if server.has_reply(key): server.repeated.append(key)
        number = int(re.search(r'number (\d+)', body['messages'][-1]['content'])[1])
        call = dict(id='a', type='function', function=dict(name='count', arguments=json.dumps(dict(n=number))))
        text = json.dumps(dict(model='small', usage=dict(prompt_tokens=50, completion_tokens=9),
            choices=[dict(finish_reason='tool_calls', message=dict(role='assistant', content=None, tool_calls=[call]))]))
        with server.lock:
            fault = server.rng.choice(['429', '500', 'close', 'garbled']) if server.rng.random() < server.faults else ''
            if number % 50 == 7: fault = '400'
            server.faulty += bool(fault)
        time.sleep(0.01)
        if fault == 'close': return self.connection.close()
        if fault.isdigit(): text = json.dumps(dict(error=dict(message='no')))
        if fault == 'garbled': text = text[:50]
        self.send_response(int(fault) if fault.isdigit() else 200)
        self.send_header('Content-Length', len(text))
        self.end_headers()
        self.wfile.write(text.encode())
        if not fault:
            with server.lock: server.answered += 1

def start(data, out, *options):
    "Start the command"
    command = [sys.executable, '-m', 'actionstudio_nb.cli', 'eval', str(data), '--out', str(out), *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | dict(TQDM_DISABLE='1'))

def kill_at(process, reached, seconds=120):
    "Kill the process once `reached()`; False if it ended before"
    end = time.monotonic() + seconds
    while process.poll() is None and not reached() and time.monotonic() < end: time.sleep(0.002)
    if process.poll() is not None: return False
    process.send_signal(signal.SIGKILL)
    process.wait()
    return True

def finish(*args):
    "Run the command to its end"
    process = start(*args)
    text, _ = process.communicate(timeout=900)
    if process.returncode: sys.exit(f'the command failed with {process.returncode}:\n{text[-2000:]}')

def same_files(out, whole):
    "The files that are not those of a run that was never killed"
    return [name for name in ('predictions.jsonl', 'scores.json') if (out/name).read_bytes() != (whole/name).read_bytes()]

def try_server(tmp, kills, tasks, faults, seed):
    "Yield what is wrong after kills of an evaluation of a server"
    rng, data = random.Random(seed), tmp/'data.jsonl'
    write_jsonl(data, map(task_of, range(tasks)))
    server = Server(seed, 0)
    options = '--model', 'small', '--base_url', f'http://127.0.0.1:{server.server_port}/v1', '--concurrency', 8
    finish(data, tmp/'whole', *options)
    server.faults, server.cache = faults, tmp/'killed'/'replies.sqlite'
    killed = 0
    while killed < kills:
        target = server.answered + rng.randint(0, 2 * tasks // kills)
        if not kill_at(start(data, tmp/'killed', *options), lambda: server.answered >= target): break
        killed += 1
    finish(data, tmp/'killed', *options)
    rows = [row for _, row in read_jsonl(tmp/'killed'/'predictions.jsonl')]
    if [row['id'] for row in rows] != [f't{i}' for i in range(tasks)]: yield 'not one prediction for each task, in order'
    for i, row in enumerate(rows):
        n = [c['function']['arguments']['n'] for c in row['calls']]
        if n != ([] if i % 50 == 7 else [i]) or row.get('reason', '') != ('no_reply' if i % 50 == 7 else ''): yield f'{row["id"]} has {row}'
    if server.repeated: yield f'{len(server.repeated)} requests arrived whose reply was in the cache'
    yield from (f'{name} is not that of a run that was never killed' for name in same_files(tmp/'killed', tmp/'whole'))
    print(f'server: {killed} kills, {server.answered} answers, {server.faulty} faults; outcomes {read_json(tmp/"killed"/"report.json")["outcomes"]}')

def try_local(tmp, kills, tasks, seed):
    "Yield what is wrong after kills of an evaluation of a local model"
    rng, data, model = random.Random(seed), tmp/'local.jsonl', tiny_model(tmp/'model')
    many = ' word' * 500 # So that replies come in several portions
    write_jsonl(data, [weather_example | dict(unique_trajectory_id=f't{i}', task_instruction=f'Case {i}.{many}') for i in range(tasks)])
    options, replies = ('--model', model, '--max_new_tokens', 40), tmp/'local killed'/'replies.jsonl'
    finish(data, tmp/'local whole', *options)
    def lines(): return replies.read_bytes().count(b'\n') if replies.exists() else 0
    killed = 0
    while killed < kills:
        target = lines() + rng.randint(1, max(1, tasks // kills))
        if not kill_at(start(data, tmp/'local killed', *options), lambda: lines() >= target): break
        killed += 1
    finish(data, tmp/'local killed', *options)
    keys = [row['key'] for _, row in read_jsonl(replies, bad=lambda *a: None)]
    if len(keys) != tasks or len(set(keys)) != tasks: yield f'{len(keys)} replies, {len(set(keys))} of them different, for {tasks} prompts'
    yield from (f'local: {name} is not that of a run that was never killed' for name in same_files(tmp/'local killed', tmp/'local whole'))
    print(f'local: {killed} kills, {len(keys)} replies for {tasks} tasks')

@call_parse
def main(
    kills: int = 8,       # How often each of the two is killed
    tasks: int = 300,     # Of the server
    local_tasks: int = 90, # Of the local model
    seed: int = None,     # Another one each time, unless one is given
    faults: float = 0.1,  # Share of the server's answers that are faults
):
    "Kill `actionstudio eval` again and again, and check what is left"
    seed = random.randrange(10**6) if seed is None else seed
    tmp, begun = Path(tempfile.mkdtemp()), time.monotonic()
    wrong = [*try_server(tmp, kills, tasks, faults, seed), *try_local(tmp, kills, local_tasks, seed)]
    for line in wrong[:20]: print(line)
    print(f'seed {seed}: {time.monotonic() - begun:.0f} s, {len(wrong)} wrong')
    sys.exit(1 if wrong else 0)
