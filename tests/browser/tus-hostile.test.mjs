// What no client of tus would send to the files of the host: sizes that are not true, names that lead elsewhere, pages that may not; and a disk
// that is full.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { folder, startHost, unwind } from './rig.mjs';
import { seeded } from './seed.mjs';
import { begin, download, offsetOf, patch, remove, uploadTo, version } from './uploads.mjs';

const limit = { timeout: 60_000 };
const sizeMax = 64 << 20;
const ends = [];
const { bytes } = seeded('tus, hostile');
let host, home, endpoint;

before(async () => {
  home = await folder();
  ends.push(home.remove);
  host = await startHost({ data: join(home.path, 'data'), args: ['--file-size-max', String(sizeMax), '--files-max', '50'] });
  ends.push(() => host.stop());
  endpoint = `${host.url}/files/`;
}, limit);
after(() => unwind(ends));

/** A request as it is, with a length that need not be true and a path that nobody straightens. */
async function raw(method, path, headers, body) {
  const { port } = new URL(host.url);
  const asked = request({ host: '127.0.0.1', port, method, path, headers: { ...version, ...headers } });
  asked.on('error', () => {});
  asked.write(body);
  return { asked, answered: once(asked, 'response').then(([response]) => (response.resume(), response.statusCode)) };
}

test('a size that is not true gains nothing', limit, async () => {
  assert.equal((await begin(endpoint, sizeMax + 1)).status, 413);
  await assert.rejects(uploadTo(endpoint, Buffer.alloc(10), { uploadSize: sizeMax + 1 }).start(), /413/);
  for (const length of ['-1', '1e3', '0x10', '99999999999999999999', '']) assert.ok([400, 413].includes((await begin(endpoint, length)).status), length);
  const url = new URL((await begin(endpoint, 10)).headers.get('location'), host.url);
  const bytesOf = (offset) => ({ 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) });
  assert.equal((await patch(url, 0, 'more than that')).status, 413);
  // In chunks, so that only the bytes tell how many there are.
  const endless = await raw('PATCH', url.pathname, { ...bytesOf(0), 'transfer-encoding': 'chunked' }, 'more than ');
  endless.asked.end('that');
  assert.equal(await endless.answered, 413);
  assert.equal(await offsetOf(url), 0);
  // Less than it says, and then nothing.
  const broken = await raw('PATCH', url.pathname, { ...bytesOf(0), 'content-length': '10' }, 'less');
  while ((await (await fetch(endpoint)).json())[0].offset < 4) await new Promise(setImmediate);
  broken.asked.destroy();
  await assert.rejects(broken.answered);
  assert.equal(await offsetOf(url), 4);
  assert.equal((await patch(url, 10, '')).status, 409);
  assert.equal((await patch(url, 4, 'than it')).status, 413);
  assert.equal((await patch(url, 4, ' bytes')).status, 204);
  assert.equal((await download(url)).content.toString(), 'less bytes');
  await remove(url);
});

/** Everything below a folder but one, with sizes and times. */
async function below(path, but) {
  const found = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (inner === but) continue;
    const { size, mtimeMs } = await stat(inner);
    found.push(entry.isDirectory() ? inner : `${inner} ${size} ${mtimeMs} ${(await readFile(inner)).toString('base64').slice(0, 64)}`);
    if (entry.isDirectory()) found.push(...(await below(inner, but)));
  }
  return found.sort();
}

test('no name leads out of the folder', limit, async () => {
  const around = join(home.path, 'around');
  const inner = join(around, 'inner');
  await mkdir(inner, { recursive: true });
  for (const file of ['passwd', 'inner/devices.json']) await writeFile(join(around, file), 'untouched');
  const own = await startHost({ data: inner });
  const kept = ['devices.json', 'history.sqlite', 'history.sqlite-shm', 'history.sqlite-wal'];
  const look = async () => (await below(around, join(inner, 'files'))).filter((line) => !kept.some((name) => line.includes(`/${name} `)));
  try {
    const before = await look();
    const url = `${own.url}/files/`;
    const hostile = ['../../etc/passwd', '../passwd', '/etc/passwd', '..', '.', '.hidden', 'a\0b', 'a\nb', 'a\r\nset-cookie: a=b', 'a\\b', 'x'.repeat(256), 'ä'.repeat(128), 'photo\u202egpj.exe', '\u2066a', ''.padEnd(3000, 'x')];
    for (const name of hostile) {
      await assert.rejects(uploadTo(url, Buffer.from('x'), { name }).start(), (error) => error.originalResponse.getStatus() === 400 && /The name of a file|4096/.test(error.message), JSON.stringify(name));
    }
    const { port } = new URL(own.url);
    for (const path of ['/files/../passwd', '/files/../../passwd', '/files/..%2f..%2fpasswd', '/files/%2e%2e/passwd', '/files//etc/passwd', '/files/entries/', '/files/lock', '/files/%00', '/files/blobs/../lock']) {
      for (const method of ['GET', 'HEAD', 'PATCH', 'DELETE', 'POST']) {
        const asked = request({ host: '127.0.0.1', port, method, path, headers: { ...version, 'content-type': 'application/offset+octet-stream', 'upload-offset': '0', 'upload-length': '1' } });
        asked.end();
        const [response] = await once(asked, 'response');
        response.resume();
        assert.equal(response.statusCode, 404, `${method} ${path}`);
      }
    }
    const good = ['שלום עולם.txt', 'a..b', 'CON', '%2e%2e%2fa', 'x'.repeat(255), "'; DROP TABLE files", '<img src=x>'];
    for (const name of good) await uploadTo(url, Buffer.from('x'), { name }).start();
    const listed = await (await fetch(url)).json();
    assert.deepEqual(listed.map((file) => file.name).sort(), [...good].sort());
    for (const { id } of listed) await remove(url + id);
    assert.deepEqual(await look(), before);
    assert.deepEqual((await below(join(inner, 'files'))).map((line) => line.replace(`${inner}/files/`, '').split(' ')[0]), ['blobs', 'entries', 'lock', 'transfers', 'uploads']);
  } finally {
    await own.stop();
  }
});

test('a page from elsewhere may not, one from this machine may', limit, async () => {
  for (const [origin, status] of [['https://evil.example', 403], ['null', 403], ['http://localhost:5500', 201]]) {
    const response = await begin(endpoint, 1, { origin });
    assert.equal(response.status, status);
    if (status === 201) await remove(new URL(response.headers.get('location'), host.url));
  }
  assert.equal((await fetch(endpoint, { headers: { origin: 'https://evil.example' } })).status, 403);
});

test('a full disk loses nothing, and what did not fit goes on when there is room', limit, async () => {
  const small = await folder();
  // A small disk that only this host sees; without the rights of root, in a namespace where it has them.
  const namespace = process.getuid() === 0 ? ['-m'] : ['-rm'];
  const mount = 'mount -t tmpfs -o size=8m tmpfs "$0" && exec "$@"';
  const own = await startHost({ data: small.path, inside: ['unshare', ...namespace, 'sh', '-c', mount, small.path] });
  try {
    const url = `${own.url}/files/`;
    const [kept, filler, large] = [bytes(256 << 10), bytes(4 << 20), bytes(6 << 20)];
    const good = await uploadTo(url, kept, { name: 'kept' }).start();
    const begun = await uploadTo(url, large, { name: 'large', chunkSize: 512 << 10, until: 512 << 10 }).start();
    const fills = await uploadTo(url, filler, { name: 'filler' }).start();
    let taken = await offsetOf(begun.url);
    const goesOn = () => uploadTo(url, large, { uploadUrl: begun.url, chunkSize: 512 << 10, onChunkComplete: (_, accepted) => (taken = accepted) });
    await assert.rejects(goesOn().start(), (error) => error.originalResponse?.getStatus() === 507 && /no room/.test(error.message));
    await assert.rejects(uploadTo(url, large).start(), (error) => error.originalResponse?.getStatus() === 507);
    const isFull = await offsetOf(begun.url);
    assert.ok(isFull >= taken && isFull > 1 << 20 && isFull < large.length, `${isFull} of ${taken}`);
    for (const [file, content] of [[good, kept], [fills, filler]]) assert.ok((await download(file.url)).content.equals(content));
    assert.equal((await remove(fills.url)).status, 204);
    assert.equal(await offsetOf(begun.url), isFull);
    await goesOn().start();
    assert.ok((await download(begun.url)).content.equals(large));
    assert.ok((await download(good.url)).content.equals(kept));
  } finally {
    await own.stop();
    await small.remove();
  }
});
