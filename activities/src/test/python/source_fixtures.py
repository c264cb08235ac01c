"""Archives whose images are easily lost, and what unpacking each gives.

  python3 source_fixtures.py ../resources/dataset

needs GNU tar, gzip, bzip2, xz, zstd, zip and unzip. Image i is 8 x 8 pixels of red i. Beside each archive NAME stands
NAME.expected: a line "NAME-IN-HEX RED" per image that is there once tar or unzip (or, for encrypted and repeated
entries of a zip, Python's zipfile) have unpacked it and links are followed, in the order of the decoded names.
"""
import os, shutil, struct, subprocess, sys, tarfile, tempfile, zipfile, zlib

out = os.path.abspath(sys.argv[1])
work = tempfile.mkdtemp()
TIME = 1_600_000_000


def png(red):
    def chunk(kind, data):
        return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))
    rows = b''.join(b'\0' + bytes([red, 0, 0]) * 8 for _ in range(8))
    return (b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack('>IIBBBBB', 8, 8, 8, 2, 0, 0, 0))
            + chunk(b'IDAT', zlib.compress(rows, 9)) + chunk(b'IEND', b''))


REDS = {png(i): i for i in range(100)}


def write(path, red):
    path = os.fsencode(path)
    os.makedirs(os.path.dirname(path) or b".", exist_ok=True)
    with open(path, 'wb') as f:
        f.write(png(red))


def fresh(name):
    path = os.path.join(work, name)
    os.makedirs(path)
    os.chdir(path)
    return path


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def images(root):
    """Names below a folder as bytes, links followed but for those to a folder that they lie in."""
    found = {}

    def walk(folder, above):
        for entry in os.listdir(folder):
            path = os.path.join(folder, entry)
            real = os.path.realpath(path)
            if os.path.isdir(path):
                if real not in above:
                    walk(path, above + [real])
            elif os.path.isfile(path) and path.endswith(b'.png'):
                red = REDS.get(open(path, 'rb').read())
                if red is not None:
                    found[os.path.relpath(path, root)] = red
    root = os.fsencode(root)
    walk(root, [os.path.realpath(root)])
    return found


def expect(name, found):
    with open(os.path.join(out, name + '.expected'), 'w') as f:
        for key in sorted(found, key=os.fsdecode):
            f.write('%s %d\n' % (key.hex(), found[key]))


def expect_unpacked(name, *command):
    folder = fresh('unpacked-' + name)
    run(*command)
    expect(name, images(folder))


def tar(name, *more):
    run('tar', '--sort=name', '--owner=0', '--group=0', '--mtime=@%d' % TIME, *more, '-cf', os.path.join(out, name), '.')
    expect_unpacked(name, 'tar', '-xf', os.path.join(out, name))


# Hard links, also of a link.
fresh('hard')
for i in range(4):
    write('d/a%d.png' % i, i)
    os.link('d/a%d.png' % i, 'd/b%d.png' % i)
os.link('d/a0.png', 'e0.png')
tar('hard.tar')
tar('hard-pax.tar', '--format=pax')

# Symbolic links to files, folders, links, through linked folders, round in a circle, out, and nowhere.
fresh('soft')
for i in range(3):
    write('real/x%d.png' % i, 10 + i)
write('other/deep/y.png', 20)
os.makedirs('d')
os.symlink('../real/x0.png', 'd/one.png')
os.symlink('one.png', 'd/two.png')
os.symlink('../real', 'd/folder')
os.symlink('folder/x1.png', 'd/through.png')
os.symlink('../../d', 'other/deep/d')
os.symlink('..', 'real/up')
os.symlink('round2.png', 'round1.png')
os.symlink('round1.png', 'round2.png')
os.symlink('missing.png', 'broken.png')
os.symlink('../../../../elsewhere/x.png', 'd/leaves.png')
os.symlink('/nowhere/x.png', 'd/absolute.png')
tar('soft.tar')
run('zip', '-q', '-y', '-X', '-r', os.path.join(out, 'soft.zip'), '.')
expect_unpacked('soft.zip', 'unzip', '-q', os.path.join(out, 'soft.zip'))

# Names that are no UTF-8 and decode alike, and some that are.
names = [b'd/\xe4.png', b'd/\xf6.png', b'd/\xfc.png', b'd/\x83\x41.png', b'd/\x83\x42.png', 'd/ä.png'.encode(), b'd/a.png']
fresh('names')
for i, name in enumerate(names):
    write(name, 30 + i)
tar('names.tar')
tar('names-ustar.tar', '--format=ustar')
with tarfile.open(os.path.join(out, 'names-python.tar'), 'w', format=tarfile.PAX_FORMAT) as t:
    t.add('d')
expect_unpacked('names-python.tar', 'tar', '-xf', os.path.join(out, 'names-python.tar'))
os.chdir(os.path.join(work, 'names'))
run('zip', '-q', '-X', '-r', os.path.join(out, 'names.zip'), '.')
expect('names.zip', {name: 30 + i for i, name in enumerate(names)})

# Longer names than a header has room for.
fresh('long')
for i in range(3):
    write('%s/%s%d.png' % ('f' * 120, 'g' * 180, i), 40 + i)
tar('long.tar')
tar('long-pax.tar', '--format=pax')

# A name twice: the last counts.
fresh('repeated')
for i in range(3):
    write('d/x%d.png' % i, 50 + i)
os.link('d/x0.png', 'd/z.png')
run('tar', '--sort=name', '--mtime=@%d' % TIME, '-cf', os.path.join(out, 'repeated.tar'), 'd')
for i in range(3):
    os.remove('d/x%d.png' % i)
    write('d/x%d.png' % i, 60 + i)
run('tar', '--sort=name', '--mtime=@%d' % TIME, '-rf', os.path.join(out, 'repeated.tar'), 'd/x0.png', 'd/x1.png', 'd/x2.png')
expect_unpacked('repeated.tar', 'tar', '-xf', os.path.join(out, 'repeated.tar'))
with zipfile.ZipFile(os.path.join(out, 'repeated.zip'), 'w') as z:
    for red in (50, 60):
        for i in range(3):
            z.writestr(zipfile.ZipInfo('d/x%d.png' % i), png(red + i))
with zipfile.ZipFile(os.path.join(out, 'repeated.zip')) as z:
    expect('repeated.zip', {name.encode(): REDS[z.read(name)] for name in set(z.namelist())})

# A file with more holes than a header has room for, which is not read, before one that is.
fresh('sparse')
with open('a.png', 'wb') as f:
    for i in range(30):
        f.seek(8192 * i)
        f.write(b'x' * 512)
write('b.png', 90)
for name, more in (('sparse.tar', []), ('sparse-pax.tar', ['--format=pax'])):
    tar(name, '--sparse', '--hole-detection=raw', *more)

# Encrypted entries, some and all.
fresh('encrypted')
for i in range(6):
    write('d/x%d.png' % i, 70 + i)
for name, plain in (('encrypted-part.zip', 3), ('encrypted-all.zip', 0)):
    if plain:
        run('zip', '-q', '-X', os.path.join(out, name), *['d/x%d.png' % i for i in range(plain)])
    run('zip', '-q', '-X', '-P', 'secret', os.path.join(out, name), *['d/x%d.png' % i for i in range(plain, 6)])
    expect(name, {b'd/x%d.png' % i: 70 + i for i in range(plain)})

# Compressions; ends that are missing, and zeros behind one.
fresh('packed')
for i in range(4):
    write('x%d.png' % i, 80 + i)
tar('packed.tar')
plain = os.path.join(out, 'packed.tar')
for suffix, command in (('gz', ['gzip', '-n']), ('bz2', ['bzip2']), ('xz', ['xz', '-0']), ('zst', ['zstd', '-q'])):
    packed = subprocess.run([*command, '-c', plain], check=True, stdout=subprocess.PIPE).stdout
    with open(plain + '.' + suffix, 'wb') as f:
        f.write(packed)
    expect_unpacked('packed.tar.' + suffix, 'tar', '-xf', plain + '.' + suffix)
with open(os.path.join(out, 'padded.tar.gz'), 'wb') as f:
    f.write(open(plain + '.gz', 'rb').read() + bytes(700))
run('gzip', '-t', os.path.join(out, 'padded.tar.gz'))
expect_unpacked('padded.tar.gz', 'tar', '-xf', os.path.join(out, 'padded.tar.gz'))

shutil.rmtree(work)
