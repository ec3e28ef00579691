"""Evaluate a model on tasks of a benchmark, once as `actionstudio eval` does it and once with `generate` for one prompt after the other.

    python tools/bench_eval.py [--tasks 24] [--bench bfcl:simple_python,live_multiple] [--model FOLDER] [--max_new_tokens 96]

Both ways use the same weights, the same prompts and the same stop tokens, in one process and on the same number of threads.
Prints the tasks per second of each and how many replies are the same. Exits with 1 if a reply differs, unless `--differ N`
allows N of them: at a near tie of two tokens, batches of another shape may round the other way.
"""
import sys, time
import torch
from fastcore.script import call_parse
from actionstudio_nb.evaluation.benchmarks import load_tasks, some_of_each
from actionstudio_nb.evaluation.local import prompt_ids
from actionstudio_nb.models.generate import generate_replies
from actionstudio_nb.models.load import load_for_generation, smollm2
from actionstudio_nb.tokens.templates import load_tokenizer, stop_tokens

def one_by_one(model, tokenizer, prompts, max_new_tokens):
    "The reply to each prompt from Transformers' `generate`, one prompt at a time"
    stops = set(tokenizer.convert_tokens_to_ids(stop_tokens(tokenizer)))
    replies = []
    for ids in prompts:
        with torch.no_grad():
            out = model.generate(torch.tensor([ids], device=model.device), max_new_tokens=max_new_tokens, do_sample=False,
                repetition_penalty=1.0, eos_token_id=sorted(stops), pad_token_id=tokenizer.pad_token_id)
        new = out[0, len(ids):].tolist()
        end = next((i for i, token in enumerate(new) if token in stops), None)
        replies.append(tokenizer.decode(new[:end]))
    return replies

def timed(f, *args):
    "What a function returns, its seconds, and the seconds of all cores, which other processes do not lengthen"
    begun, cpu = time.perf_counter(), time.process_time()
    return f(*args), time.perf_counter() - begun, time.process_time() - cpu

@call_parse
def main(
    tasks: int = 24,           # Number of tasks
    bench: str = 'bfcl:simple_python,multiple,parallel,live_multiple', # See `load_tasks`
    model: str = None,         # Folder or id; SmolLM2 by default
    max_new_tokens: int = 96,  # Longest reply
    threads: int = 0,          # 0 for PyTorch's own choice
    differ: int = 0,           # Replies that may differ
):
    "Compare the two ways"
    if threads: torch.set_num_threads(threads)
    model = model or smollm2()
    tokenizer = load_tokenizer(model)
    every = load_tasks(bench)[0]
    some = some_of_each(every, -(-tasks // len({task.kind for task in every})))[:tasks]
    prompts = [prompt_ids(task, tokenizer) for task in some]
    lengths = sorted(map(len, prompts))
    print(f'{len(prompts)} prompts of {lengths[0]:,} to {lengths[-1]:,} tokens, {sum(lengths):,} in all; replies of at most '
        f'{max_new_tokens}; {torch.get_num_threads()} threads')
    loaded = load_for_generation(model)
    one_by_one(loaded, tokenizer, prompts[:1], 2) # Warm
    naive, naive_seconds, naive_cpu = timed(one_by_one, loaded, tokenizer, prompts, max_new_tokens)
    print(f'one by one: {naive_seconds:.1f} s, {len(prompts) / naive_seconds:.3f} tasks/s, {naive_cpu:.1f} s of CPU', flush=True)
    ours, seconds, cpu = timed(generate_replies, loaded, tokenizer, prompts, max_new_tokens)
    same = sum(a == b for a, b in zip(ours, naive))
    for a, b in zip(ours, naive):
        if a != b: print('differs:', repr(a[:200]), repr(b[:200]), sep='\n  ')
    print(f'together:   {seconds:.1f} s, {len(prompts) / seconds:.3f} tasks/s, {cpu:.1f} s of CPU')
    print(f'{naive_seconds / seconds:.2f} times as fast ({naive_cpu / cpu:.2f} by CPU), {same} of {len(prompts)} replies the same')
    sys.exit(0 if len(prompts) - same <= differ else 1)
