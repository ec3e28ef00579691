"""Write README.md from nbs/index.ipynb.

--check writes nothing and fails when README.md is out of step; --commands prints the commands of its section "Two commands".
"""
import json
import re
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
directive = re.compile(r'#\s*\|\s*(\S+)')
link = re.compile(r'\]\((?!\w+:|#|/)')  # To a file beside index.ipynb


def output_text(output):
    "What one output of a code cell shows as plain text, or as Markdown if it is Markdown."
    if output['output_type'] == 'stream': return indent(''.join(output['text']))
    if output['output_type'] == 'error': return indent(f"{output['ename']}: {output['evalue']}")
    if 'text/markdown' in output['data']: return ''.join(output['data']['text/markdown'])
    return indent(''.join(output['data'].get('text/plain', '')))


def indent(text):
    "`text` as an indented block."
    return '\n'.join('    ' + line if line else '' for line in text.rstrip().split('\n'))


def cell_text(cell):
    "One cell as the parts of README.md that it gives."
    source = ''.join(cell['source'])
    if cell['cell_type'] == 'markdown': return [link.sub('](nbs/', source)]
    if cell['cell_type'] != 'code': return []
    lines = source.split('\n')
    if any((found := directive.match(line)) and found[1] == 'hide' for line in lines): return []
    code = '\n'.join(line for line in lines if not directive.match(line)).strip()
    return [f'```python\n{code}\n```' if code else ''] + [output_text(output) for output in cell['outputs']]


def readme():
    "The text of README.md."
    notebook = json.loads((root/'nbs/index.ipynb').read_text(encoding='utf-8'))
    parts = [part.strip('\n') for cell in notebook['cells'] for part in cell_text(cell)]
    return '\n\n'.join(part for part in parts if part.strip()) + '\n'


def commands(text):
    "The commands that README.md gives a newcomer, one a line."
    section = text.partition('## Two commands')[2].partition('\n## ')[0]
    return ''.join(re.findall(r'^```sh\n(.*?)^```', section, re.DOTALL | re.MULTILINE))


if __name__ == '__main__':
    file = root/'README.md'
    if sys.argv[1:] == ['--commands']: print(commands(file.read_text(encoding='utf-8')), end='')
    elif sys.argv[1:] != ['--check']: file.write_text(readme(), encoding='utf-8')
    elif not file.exists() or file.read_text(encoding='utf-8') != readme():
        sys.exit('README.md is out of step with nbs/index.ipynb: run python tools/readme.py')
