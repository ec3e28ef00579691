"""Check that settings.ini declares what the package imports, and nothing else.

Prints a line for each package that is imported and not declared, or declared and not imported; exit code 1 if there is one.
--constraints writes constraints.txt: the version of each declared package that is installed here, the set that was tested.
--newest prints the declared packages without their upper bounds, for an installation that tries the newest of each.
"""
import argparse
import ast
import configparser
import json
import re
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from imports import code_cells
from IPython.core.inputtransformer2 import TransformerManager

root = Path(__file__).resolve().parent.parent
package = 'actionstudio_nb'
groups = ('requirements', 'train_requirements', 'gpu_requirements', 'dev_requirements')

# Declared although nothing imports them
not_imported = {
    'execnb': 'nbdev 2.4.14 works with this release of it',
    'ghapi': 'nbdev 2.4.14 works with this major of it',
    'jupyterlab': 'its command is run, by people and by the test of the widgets',
    'tensorboard': 'Accelerate and TRL import it if a config says `report_to: tensorboard`',
    'smalldocs': 'its command is run: smalldocs render',
}
# Files of the package that developers alone use
for_developers = {'actionstudio_nb/docs.py'}
# Where the name on the package index is not that of the module
names = {'PIL': 'pillow', 'yaml': 'pyyaml', 'IPython': 'ipython'}


def normal(name): return re.sub('[-_.]+', '-', name).lower()


def declared():
    "For each package of settings.ini, in normal form: its requirement and its group"
    settings = configparser.ConfigParser(delimiters=['='])
    settings.read(root/'settings.ini', encoding='utf-8')
    lines = [(line, group) for group in groups for line in settings['DEFAULT'][group].split()]
    return {normal(re.match(r'[\w.-]+', line)[0]): (line, group) for line, group in lines}


def modules_of(source):
    "Top-level modules that a piece of code imports"
    source = TransformerManager().transform_cell(re.sub(r'^%%(time|timeit|capture)\b.*\n', '', source))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import): yield from (alias.name.split('.')[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module and not node.level: yield node.module.split('.')[0]


def imported():
    "For each module that is imported: the files that import it, those of the package first"
    sources = [(file, file.read_text(encoding='utf-8')) for file in sorted((root/package).rglob('*.py'))]
    sources += [(file, cell) for file in sorted((root/'nbs').rglob('*.ipynb')) if '.ipynb_checkpoints' not in file.parts
        for cell in code_cells(file)]
    sources += [(file, file.read_text(encoding='utf-8')) for file in sorted((root/'tools').glob('*.py'))]
    found = {}
    for file, source in sources:
        for name in modules_of(source): found.setdefault(name, []).append(file)
    own = {package, *(file.stem for file in (root/'tools').glob('*.py'))}
    return {name: files for name, files in found.items() if name not in sys.stdlib_module_names and name not in own}


def faults():
    "A line for each package that is only declared, or only imported, or declared for the wrong group"
    installed, wanted, used = packages_distributions(), declared(), set()
    for module, files in sorted(imported().items()):
        package_names = {normal(name) for name in installed.get(module, [names.get(module, module)])}
        used |= package_names
        known = sorted(package_names & wanted.keys())
        first = files[0].relative_to(root)
        if not known: yield f'{first} imports {module}, which settings.ini does not declare'
        elif first.parts[0] == package and first.as_posix() not in for_developers and wanted[known[0]][1] == 'dev_requirements':
            yield f'{first} imports {module}, which settings.ini declares for developers only'
    for name in sorted(wanted.keys() - used - not_imported.keys()): yield f'settings.ini declares {name}, which nothing imports'
    for name in sorted(not_imported.keys() & used): yield f'tools/dependencies.py calls {name} not imported, but it is'
    for name in sorted(not_imported.keys() - wanted.keys()): yield f'tools/dependencies.py explains {name}, which settings.ini does not declare'


def constraints():
    "The content of constraints.txt"
    yield '# The versions of the packages in settings.ini that everything was tested with together.'
    yield '# Written by `python tools/dependencies.py --constraints`; used by .github/workflows/test.yml.'
    for name in sorted(declared()):
        try: yield f'{name}=={version(name).partition("+")[0]}'
        except PackageNotFoundError: yield f'# {name} was not installed'


def newest():
    "Requirements without upper bounds; what is pinned to one release stays so"
    for line, group in declared().values():
        if group in ('requirements', 'dev_requirements'):
            yield line if '==' in line or line.startswith(('ghapi', 'fastcore')) else re.sub(r',?<[\d.]+', '', line)


if __name__ == '__main__':
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--constraints', action='store_true', help='write constraints.txt')
    parser.add_argument('--newest', action='store_true', help='print the declared packages without their upper bounds')
    args = parser.parse_args()
    if args.newest: print(*newest(), sep='\n')
    elif args.constraints: (root/'constraints.txt').write_text('\n'.join(constraints()) + '\n', encoding='utf-8')
    else:
        lines = list(faults())
        for line in lines: print(line)
        print(f'{len(declared())} packages declared, {len(lines)} faults')
        sys.exit(1 if lines else 0)
