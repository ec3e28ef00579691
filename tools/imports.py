"Check that each notebook imports only notebooks with a smaller number; prints `file imports file` for each that does not."
import ast
import json
import re
import sys
from pathlib import Path
from IPython.core.inputtransformer2 import TransformerManager

root = Path(__file__).resolve().parent.parent
package = 'actionstudio_nb'


def code_cells(file):
    "The source of each code cell, exported or not."
    cells = json.loads(file.read_text(encoding='utf-8'))['cells']
    return [''.join(cell['source']) for cell in cells if cell['cell_type'] == 'code']


def module_of(file):
    "The module that a notebook exports, or None."
    found = re.search(r'^#\s*\|\s*default_exp\s+(\S+)', '\n'.join(code_cells(file)), re.MULTILINE)
    return found and f'{package}.{found[1]}'


def imported_names(source, file):
    "The dotted names that a cell of `file` may import, including submodules that are written `from package import name`."
    source = re.sub(r'^%%(time|timeit|capture)\b.*\n', '', source)
    for node in ast.walk(ast.parse(TransformerManager().transform_cell(source), file.name)):
        if isinstance(node, ast.Import): yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f'{node.module}.{alias.name}' for alias in node.names)


def number(file):
    "A notebook's number and letter; a notebook without a number (index, tutorials) comes after all others."
    found = re.match(r'(\d+)([a-z]?)_', file.name)
    return (int(found[1]), found[2]) if found and file.parent == root/'nbs' else (10**6, '')


def faults(files):
    "A line for each import of a notebook whose number is not smaller."
    modules = {module_of(file): file for file in files if module_of(file)}
    for file in files:
        names = {name for source in code_cells(file) for name in imported_names(source, file)}
        for imported in sorted(modules[name] for name in names if name in modules):
            if number(imported) >= number(file):
                yield f'{file.relative_to(root)} imports {imported.relative_to(root)}'


if __name__ == '__main__':
    files = [file for file in sorted((root/'nbs').rglob('*.ipynb')) if '.ipynb_checkpoints' not in file.parts]
    lines = list(faults(files))
    for line in lines: print(line)
    sys.exit(1 if lines else 0)
