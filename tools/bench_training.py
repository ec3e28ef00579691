"""Useful tokens per second of one training epoch, four ways, on the same trajectories and model:

    python tools/bench_training.py TRAJECTORIES.jsonl --model FOLDER [--take 10] [--few 2] [--row 32768]

- rows as forests, shared prefixes computed once
- rows as forests, nothing shared
- TRL's SFTTrainer, packed, with the loss on assistant tokens only
- a sample for each assistant turn, padded to 8,192, as the original ActionStudio trained

The `--take` shortest trajectories are used; useful tokens are theirs, each counted once. The two slow ways run on
the `--few` first of them (the last one on a single slice, whose time is multiplied). All compute in fp32 on a CPU or bf16
on a GPU, with activations recomputed in the backward pass, and take one optimizer step for each row.
"""
import argparse, json, tempfile, time
import torch
from accelerate import Accelerator
from actionstudio_nb.training.config import make_config
from actionstudio_nb.training.build import build_model, build_optimizer
from actionstudio_nb.tokens.packing import pack
from actionstudio_nb.tokens.render import render
from actionstudio_nb.tokens.templates import load_tokenizer
from actionstudio_nb.tokens.served import prompt_text
from actionstudio_nb.models.attention import check_layers # Makes `forest` known to Transformers
from actionstudio_nb.training.steps import train_step
from actionstudio_nb.tokens.trees import TokenTree
from actionstudio_nb.unified import read_trajectories

p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
p.add_argument('data')
p.add_argument('--model', required=True)
p.add_argument('--take', type=int, default=10)
p.add_argument('--few', type=int, default=2)
p.add_argument('--row', type=int, default=32768)
args = p.parse_args()

precision = 'bf16' if torch.cuda.is_available() else 'fp32'
tokenizer = load_tokenizer(args.model)
trajectories = sorted((t for _, t in read_trajectories(args.data)), key=lambda t: len(str(t.messages())))[:args.take]
trees = [render(t, tokenizer) for t in trajectories]
few, tokens = trajectories[:args.few], sum(map(len, trees))
few_tokens = sum(map(len, trees[:args.few]))
longest = max(t.longest() for t in trees)
print(f'{len(trees)} trajectories of {tokens:,} tokens, the longest path {longest:,}; the slow ways take {len(few)} of {few_tokens:,}')


def forest(share, row_length):
    "Seconds for one epoch over all trees, and the positions computed"
    config = make_config(dict(model=args.model, data='x', output_dir='x', max_length=row_length, row_length=row_length,
        activation_checkpointing=True, learning_rate=1e-5))
    rows = pack(trees, row_length, share)
    model = build_model(config, attention_name='forest')
    accelerator = Accelerator(cpu=precision == 'fp32', mixed_precision='no' if precision == 'fp32' else 'bf16')
    model, optimizer = accelerator.prepare(model, build_optimizer(model, config))
    model.train()
    warm = TokenTree()
    warm.insert(list(range(200)), [0.0] + [1.0] * 199)
    train_step(accelerator, model, optimizer, pack([warm], 200), 0.0, 1.0)
    start = time.perf_counter()
    for row in rows: train_step(accelerator, model, optimizer, [row], 1e-5, 1.0)
    return time.perf_counter() - start, sum(map(len, rows))


def trl():
    "Seconds for one epoch over the first trajectories"
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, TrainerCallback
    from trl import SFTConfig, SFTTrainer
    rows = [dict(messages=json.dumps(t.messages()), tools=json.dumps(t.tool_schemas())) for t in few]
    data = Dataset.from_list([dict(messages=r['messages'], tools=r['tools']) for r in rows])
    data = data.map(lambda r: tokenize(r, rows), remove_columns=data.column_names)
    out = tempfile.mkdtemp()
    config = SFTConfig(output_dir=out, packing=True, max_length=16384, per_device_train_batch_size=1, num_train_epochs=1,
        gradient_checkpointing=True, use_cpu=precision == 'fp32', bf16=precision == 'bf16', report_to=[], logging_steps=1,
        learning_rate=1e-5, save_strategy='no', disable_tqdm=True)
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
    class Clock(TrainerCallback):
        def on_train_begin(self, *a, **k): self.start = time.perf_counter()
        def on_train_end(self, *a, **k): self.seconds = time.perf_counter() - self.start
    clock = Clock()
    SFTTrainer(model, args=config, train_dataset=data, processing_class=tokenizer, callbacks=[clock]).train()
    return clock.seconds


def tokenize(row, rows):
    "Token ids with TRL's own mask of the assistant's tokens"
    from trl.chat_template_utils import get_training_chat_template
    found = tokenizer.apply_chat_template(json.loads(row['messages']), tools=json.loads(row['tools']), tokenize=True,
        return_dict=True, return_assistant_tokens_mask=True, chat_template=get_training_chat_template(tokenizer))
    return dict(input_ids=found['input_ids'], assistant_masks=found['assistant_masks'])


def slices(length=8192):
    "Seconds for the padded slices of the first trajectories, from two of them"
    from transformers import AutoModelForCausalLM
    model = AutoModelForCausalLM.from_pretrained(args.model, dtype=torch.float32)
    model.gradient_checkpointing_enable() if not hasattr(model, 'activation_checkpointing_enable') else model.activation_checkpointing_enable()
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    turns = [(t, i) for t in few for i, m in enumerate(t.conversation) if m.role == 'assistant']
    t, i = turns[len(turns) // 2]
    ids = tokenizer(prompt_text(t, tokenizer, i), add_special_tokens=False).input_ids[:length]
    padded = torch.tensor([ids + [tokenizer.pad_token_id] * (length - len(ids))])
    mask = torch.tensor([[1] * len(ids) + [0] * (length - len(ids))])
    start = time.perf_counter()
    model(input_ids=padded, attention_mask=mask, labels=padded.masked_fill(mask == 0, -100), use_cache=False).loss.backward()
    optimizer.step()
    return (time.perf_counter() - start) * len(turns), len(turns) * length


def show(name, useful, positions, seconds):
    print(f'{name:22}{positions:12,}{seconds:10,.0f}{useful / seconds:18,.1f}', flush=True)
    return useful / seconds


print(f"{'':22}{'positions':>12}{'seconds':>10}{'useful tokens/s':>18}")
seconds, positions = forest(True, args.row)
shared = show('forest rows, shared', tokens, positions, seconds)
seconds, positions = forest(False, longest)
plain = show('forest rows', tokens, positions, seconds)
peer = show('TRL, packed', few_tokens, few_tokens, trl())
seconds, positions = slices()
padded = show('padded slices', few_tokens, positions, seconds)
print(f'against TRL: {shared / peer:.2f} shared, {plain / peer:.2f} unshared, {padded / peer:.2f} padded; '
    f'sharing alone {shared / plain:.2f}')
