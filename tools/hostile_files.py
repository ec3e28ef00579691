"""Hostile files and records for `tools/hostile.py`; each case writes a folder, and says what must come out of it.

A case is a function (folder, rng) → the number of records of the folder that `convert` must keep, or None where
anything may be kept. All other records must be counted, with a reason.
"""
import gzip, io, json, os, socket, tarfile, zipfile
from itertools import count
import pyarrow as pa, pyarrow.parquet as pq, zstandard

MB = 2**20
number = count()

def good(**more) -> dict:
    "A record that must be kept"
    n = next(number)
    return {'id': f'good-{n}', 'messages': [{'role': 'user', 'content': f'Please count to {n}.'}, {'role': 'assistant', 'content': f'That would take {n} seconds, so I will not.'}]} | more

def text(**more) -> str: return json.dumps(good(**more))

def chat(content) -> str:
    "A record whose user says something, as JSON text"
    return text()[:-1] + f', "said": {content}}}'

def call(arguments: str) -> str:
    "A record with a call whose arguments are this text"
    record = good(tools=[{'type': 'function', 'function': {'name': 'f', 'parameters': {'type': 'object', 'properties': {}}}}])
    record['messages'].insert(1, {'role': 'assistant', 'content': None, 'tool_calls': [{'id': 'a', 'type': 'function', 'function': {'name': 'f', 'arguments': arguments}}]})
    record['messages'].insert(2, {'role': 'tool', 'tool_call_id': 'a', 'content': 'done'})
    return json.dumps(record)

def nested(opening, depth, closing, inner='1'): return opening * depth + inner + closing * depth

planted = "__import__('os').system('touch PLANTED')"

# Texts of records; each comes first and second in a file of lines, and inside an array
records = {
    'deep list, 5,000': lambda: chat(nested('[', 5000, ']')),
    'deep list, 100,000': lambda: chat(nested('[', 100_000, ']')),
    'deep list, 8 million': lambda: nested('[', 8_000_000, ']'),
    'deep object, 3,000': lambda: chat(nested('{"a":', 3000, '}')),
    'deep object, 199': lambda: chat(nested('{"a":', 198, '}')),
    'deep list and object': lambda: chat(nested('[{"a":', 500, '}]')),
    'brackets never closed': lambda: '{"messages": ' + '[' * 200_000 + ']' * 100_000,
    'five million empty lists': lambda: chat('[' + '[],' * 5_000_000 + '1]'),
    'five million empty objects': lambda: chat('[' + '{},' * 5_000_000 + '1]'),
    'five million numbers': lambda: chat('[' + '1,' * 5_000_000 + '1]'),
    '150,000 numbers': lambda: chat('[' + '1.5,' * 150_000 + '1]'),
    'a million keys': lambda: chat('{' + ','.join(f'"{i}":0' for i in range(10**6)) + '}'),
    '60,000 messages': lambda: text(messages=[{'role': ('user', 'assistant')[i % 2], 'content': f'{i}'} for i in range(60_000)]),
    '60,000 calls in a message': lambda: text(messages=[{'role': 'user', 'content': 'Hi'}, {'role': 'assistant', 'tool_calls': [{'function': {'name': 'f', 'arguments': {}}}] * 15_000}]),
    '20,000 tools': lambda: text(tools=[{'name': f'tool_{i}'} for i in range(20_000)]),
    '60,000 blocks of content': lambda: text(messages=[{'role': 'user', 'content': [{'type': 'text', 'text': 'x'}] * 60_000}, {'role': 'assistant', 'content': 'Yes.'}]),
    '15 MB of text': lambda: text(messages=[{'role': 'user', 'content': 'word ' * (3 * MB)}, {'role': 'assistant', 'content': 'Yes.'}]),
    '15 MB of text with a smiley': lambda: json.dumps(good(messages=[{'role': 'user', 'content': 'word ' * (3 * MB) + '😀'}, {'role': 'assistant', 'content': 'Yes.'}]), ensure_ascii=False),
    '15 MB of escapes': lambda: chat('"' + '\\\\\\"' * (15 * MB // 4) + '"'),
    '15 MB of quotation marks': lambda: chat('"' * (15 * MB)),
    '30 MB of text': lambda: chat('"' + 'word ' * (6 * MB) + '"'),
    'a key of 5 MB': lambda: text()[:-1] + ', "' + 'k' * (5 * MB) + '": 1}',
    'a role of 5 MB': lambda: text(messages=[{'role': 'r' * (5 * MB), 'content': 'Hi'}]),
    'NaN': lambda: chat('NaN'), 'Infinity': lambda: chat('-Infinity'), '1e999': lambda: chat('1e999'),
    '1e-999': lambda: chat('1e-999'), '23 digits': lambda: chat('12345678901234567890123'),
    '23 digits as an argument': lambda: call('{"n": 12345678901234567890123}'),
    '10,000 digits': lambda: chat('1' * 10_000), 'a minus': lambda: chat('-'),
    'a NUL byte': lambda: chat('"a\0b"'), 'an escaped NUL': lambda: chat('"\\u0000"'),
    'an escaped NUL in the text': lambda: text(messages=[{'role': 'user', 'content': 'a\0b'}, {'role': 'assistant', 'content': 'Yes.'}]),
    'half a surrogate pair': lambda: chat('"\\ud800"'), 'two wrong halves': lambda: chat('"\\udc00\\ud800"'),
    'not UTF-8': lambda: chat('"caf\udce9"'), 'UTF-8, too long': lambda: chat('"\udcc0\udcaf"'),
    'equal keys': lambda: text()[:-1] + ', "id": "x", "id": "y"}',
    'a byte order mark': lambda: '\ufeff' + text(),
    'not an object': lambda: '5', 'null': lambda: 'null', 'a string': lambda: '"messages"', 'a list': lambda: '[[]]',
    'an empty object': lambda: '{}', 'an empty key': lambda: '{"": {"": ""}}', 'half a record': lambda: text()[:-20],
    'two records': lambda: text() + text(), 'garbage behind': lambda: text() + ' xyz',
    'a brace too many': lambda: text() + '}', 'single quotes': lambda: str(good()),
    'messages of numbers': lambda: text(messages=[1, 2]), 'messages of null': lambda: text(messages=None),
    'messages as text': lambda: text(messages=nested('[', 5000, ']')),
    'messages as text with millions of lists': lambda: text(messages='[' + '[],' * 3_000_000 + '[]]'),
    'tools as text, deep': lambda: text(tools=nested('[', 5000, ']')),
    'deep arguments': lambda: call(nested('{"a":', 3000, '}')), 'unclosed arguments': lambda: call('{"a":' * 10_000),
    'arguments of millions of lists': lambda: call('{"a": [' + '[],' * 3_000_000 + '[]]}'),
    'arguments that are code': lambda: call("{'a': " + planted + '}'),
    'arguments that are code, unquoted': lambda: call(planted),
    'terminal codes in a role': lambda: text(messages=[{'role': '\x1b]0;owned\x07\x9b2J', 'content': 'Hi'}]),
    'terminal codes in a key': lambda: json.dumps({'\x1b[2J\x1b[31m\r': 1, '\u202e': 2}),
    'terminal codes in the text': lambda: text(messages=[{'role': 'user', 'content': '\x1b[2J'}, {'role': 'assistant', 'content': '\x1b]52;c;aGk=\x07'}]),
    'a marker of an id': lambda: text(id='\x1b[2J' + 'x' * 100_000),
}
kept = {'deep object, 199', '150,000 numbers', '15 MB of text', '15 MB of text with a smiley', '15 MB of escapes', 'a key of 5 MB', '1e-999', 'NaN', 'Infinity', '23 digits', '23 digits as an argument', 'an escaped NUL', 'equal keys'}

def encoded(text: str) -> bytes: return text.encode(errors='surrogateescape')

def in_all_places(name, hostile):
    "The case of a record: in three files, among five good ones"
    def write(folder, rng):
        written = encoded(hostile())
        (folder/'first.jsonl').write_bytes(b'\n'.join([written, encoded(text())]))
        (folder/'second.jsonl').write_bytes(b'\n'.join([encoded(text()), written, encoded(text())]))
        (folder/'array.json').write_bytes(b'[' + b',\n'.join([encoded(text()), written, encoded(text())]) + b']')
        return 8 if name in kept else None if name in may_be_kept else 5 - (name in unclosed)
    write.records = 3
    return write
unclosed = {'brackets never closed', 'half a record'} # In an array, they take what follows them with them
# Records that a reader may well make something of
may_be_kept = {'60,000 messages', '60,000 calls in a message', '20,000 tools', '60,000 blocks of content', 'an escaped NUL in the text', 'unclosed arguments', 'terminal codes in the text', 'a marker of an id', 'messages as text', 'tools as text, deep', 'deep arguments', 'arguments of millions of lists', 'arguments that are code', 'arguments that are code, unquoted', 'a byte order mark', 'two records', 'messages of null', 'an empty object'}

def zipped(*parts: bytes) -> bytes: return b''.join(gzip.compress(part, 1) for part in parts)
def zstd(*parts: bytes) -> bytes: return b''.join(map(zstandard.compress, parts))
def lines(n: int) -> bytes: return encoded(''.join(text() + '\n' for _ in range(n)))

def file_case(name):
    "A case that writes one file, beside a good one; the function returns its bytes, or (bytes, records that are kept)"
    def decorate(f):
        def write(folder, rng):
            made = f(rng)
            content, expected = made if isinstance(made, tuple) else (made, 0)
            (folder/name).write_bytes(content)
            (folder/'z-good.jsonl').write_bytes(lines(2))
            return None if expected is None else 2 + expected
        cases[f.__name__.replace('_', ' ')] = write
        return f
    return decorate

cases = {f'record: {name}': in_all_places(name, hostile) for name, hostile in records.items()}

@file_case('a.jsonl.gz')
def gz_bomb_of_one_line(rng): return zipped(lines(3), b'{"a": "', *[b'x' * 16 * MB] * 4) + zipped(b'x' * 16 * MB) * 100, 3
@file_case('a.jsonl.zst')
def zst_bomb_of_one_line(rng): return zstd(lines(3), b'{"a": "') + zstd(b'x' * 16 * MB) * 100, 3
@file_case('a.json.gz')
def gz_bomb_of_one_element(rng): return zipped(b'[' + encoded(text()) + b', "') + zipped(b'x' * 16 * MB) * 100, 1
@file_case('a.json.gz')
def gz_bomb_of_brackets(rng): return zipped(b'[' * 16 * MB) * 100
@file_case('a.json.gz')
def gz_bomb_of_blanks(rng): return zipped(b' ' * 16 * MB) * 100
@file_case('a.jsonl.gz')
def gz_bomb_of_blank_lines(rng): return zipped(lines(3)) + zipped(b'\n' * 16 * MB) * 100, 3
@file_case('a.json.gz')
def gz_bomb_of_indented_lines(rng): return zipped(b'{\n') + zipped(b'"a": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\n' * (MB // 4)) * 8
@file_case('a.jsonl')
def line_of_40_MB_among_others(rng): return lines(2) + b'{"a": "' + b'x' * 40 * MB + b'"}\n' + lines(2), 4
@file_case('a.json')
def element_of_40_MB_among_others(rng): return b'[' + encoded(text()) + b', "' + b'x' * 40 * MB + b'", ' + encoded(text()) + b']', 2
@file_case('a.jsonl.gz')
def gz_cut(rng): return gzip.compress(lines(500))[:-300], None
@file_case('a.jsonl.zst')
def zst_cut(rng): return zstd(lines(500))[:-300], None
@file_case('a.jsonl.gz')
def gz_with_other_bytes(rng):
    content = bytearray(gzip.compress(lines(500)))
    for _ in range(20): content[rng.randrange(20, len(content))] = rng.randrange(256)
    return bytes(content), None
@file_case('a.jsonl.zst')
def zst_with_other_bytes(rng):
    content = bytearray(zstd(lines(500)))
    for _ in range(20): content[rng.randrange(10, len(content))] = rng.randrange(256)
    return bytes(content), None
@file_case('a.jsonl.zst')
def zst_that_is_none(rng): return rng.randbytes(1000)
@file_case('a.jsonl.gz')
def gz_that_is_none(rng): return rng.randbytes(1000)
@file_case('a.jsonl.zst')
def zst_with_a_window_of_2_GB(rng): return b'\x28\xb5\x2f\xfd\x00\xa8' + b'\x01\x00\x00'
@file_case('a.jsonl')
def random_bytes(rng): return rng.randbytes(100_000), None
@file_case('a.jsonl')
def zero_bytes(rng): return b'\0' * 10 * MB
@file_case('a.json')
def utf_16(rng): return text().encode('utf-16')
@file_case('a.json')
def utf_16_without_a_mark(rng): return text().encode('utf-16-le')
@file_case('a.json')
def utf_32(rng): return text().encode('utf-32')
@file_case('a.jsonl')
def utf_8_with_a_mark(rng): return b'\xef\xbb\xbf' + lines(3), 3
@file_case('a.json')
def empty_file(rng): return b''
@file_case('a.jsonl.gz')
def empty_gz(rng): return b''
@file_case('a.parquet')
def empty_parquet(rng): return b''
@file_case('a.json')
def array_with_one_NaN(rng): return b'[' + b', '.join([encoded(chat('NaN') if i == 10 else text()) for i in range(1000)]) + b']', 1000
@file_case('a.json')
def array_cut(rng): return b'[' + b', '.join([encoded(text()) for _ in range(50)])[:-9], 49
@file_case('a.json')
def array_without_an_end(rng): return b'[' + b', '.join([encoded(text()) for _ in range(50)]), 50
@file_case('a.json')
def array_with_braces_too_many(rng): return b'[' + b', '.join([encoded(text()) + b'}' * (i == 10) for i in range(50)]) + b']', 49
@file_case('a.json')
def array_with_nothing_between_commas(rng): return b'[,,' + encoded(text()) + b',,,' + encoded(text()) + b',]', 2
@file_case('a.json')
def array_of_arrays(rng): return b'[[' + encoded(text()) + b'],[' + encoded(text()) + b']]'
@file_case('a.json')
def several_arrays(rng): return b'[' + encoded(text()) + b']\n[' + encoded(text()) + b'] []' + encoded(text()), 3
@file_case('a.json')
def array_and_garbage(rng): return b'[' + encoded(text()) + b'] and so on ]]]}}}', 1
@file_case('a.json')
def indented_objects(rng): return b''.join(json.dumps(good(), indent=2).encode() + b'\n' for _ in range(20)), 20
@file_case('a.json')
def indented_object_with_NaN(rng): return json.dumps(good(loss=float('nan')), indent=2).encode() + b'\n' + json.dumps(good(), indent=2).encode(), 2
@file_case('a.json')
def indented_object_of_40_MB(rng): return json.dumps(good(x=['y' * 1000] * 40_000), indent=2).encode() + b'\n' + json.dumps(good(), indent=2).encode(), 1
@file_case('a.jsonl')
def first_line_cut(rng): return encoded(text())[:-9] + b'\n' + lines(500), 500
@file_case('a.json')
def half_a_million_records_by_id(rng): return encoded('{' + ','.join(f'"{i}":{{"a":1}}' for i in range(500_000)) + '}'), None
@file_case('a.jsonl')
def half_a_million_turns(rng): return b'{"role": "User", "text": "Hi"}\n' * 500_000, None
@file_case('a.jsonl')
def two_hundred_thousand_damaged_lines(rng): return b'{"a"\n' * 20_000, None

@file_case('a.jsonl')
def long_chain_of_responses(rng): return b''.join(response(i, i - 1) for i in range(100_000)), None
@file_case('a.jsonl')
def fan_of_responses(rng): return b''.join(response(i, min(i, 10_000) - 1) for i in range(20_000)), None
cases['fan of responses'].records = 13 # As many as are made
@file_case('a.jsonl')
def ring_of_responses(rng): return b''.join(response(i, (i - 1) % 5000) for i in range(5000)), None
@file_case('a.jsonl')
def unknown_records_with_long_keys(rng): return b'{"%s": 1}\n' % (b'k' * MB) * 10

def response(i, before) -> bytes:
    "A line of a log"
    return encoded(json.dumps({'id': f'r{i}', 'object': 'response', 'previous_response_id': f'r{before}' if before >= 0 else None, 'output': [{'type': 'message', 'role': 'assistant', 'content': [{'type': 'output_text', 'text': 'Yes.'}]}]}) + '\n')

def zip_of(members, kind=zipfile.ZIP_DEFLATED) -> bytes:
    "A zip archive of (name, content)"
    made = io.BytesIO()
    with zipfile.ZipFile(made, 'w', kind) as z:
        for name, content in members: z.writestr(name, content)
    return made.getvalue()

def tar_of(members, mode='w:gz') -> bytes:
    "A tar archive of (header, content)"
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode, format=tarfile.GNU_FORMAT) as t:
        for header, content in members: t.addfile(header, io.BytesIO(content))
    return made.getvalue()

def header(name, size=0, **fields):
    made = tarfile.TarInfo(name)
    made.size = size
    for k, v in fields.items(): setattr(made, k, v)
    return made

def changed(content: bytes, rng, n=20) -> bytes:
    content = bytearray(content)
    for _ in range(n): content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)

@file_case('a.zip')
def zip_bomb_of_one_line(rng): return zip_of([('a.jsonl', b'{"a": "' + b'x' * 200 * MB), ('b.jsonl', lines(3))]), 3
@file_case('a.zip')
def zip_bomb_of_brackets(rng): return zip_of([('a.json', b'[' * 200 * MB), ('b.jsonl', lines(3))]), 3
@file_case('a.zip')
def zip_with_a_damaged_member(rng):
    content = zip_of([('a.jsonl', lines(1)), ('b.jsonl', lines(2))], zipfile.ZIP_STORED)
    return content.replace(b'Please', b'PLEASE', 1), 2 # The wrong checksum is seen at the end
@file_case('a.zip')
def zip_with_names_that_lead_outside(rng): return zip_of([(n, lines(1)) for n in ('../PLANTED.jsonl', '/tmp/PLANTED.jsonl', 'a/../../b.jsonl', '\x1b[2J.jsonl', 'c:\\d.jsonl', './e.jsonl', '.f.jsonl', 'g/.h.jsonl')]), 6
@file_case('a.zip')
def zip_with_a_password(rng): return zip_of([('a.jsonl', lines(1))]).replace(b'\0\0\x08\0', b'\1\0\x08\0')
@file_case('a.zip')
def zip_of_100_000_files(rng): return zip_of(((f'{i}.txt', b'') for i in range(100_000)), zipfile.ZIP_STORED)
@file_case('a.zip')
def zip_in_a_zip(rng): return zip_of([('a.zip', zip_of([('a.jsonl', lines(1))])), ('b.jsonl', lines(1))]), 1
@file_case('a.zip')
def zip_that_is_none(rng): return rng.randbytes(1000)
@file_case('a.tgz')
def tar_with_links_and_devices(rng):
    kinds = dict(a=tarfile.SYMTYPE, b=tarfile.LNKTYPE, c=tarfile.CHRTYPE, d=tarfile.FIFOTYPE, e=tarfile.DIRTYPE)
    return tar_of([(header(f'{n}.jsonl', type=k, linkname='/etc/passwd'), b'') for n, k in kinds.items()] + [(header('../PLANTED.jsonl', len(line := lines(1))), line)]), 1
@file_case('a.tgz')
def tar_bomb_of_one_line(rng): return tar_of([(header('a.jsonl', 200 * MB), b'x' * 200 * MB), (header('b.jsonl', len(line := lines(1))), line)]), 1
@file_case('a.tgz')
def tar_bomb_of_a_name(rng): return zipped(header('x', 2**33, type=tarfile.GNUTYPE_LONGNAME).tobuf(tarfile.GNU_FORMAT)) + zipped(b'x' * 16 * MB) * 400
@file_case('a.tgz')
def tar_bomb_of_attributes(rng): return zipped(header('x', 2**33, type=tarfile.XHDTYPE).tobuf(tarfile.GNU_FORMAT)) + zipped(b'1' * 16 * MB) * 400
@file_case('a.tgz')
def tar_bomb_of_holes(rng):
    first = bytearray(header('x', 2**33, type=tarfile.GNUTYPE_SPARSE).tobuf(tarfile.GNU_FORMAT))
    first[482] = 1 # Its map goes on
    return zipped(bytes(first)) + zipped(b'00000000001\0' * (16 * MB // 12)) * 400
for kind in ('zip', 'tar.gz', 'tar.bz2', 'tar.xz'):
    def damaged(rng, kind=kind):
        members = [(f'{i}.jsonl', lines(50)) for i in range(5)]
        whole = zip_of(members) if kind == 'zip' else tar_of([(header(n, len(c)), c) for n, c in members], f'w:{kind[4:]}')
        return changed(whole, rng, 3), None
    for i in range(5):
        damaged.__name__ = f'{kind}_with_other_bytes_{i}'
        file_case(f'a.{kind}')(damaged)

def table(**columns) -> bytes:
    "A Parquet file"
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, compression='zstd')
    return sink.getvalue().to_pybytes()

def turns(n): return pa.array([good()['messages'] for _ in range(n)])

@file_case('a.parquet')
def parquet(rng): return table(messages=turns(50)), 50
@file_case('a.parquet')
def parquet_cut(rng): return table(messages=turns(50))[:-100]
@file_case('a.parquet')
def parquet_with_other_bytes(rng):
    content = bytearray(table(messages=turns(500)))
    for _ in range(20): content[rng.randrange(4, len(content) - 8)] = rng.randrange(256)
    return bytes(content), None
@file_case('a.parquet')
def parquet_with_other_bytes_at_its_end(rng):
    content = bytearray(table(messages=turns(500)))
    for _ in range(9): content[-rng.randrange(9, 900)] = rng.randrange(256)
    return bytes(content), None
@file_case('a.parquet')
def parquet_bomb(rng): return table(messages=turns(20), x=pa.DictionaryArray.from_arrays([0] * 20, ['x' * 10 * MB])), 20
cases['parquet bomb'].records = 20
@file_case('a.parquet')
def parquet_with_odd_values(rng):
    odd = dict(at=pa.array([2**39] + [0] * 9, pa.timestamp('s')), map=pa.array([[(1, 'x')]] * 10, pa.map_(pa.int64(), pa.string())), bytes=pa.array([b'\xff'] * 10), nan=pa.array([float('nan')] * 10))
    return table(messages=turns(10), **odd), 9
@file_case('a.parquet')
def parquet_that_is_deep(rng):
    kind = pa.int64()
    for _ in range(90): kind = pa.list_(kind)
    return table(messages=turns(2), x=pa.nulls(2, kind)), None

def folder_case(f):
    "A case that fills a folder itself, beside a file of two good records"
    def write(folder, rng):
        (folder/'z-good.jsonl').write_bytes(lines(2))
        return 2 + (f(folder) or 0)
    cases[f.__name__.replace('_', ' ')] = write
    return write

@folder_case
def names_that_are_not_utf_8(folder):
    for name in (b'caf\xe9.jsonl', b'\xff\xfe.json', b'\xed\xa0\x80.jsonl'):
        with open(os.fsencode(folder) + b'/' + name, 'wb') as f: f.write(lines(1))
    return 3
@folder_case
def names_with_terminal_codes(folder):
    for name in ('\x1b[2J.jsonl', 'a\nb.jsonl', '\u202etxt.exe.jsonl', '\x9b31m.jsonl'): (folder/name).write_bytes(lines(1) + b'{broken')
    return 4
@folder_case
def a_folder_with_a_name_that_is_not_utf_8(folder):
    os.mkdir(os.fsencode(folder) + b'/caf\xe9')
    with open(os.fsencode(folder) + b'/caf\xe9/a.jsonl', 'wb') as f: f.write(lines(1))
    return 1
@folder_case
def links_in_circles(folder):
    (folder/'a.jsonl').symlink_to('b.jsonl')
    (folder/'b.jsonl').symlink_to('a.jsonl')
    (folder/'inner').symlink_to('.')
    (folder/'outer').symlink_to('..')
@folder_case
def links_to_nothing_and_far_away(folder):
    (folder/'a.jsonl').symlink_to('nowhere.jsonl')
    (folder/'b').symlink_to('/')
    (folder/'c.jsonl').symlink_to('/etc')
@folder_case
def pipes_sockets_and_devices(folder):
    os.mkfifo(folder/'a.jsonl')
    here = os.getcwd()
    os.chdir(folder) # The path of a socket must be short
    with socket.socket(socket.AF_UNIX) as s: s.bind('b.jsonl')
    os.chdir(here)
    for name in ('zero', 'random', 'null', 'tty'): (folder/f'{name}.jsonl').symlink_to(f'/dev/{name}')
    (folder/'pipe.parquet').symlink_to('a.jsonl')
@folder_case
def files_that_cannot_be_read(folder):
    (folder/'a.jsonl').symlink_to('/proc/self/mem')
    (folder/'b.jsonl').touch(mode=0)
    (folder/'c').mkdir()
    (folder/'c'/'d.jsonl').write_bytes(lines(1))
    (folder/'c').chmod(0)
@folder_case
def answers_that_are_damaged(folder):
    (folder/'possible_answer').mkdir()
    (folder/'possible_answer'/'z-good.jsonl').write_text('{"id": [1], "ground_truth": 5}\n[]\n{')
@folder_case
def a_folder_named_like_a_file(folder):
    (folder/'a.jsonl').mkdir()
    (folder/'a.jsonl'/'b.jsonl').write_bytes(lines(1))
    return 1
@folder_case
def three_hundred_folders_deep(folder):
    deep = folder/'/'.join('d' * 300)
    deep.mkdir(parents=True)
    (deep/'a.jsonl').write_bytes(lines(1))
    return 1
