"""Kill `actionstudio critique` with SIGKILL again and again, against a server that fails, and check what is left.

    python tools/kill_critique.py [--kills 20] [--records 500] [--seed N] [--faults 0.1]

A server on this machine answers for the critic. A share of its answers are faults: 429, 500, a connection that is closed or
cut, a body that is not JSON; a fixed share of its verdicts cannot be used and are asked for again. The command is killed
after a random number of answers, or at a random moment while it starts, and then runs to its end. After that

- each trajectory has exactly one critique, the one that the server gave for this trajectory,
- the files are those of a run that was never killed, byte for byte,
- no request arrived whose reply was in the cache at that moment,
- the ledger of the client has the tokens that the server counted for the replies in the cache.

Exits with 1 if one of these is wrong.
"""
import hashlib, json, os, random, re, signal, sqlite3, subprocess, sys, tempfile, time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from fastcore.script import call_parse
from actionstudio_nb.core import read_json, write_jsonl
from actionstudio_nb.quality.critiques import read_critiques
from actionstudio_nb.quality.rubric import load_critic
from actionstudio_nb.replies import request_key
from actionstudio_nb.unified import read_trajectories, weather_example

rubrics = list(load_critic().rubrics)

def case_number(text): return int(re.findall(r'Case number (\d+)\.', text)[-1])

def score(number): return 1 + int(hashlib.sha256(str(number).encode()).hexdigest(), 16) % 5

def verdict(number):
    "The verdict that belongs to a case and to no other"
    scores = {name: dict(reason=f'Case {number}.', steps=[1], score=score(number)) for name in rubrics}
    return json.dumps(dict(scores=scores, first_faulty_step=None, verdict='keep' if score(number) > 2 else 'drop'))

class Server(ThreadingHTTPServer):
    daemon_threads, request_queue_size = True, 200
    def __init__(self, seed, faults):
        super().__init__(('127.0.0.1', 0), Handler)
        self.rng, self.faults, self.lock = random.Random(seed), faults, Lock()
        self.cache, self.answered, self.repeated, self.faulty, self.tokens = None, 0, [], 0, {}
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
        number = case_number(''.join(m['content'] for m in body['messages'] if m['role'] == 'user'))
        again = 'cannot be used' in body['messages'][-1]['content']
        unusable = number % 20 == 7 and not again or number % 100 == 13
        tokens = 1000 + number, 100 + again
        usage = dict(prompt_tokens=tokens[0], completion_tokens=tokens[1])
        text = json.dumps(dict(model='judge', usage=usage, choices=[dict(finish_reason='stop',
            message=dict(role='assistant', content='Looks fine.' if unusable else verdict(number)))]))
        with server.lock:
            fault = server.rng.choice(['429', '500', 'close', 'cut', 'garbled']) if server.rng.random() < server.faults else ''
            server.faulty += bool(fault)
        time.sleep(0.01)
        if fault == 'close': return self.connection.close()
        if fault in ('429', '500'): text = json.dumps(dict(error=dict(message='busy')))
        if fault == 'garbled': text = text[:50]
        self.send_response(int(fault) if fault.isdigit() else 200)
        self.send_header('Content-Length', len(text) + 40 * (fault == 'cut'))
        self.end_headers()
        self.wfile.write(text.encode())
        if fault == 'cut': self.connection.close()
        elif not fault:
            with server.lock:
                server.answered += 1
                server.tokens[key] = tokens

def start(server, data, out):
    "Start the command"
    command = [sys.executable, '-m', 'actionstudio_nb.cli', 'critique', str(data), '--out', str(out), '--model', 'judge',
        '--base_url', f'http://127.0.0.1:{server.server_port}/v1', '--concurrency', '8']
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ | dict(TQDM_DISABLE='1'))

def kill_at(process, server, answers, seconds):
    "Kill the process after a number of answers, or after some seconds; False if it ended before"
    target, end = server.answered + answers, time.monotonic() + seconds
    while process.poll() is None and server.answered < target and time.monotonic() < end: time.sleep(0.002)
    if process.poll() is not None: return False
    process.send_signal(signal.SIGKILL)
    process.wait()
    return True

def finish(server, data, out):
    "Run the command to its end"
    process = start(server, data, out)
    text, _ = process.communicate(timeout=900)
    if process.returncode: sys.exit(f'the command failed with {process.returncode}:\n{text[-2000:]}')

def faults_of(server, data, out, whole):
    "What is wrong after the last run"
    trajectories = [t for _, t in read_trajectories(data)]
    rows = list(read_critiques(out/'critiques.jsonl'))
    if [row.line for row in rows] != list(range(1, len(trajectories) + 1)): yield 'not one critique for each trajectory'
    for row, t in zip(rows, trajectories):
        number = case_number(t.task_instruction)
        said = [v.verdict.scores[rubrics[0]].reason for v in row.votes if v.verdict]
        if row.content != t.content_id() or said != [f'Case {number}.'] * (number % 100 != 13): yield f'{row.id} has the critique {said}'
    for name in ('kept.jsonl', 'critiques.jsonl', 'ledger.jsonl'):
        if (out/name).read_bytes() != (whole/name).read_bytes(): yield f'{name} is not that of a run that was never killed'
    if server.repeated: yield f'{len(server.repeated)} requests arrived whose reply was in the cache'
    with closing(sqlite3.connect(out/'replies.sqlite')) as db:
        keys = [key for key, in db.execute('select request from replies')]
        ledger = db.execute('select requests, prompt_tokens, completion_tokens from ledger').fetchone()
    counted = (len(keys), *(sum(server.tokens[k][i] for k in keys) for i in (0, 1)))
    if ledger != counted: yield f'the ledger has {ledger}, the server counted {counted}'
    critic = read_json(out/'report.json')['critic']
    if (critic['requests'], critic['prompt_tokens'], critic['completion_tokens']) != counted: yield f'the report has {critic}'

@call_parse
def main(
    kills: int = 20,      # How often the command is killed
    records: int = 500,   # Number of trajectories
    seed: int = None,     # Another one each time, unless one is given
    faults: float = 0.1,  # Share of the answers that are faults
):
    "Kill `actionstudio critique` again and again, and check what is left"
    seed = random.randrange(10**6) if seed is None else seed
    rng, tmp, started = random.Random(seed), Path(tempfile.mkdtemp()), time.monotonic()
    data = tmp/'data.jsonl'
    write_jsonl(data, [weather_example | dict(unique_trajectory_id=f't{i % 97}', task_instruction=f'Case number {i}.') for i in range(records)])
    server = Server(seed, 0)
    finish(server, data, tmp/'whole')
    server.faults, server.cache, server.answered = faults, tmp/'killed'/'replies.sqlite', 0
    killed = 0
    while killed < kills:
        early = rng.random() < 0.2
        answers, seconds = (10**9, rng.uniform(0, 3)) if early else (rng.randint(0, 2 * records // kills), 120)
        if not kill_at(start(server, data, tmp/'killed'), server, answers, seconds): break
        killed += 1
    finish(server, data, tmp/'killed')
    wrong = list(faults_of(server, data, tmp/'killed', tmp/'whole'))
    for line in wrong[:20]: print(line)
    print(f'seed {seed}: {records} trajectories, {killed} kills, {server.answered} answers and {server.faulty} faults of the server '
        f'in {time.monotonic() - started:.0f} s: {len(wrong)} wrong')
    sys.exit(1 if wrong else 0)
