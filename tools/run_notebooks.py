"""Run notebooks from top to bottom and keep their outputs: python tools/run_notebooks.py nbs/00_core.ipynb [...]

Cells with a flag of `tst_flags` (slow, cuda, slurm, browser, net) are left as they are, outputs included, unless
`--flags slow,browser` names theirs. They get the tag `raises-exception`, so that JupyterLab's "Run All" continues after
one that lacks what it needs. Here, a cell that fails stops the notebook, which is then left unchanged.
"""
import argparse
import configparser
import os
import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

root = Path(__file__).resolve().parent.parent
settings = configparser.ConfigParser(delimiters=['='])
settings.read(root/'settings.ini')
known_flags = set(settings['DEFAULT']['tst_flags'].split())


def flags_of(cell):
    "The flags of a cell"
    return known_flags & set(re.findall(r'^#\s*\|\s*(\w+)', cell.source, re.MULTILINE))


def is_left_out(cell, flags):
    "Does a cell carry a flag that was not asked for, or is it never run?"
    return bool(flags_of(cell) - flags) or bool(re.search(r'^#\s*\|\s*eval:\s*false', cell.source, re.MULTILINE))


def kept(output):
    "Is an output worth keeping? Progress bars, and what libraries log to standard error, are not"
    if output.output_type == 'stream':
        output.text = re.sub(r'^\[\d{4}-\d\d-\d\d [^\n]*\[(WARNING|INFO)\].*\n?', '', output.text, flags=re.MULTILINE)
        return output.name == 'stdout' and output.text.strip()
    return '%|' not in output.get('data', {}).get('text/plain', '')


def run(path, flags):
    "Run one notebook and write it with its outputs."
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(notebook, timeout=None, kernel_name='python3', coalesce_streams=True,
        force_raise_errors=True, resources={'metadata': {'path': str(path.parent)}})
    with client.setup_kernel():
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type == 'code' and flags_of(cell): cell.metadata['tags'] = ['raises-exception']
            if cell.cell_type == 'code' and not is_left_out(cell, flags):
                client.execute_cell(cell, index)
                cell.execution_count = None
                cell.metadata.pop('execution', None)
                cell.outputs = [output for output in cell.outputs if kept(output)]
                for output in cell.outputs:
                    if output.output_type == 'execute_result': output.execution_count = None
    notebook.metadata = {'kernelspec': notebook.metadata.kernelspec}
    path.write_text(nbformat.writes(notebook, indent=1) + '\n', encoding='utf-8')


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('notebooks', nargs='+', type=Path)
    parser.add_argument('--flags', default='', help='run the cells with these flags, too, separated by commas')
    args = parser.parse_args()
    os.environ.setdefault('TQDM_DISABLE', '1')  # Progress bars leave traces in outputs
    failed = False
    for path in args.notebooks:
        try: run(path, set(filter(None, args.flags.split(','))))
        except CellExecutionError as e:
            failed = True
            print(f'{path}: {e}', file=sys.stderr)
        else: print(f'{path}: done')
    sys.exit(failed)
