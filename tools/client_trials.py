"""Try the client against a server that is faulty, slow or instant, and kill it at random moments.

    python tools/client_trials.py --kills 100 [--requests 500] [--faults 0.25] [--seed 0]
    python tools/client_trials.py --throughput [--requests 10000]

With --kills, a process asks its requests, is killed with SIGKILL at a random moment, and is started again,
until it has been killed so often; then it may finish. Part of the answers are faults: 429 with and without
Retry-After, 500, an answer after the timeout, a cut body, garbled JSON, another model, a closed connection.
The server logs what it does, and at the end the log is compared with the cache:

    missing       requests without a reply, or with several
    asked again   requests that were received although the cache had their reply when the process was started
    lost          replies that the process had used, and that are not in the cache
    wrong cost    1 if the ledger's cost is not that of the cached replies by the server's log
    unaccounted   answers that are neither in the cache nor among the attempts that may have been charged

With --throughput, requests go to an instant server, and to one that takes 200 ms, with 64 in flight. What
counts is the share of the rate that the latency allows, and how much memory grows after the first 1,000.

The last line sums this up; the exit code is 1 if a count is not 0, the share is below 0.9 or memory grows by
more than 20 MB.
"""
import asyncio, json, os, random, resource, signal, sqlite3, subprocess, sys, tempfile, time
from pathlib import Path
from fastcore.script import call_parse
from actionstudio_nb.client import Client
from actionstudio_nb.core import dumps
from actionstudio_nb.cache import ReplyCache, cost_of
from actionstudio_nb.replies import Price, Reply, request_key

prices = dict(judge=Price(1.0, 4.0))
kinds = ['busy', 'busy for a while', 'error', 'slow', 'cut', 'garbled', 'other model', 'closed']
timeout = 0.5 # Seconds, of the client with faults

def request(n): return dict(messages=[dict(role='user', content=f'trajectory {n}')], max_tokens=300)

class Server:
    "Answers chat completions, at a rate of faults; a line of the log for everything it does"
    def __init__(self, log, faults, seconds, seed):
        self.log, self.faults, self.seconds, self.random, self.answers = open(log, 'a'), faults, seconds, random.Random(seed), 0

    def note(self, **row):
        self.log.write(dumps(row) + '\n')
        self.log.flush()

    async def serve(self, reader, writer):
        try:
            while head := await reader.readuntil(b'\r\n\r\n'):
                size = int(head.lower().partition(b'content-length:')[2].split(b'\r\n')[0])
                if not await self.answer(json.loads(await reader.readexactly(size)), writer): break
        except (asyncio.IncompleteReadError, ConnectionError): pass
        finally: writer.close()

    async def answer(self, body, writer):
        "Send an answer; False if the connection is to be closed"
        text = body['messages'][-1]['content']
        self.note(received=text) # A slow answer may come when the process is long gone
        fault = self.random.choice(kinds) if self.random.random() < self.faults else None
        if fault and fault != 'slow': self.note(request=text, fault=fault)
        if self.seconds: await asyncio.sleep(self.seconds)
        if fault == 'closed': return False
        if fault == 'slow': await asyncio.sleep(2 * timeout)
        if fault in ('busy', 'busy for a while', 'error'):
            status = 500 if fault == 'error' else 429
            extra = 'Retry-After: 0.1\r\n' if fault == 'busy for a while' else ''
            return await self.send(writer, status, '{"error": {"message": "no"}}', extra)
        self.answers += 1
        counts = dict(prompt_tokens=self.random.randint(10, 60), completion_tokens=self.random.randint(1, 300))
        content = f'{os.getpid()}-{self.answers} to {text}'
        completion = dumps(dict(model='other' if fault == 'other model' else body['model'], usage=counts,
            choices=[dict(index=0, finish_reason='stop', message=dict(role='assistant', content=content))]))
        if fault in (None, 'slow'): self.note(request=text, answer=content, **counts)
        if fault == 'garbled': completion = completion[:len(completion) // 2]
        if fault == 'cut':
            writer.write(f'HTTP/1.1 200 OK\r\nContent-Length: {len(completion)}\r\n\r\n{completion[:50]}'.encode())
            await writer.drain()
            return False
        return await self.send(writer, 200, completion)

    async def send(self, writer, status, text, extra=''):
        writer.write(f'HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{extra}Content-Length: {len(text)}\r\n\r\n{text}'.encode())
        await writer.drain()
        return True

async def run_server(log, faults, seconds, seed):
    server = await asyncio.start_server(Server(log, faults, seconds, seed).serve, '127.0.0.1', 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

def python(*arguments, **options):
    "Start a part of this program in a process of its own"
    return subprocess.Popen([sys.executable, __file__, *map(str, arguments)], text=True, **options)

def start_server(tmp, faults, seconds, seed):
    "Returns the process, its address and its log"
    process = python('--part', 'server', tmp/'log', faults, seconds, seed, stdout=subprocess.PIPE)
    return process, f'http://127.0.0.1:{int(process.stdout.readline())}/v1', tmp/'log'

def run_child(url, cache, used, requests):
    "The process that is killed: what it uses goes into a file"
    client = Client(url, 'judge', cache, concurrency=16, timeout=timeout, first_wait=0.02, max_retries=20, prices=prices)
    with open(used, 'a') as f:
        for n, answer in client.ask_all((n, request(n)) for n in range(int(requests))):
            f.write(dumps([n, answer.text if isinstance(answer, Reply) else None]) + '\n')
            f.flush()
    print(dumps(client.totals))

def rows_of(log): return [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith('\n')]

def cached(cache):
    "The text of each reply in the cache, by the key of its request"
    if not cache.exists(): return {}
    db = sqlite3.connect(cache, timeout=60)
    try: return {key: json.loads(reply)['text'] for key, reply in db.execute('select request, reply from replies')}
    except sqlite3.OperationalError: return {} # Killed before there was a table
    finally: db.close()

def lives(tmp, url, log, kills, requests, rng):
    "Run and kill; yields (lines of the log, cache) at the start of each life"
    cache, share = tmp/'replies.sqlite', 2 * requests / (kills + 1)
    for life in range(kills + 1):
        begun = len(rows_of(log))
        yield begun, cached(cache)
        child = python('--part', 'child', url, cache, tmp/'used', requests, stdout=subprocess.PIPE)
        if life < kills:
            lines = 2 * rng.uniform(0, share) # One when a request is received, one when it is answered
            while len(rows_of(log)) - begun < lines and child.poll() is None: time.sleep(0.005)
            time.sleep(rng.uniform(0, 0.05))
            if child.poll() is None: child.send_signal(signal.SIGKILL)
        out = child.communicate()[0]
        if life < kills and child.returncode != -signal.SIGKILL: print(f'life {life} ended by itself: {child.returncode}', flush=True)
        if life == kills and child.returncode: raise SystemExit('the last run failed')
    print('last run:', out.strip())

def try_kills(kills, requests, faults, seed):
    "Counts of what must not be"
    rng, counts = random.Random(seed), {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as tmp:
        tmp = Path(tmp)
        server, url, log = start_server(tmp, faults, 0.02, seed)
        try: starts = list(lives(tmp, url, log, kills, requests, rng))
        finally: server.kill()
        rows, end = rows_of(log), cached(tmp/'replies.sqlite')
        keys = {f'trajectory {n}': request_key('judge', request(n)) for n in range(requests)}
        answers = [row for row in rows if 'answer' in row]
        used = [json.loads(line) for line in (tmp/'used').read_text().splitlines()]
        cache = ReplyCache(tmp/'replies.sqlite')
        counts['missing'] = sum(key not in end for key in keys.values()) + abs(len(end) - requests)
        counts['asked again'] = len({i for begun, had in starts for i, row in enumerate(rows)
            if i >= begun and 'received' in row and keys[row['received']] in had})
        counts['lost'] = sum(end.get(keys[f'trajectory {n}']) != text for n, text in used)
        by_log = [row for row in answers if end.get(keys[row['request']]) == row['answer']]
        tokens = [sum(row[name] for row in by_log) for name in ('prompt_tokens', 'completion_tokens')]
        ledger = cache.ledger()[0]
        counts['wrong cost'] = int(prices['judge'].cost(*tokens) != cost_of([ledger], prices) or ledger.requests != requests)
        unsettled, wasted = sum(row.requests for row in cache.unsettled()), len(answers) - len(by_log)
        charged = wasted + sum(row.get('fault') in ('cut', 'garbled', 'other model', 'closed') for row in rows)
        counts['unaccounted'] = max(0, charged - unsettled)
    faulty = sum('fault' in row for row in rows)
    print(f'{kills} kills, {requests} requests, {len(answers)} answers and {faulty} faults: '
        f'cost {cost_of([ledger], prices):.6f}, {wasted} answers in vain, {unsettled} attempts that may have been charged: '
        + ', '.join(f'{n} {name}' for name, n in counts.items()))
    return not any(counts.values())

def memory():
    "Memory of this process, in MB"
    return int(Path('/proc/self/statm').read_text().split()[1]) * resource.getpagesize() / 1e6

def run_timed(url, cache, requests):
    "Ask, and print the seconds, and the memory after 1,000 requests and at the end"
    client = Client(url, 'judge', cache, concurrency=64, prices=prices)
    list(client.ask_all((n, request(-n)) for n in range(1, 65))) # Imports, connections
    begun, early = time.perf_counter(), None
    for i, _ in enumerate(client.ask_all((n, request(n)) for n in range(int(requests)))):
        if i == 1000: early = memory()
    print(dumps(dict(seconds=time.perf_counter() - begun, early=early or memory(), late=memory(), failed=client.totals.failed,
        cpu=time.process_time())), flush=True)

def timed(requests, seconds, seed):
    "Requests per second, and growth of memory in MB"
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        server, url, _ = start_server(tmp, 0, seconds, seed)
        try:
            done = python('--part', 'timed', url, tmp/'replies.sqlite', requests, stdout=subprocess.PIPE)
            result = json.loads(done.communicate()[0])
        finally: server.kill()
    rate, growth = requests / result['seconds'], result['late'] - result['early']
    print(f"{requests:,} requests, {1000 * seconds:g} ms: {rate:.0f}/s, {1000 * result['cpu'] / requests:.2f} ms of CPU each, "
        f"memory {result['early']:.0f} MB after 1,000, {result['late']:.0f} MB at the end", flush=True)
    return rate, growth

def try_throughput(requests, seed):
    "Is the client fast, and its memory flat?"
    instant, growth = timed(requests, 0, seed)
    rate, grown = timed(min(requests, 6400), 0.2, seed)
    share = rate / (64 / 0.2)
    print(f'instant server {instant:.0f}/s; 200 ms with 64 in flight {rate:.0f}/s, {share:.3f} of what the latency allows; '
        f'memory grew by {max(growth, grown):.1f} MB')
    return share >= 0.9 and max(growth, grown) < 20

parts = dict(child=run_child, timed=run_timed,
    server=lambda log, faults, seconds, seed: asyncio.run(run_server(log, float(faults), float(seconds), int(seed))))
if sys.argv[1:2] == ['--part']: # A process that this program has started
    parts[sys.argv[2]](*sys.argv[3:])
    sys.exit()

@call_parse
def main(
    kills: int = 0,       # How often the process is killed
    throughput: bool = False, # Measure requests per second
    requests: int = None, # 500 with --kills, 10,000 with --throughput
    faults: float = 0.25, # Rate of faults, with --kills
    seed: int = 0,
):
    "Try the client against a server that is faulty, slow or instant, and kill it at random moments"
    if not kills and not throughput: raise SystemExit('name --kills N or --throughput')
    good = True
    if kills: good = try_kills(kills, requests or 500, faults, seed)
    if throughput: good = try_throughput(requests or 10_000, seed) and good
    sys.exit(not good)
