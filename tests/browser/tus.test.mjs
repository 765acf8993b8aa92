// The files of the host with the published client of the protocol tus: uploads that are broken off in every way and go on, and what no
// such client would send.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import * as tus from 'tus-js-client';
import { folder, freePort, startHost, unwind } from './rig.mjs';
import { seeded } from './seed.mjs';

const limit = { timeout: 60_000 };
const sizeMax = 64 << 20;
const ends = [];
const { random, bytes } = seeded('tus');
let host, home, data, start;

before(async () => {
  home = await folder();
  ends.push(home.remove);
  data = join(home.path, 'data');
  const port = await freePort();
  start = async () => (host = await startHost({ data, port, args: ['--file-size-max', String(sizeMax), '--files-max', '50'] }));
  await start();
  ends.push(() => host.stop());
}, limit);
after(() => unwind(ends));

const endpoint = () => `${host.url}/files/`;
const digestOf = (content) => createHash('sha256').update(content).digest('hex');
const version = { 'tus-resumable': '1.0.0' };
const list = async () => (await fetch(endpoint())).json();
const download = async (url, headers = {}) => {
  const response = await fetch(url, { headers });
  return { response, content: Buffer.from(await response.arrayBuffer()) };
};
const remove = (url) => fetch(url, { method: 'DELETE', headers: version });
const offsetOf = async (url) => Number((await fetch(url, { method: 'HEAD', headers: version })).headers.get('upload-offset'));

/** Begins an upload without a client, and gives the answer. */
const begin = (length, headers = {}) => fetch(endpoint(), { method: 'POST', headers: { ...version, 'upload-length': String(length), ...headers } });
const patch = (url, offset, body, headers = {}) =>
  fetch(url, { method: 'PATCH', headers: { ...version, 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset), ...headers }, body });

/** Uploads with the client; `ended` gives the upload once it is whole, or throws what the client says. `until` pauses it when so many bytes were taken. */
function upload(content, { name = 'a.bin', until = Infinity, url = endpoint(), ...options } = {}) {
  let settle, fail;
  const ended = new Promise((resolve, reject) => ([settle, fail] = [resolve, reject]));
  const client = new tus.Upload(content, {
    endpoint: url,
    metadata: { filename: name, filetype: 'application/x-noise' },
    retryDelays: null,
    onSuccess: () => settle(client),
    onError: fail,
    onChunkComplete: (_, accepted) => accepted >= until && client.abort().then(() => settle(client), fail),
    ...options,
  });
  return { client, ended, start: () => (client.start(), ended) };
}

test('a file is uploaded, listed, downloaded whole and in part, and removed', limit, async () => {
  const content = bytes(3 << 20);
  const { url } = await upload(content, { name: 'größe 😀.bin' }).start();
  const tag = `"${digestOf(content)}"`;
  const [listed] = (await list()).filter(({ id }) => url.endsWith(id));
  assert.deepEqual(
    [listed.name, listed.type, listed.size, listed.offset, `"${listed.sha256}"`, listed.from, listed.device],
    ['größe 😀.bin', 'application/x-noise', content.length, content.length, tag, null, null],
  );
  const whole = await download(url);
  assert.ok(whole.content.equals(content));
  const headers = Object.fromEntries(['etag', 'content-type', 'content-disposition', 'accept-ranges', 'x-content-type-options'].map((key) => [key, whole.response.headers.get(key)]));
  assert.deepEqual(headers, {
    etag: tag,
    'content-type': 'application/x-noise',
    'content-disposition': `attachment; filename="gr__e _.bin"; filename*=UTF-8''gr%C3%B6%C3%9Fe%20%F0%9F%98%80.bin`,
    'accept-ranges': 'bytes',
    'x-content-type-options': 'nosniff',
  });
  for (const [range, from, to] of [['0-0', 0, 1], ['1000-299999', 1000, 300_000], [`${content.length - 5}-`, content.length - 5, content.length], ['-1000', content.length - 1000, content.length]]) {
    const part = await download(url, { range: `bytes=${range}`, 'if-range': tag });
    assert.deepEqual([part.response.status, part.response.headers.get('content-range')], [206, `bytes ${from}-${to - 1}/${content.length}`]);
    assert.ok(part.content.equals(content.subarray(from, to)));
  }
  assert.equal((await download(url, { range: `bytes=${content.length}-` })).response.status, 416);
  assert.equal((await download(url, { range: 'bytes=0-9', 'if-range': '"old"' })).content.length, content.length);
  assert.equal((await download(url, { 'if-none-match': tag })).response.status, 304);
  await tus.Upload.terminate(url);
  assert.equal((await fetch(url)).status, 404);
  assert.ok(!(await list()).some(({ id }) => url.endsWith(id)));
});

test('an upload is paused and gone on with, by this client, by the next one, and by the next host', limit, async () => {
  const content = bytes(8 << 20);
  const options = { chunkSize: 512 << 10, urlStorage: new tus.FileUrlStorage(join(home.path, 'urls.json')), fingerprint: async () => 'the same file' };
  const first = await upload(content, { ...options, until: 2 << 20 }).start();
  const offset = await offsetOf(first.url);
  assert.ok(offset >= 2 << 20 && offset < content.length, `${offset}`);
  assert.equal((await fetch(first.url)).status, 409);
  assert.equal(await host.stop(), 0);
  await start();
  const [previous] = await upload(content, options).client.findPreviousUploads();
  const second = upload(content, { ...options, until: 5 << 20 });
  second.client.resumeFromPreviousUpload(previous);
  await second.start();
  assert.equal(second.client.url, first.url);
  const third = upload(content, { ...options, uploadUrl: first.url });
  await third.start();
  assert.ok((await download(first.url)).content.equals(content));
  await remove(first.url);
});

test('no kill of the host makes an upload start over or changes a byte', { timeout: 240_000 }, async () => {
  const content = bytes(24 << 20);
  let accepted = 0;
  let kills = 0;
  let killAt = 0;
  let killing = null;
  const offsets = [];
  const dies = async () => {
    // A moment within what the next request does.
    await new Promise((resolve) => setTimeout(resolve, random() * 6));
    await host.kill();
    kills += 1;
    await start();
    killAt = accepted + random() * (content.length / 12);
    killing = null;
  };
  const { client, ended } = upload(content, {
    chunkSize: 256 << 10,
    retryDelays: Array(1000).fill(20),
    onChunkComplete: (_, total) => {
      accepted = total;
    },
    onProgress: (sent) => {
      if (kills < 12 && sent >= killAt) killing ??= dies();
    },
    onAfterResponse: (asked, response) => {
      if (asked.getMethod() === 'HEAD') offsets.push([Number(response.getHeader('upload-offset')), accepted]);
    },
  });
  killAt = random() * (content.length / 12);
  client.start();
  await ended;
  await killing;
  console.log(`${kills} kills, ${offsets.length} times gone on, each at least where it was`);
  assert.ok(kills >= 5 && offsets.length >= kills / 2, `${kills} kills, ${offsets.length} resumed`);
  for (const [found, known] of offsets) assert.ok(found >= known, `${known} bytes were taken, ${found} were there`);
  assert.ok((await download(client.url)).content.equals(content));
  assert.deepEqual((await readdir(join(data, 'files/uploads'))), []);
  await remove(client.url);
});

test('what is killed while it checks a request has all of it or nothing', limit, async () => {
  const content = bytes(16 << 20);
  const sum = createHash('sha1').update(content).digest('base64');
  for (let kills = 0; kills < 6; kills += 1) {
    const url = new URL((await begin(content.length)).headers.get('location'), host.url).href;
    const sent = patch(url, 0, content, { 'upload-checksum': `sha1 ${sum}` }).catch(() => null);
    await new Promise((resolve) => setTimeout(resolve, random() * 60));
    await host.kill();
    await sent;
    await start();
    const offset = await offsetOf(url);
    assert.ok(offset === 0 || offset === content.length, `${offset}`);
    if (offset === 0) assert.equal((await patch(url, 0, content, { 'upload-checksum': `sha1 ${sum}` })).status, 204);
    assert.ok((await download(url)).content.equals(content));
    await remove(url);
  }
});

test('bytes with a wrong checksum are refused and sent again', limit, async () => {
  const content = bytes(1 << 20);
  let isWrong = true;
  const chunkSize = 256 << 10;
  const seen = [];
  const checked = upload(content, {
    chunkSize,
    retryDelays: [0, 0],
    onBeforeRequest: (asked) => {
      const offset = Number(asked.getHeader('Upload-Offset'));
      if (asked.getMethod() !== 'PATCH') return;
      const sum = createHash('sha256').update(isWrong && offset > 0 ? 'else' : content.subarray(offset, offset + chunkSize)).digest('base64');
      asked.setHeader('Upload-Checksum', `sha256 ${sum}`);
    },
    onAfterResponse: (asked, response) => {
      seen.push(response.getStatus());
      isWrong &&= response.getStatus() !== 460;
    },
    onShouldRetry: (error) => error.originalResponse?.getStatus() === 460,
  });
  const { url } = await checked.start();
  assert.deepEqual(seen, [201, 204, 460, 200, 204, 204, 204]);
  assert.ok((await download(url)).content.equals(content));
  await remove(url);
});

test('the same content takes its room once', limit, async () => {
  const content = bytes(1 << 20);
  const [one, two] = await Promise.all(['one', 'two'].map((name) => upload(content, { name }).start()));
  const blobs = join(data, 'files/blobs');
  assert.deepEqual(await readdir(blobs), [digestOf(content)]);
  await remove(one.url);
  assert.ok((await download(two.url)).content.equals(content));
  await remove(two.url);
  assert.deepEqual(await readdir(blobs), []);
});

test('who ends an upload removes it', limit, async () => {
  const { client, start } = upload(bytes(2 << 20), { chunkSize: 256 << 10, until: 1 << 20 });
  await start();
  await client.abort(true);
  assert.equal((await fetch(client.url, { method: 'HEAD', headers: version })).status, 404);
  assert.deepEqual(await list(), []);
});

/** A request as it is, with a length that need not be true and a path that nobody straightens. */
async function raw(method, path, headers, body) {
  const { port } = new URL(host.url);
  const asked = request({ host: '127.0.0.1', port, method, path, headers: { ...version, ...headers } });
  asked.on('error', () => {});
  asked.write(body);
  return { asked, answered: once(asked, 'response').then(([response]) => (response.resume(), response.statusCode)) };
}

test('a size that is not true gains nothing', limit, async () => {
  assert.equal((await begin(sizeMax + 1)).status, 413);
  await assert.rejects(upload(Buffer.alloc(10), { uploadSize: sizeMax + 1 }).start(), /413/);
  for (const length of ['-1', '1e3', '0x10', '99999999999999999999', '']) assert.ok([400, 413].includes((await begin(length)).status), length);
  const url = new URL((await begin(10)).headers.get('location'), host.url);
  const bytesOf = (offset) => ({ 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) });
  assert.equal((await patch(url, 0, 'more than that')).status, 413);
  // In chunks, so that only the bytes tell how many there are.
  const endless = await raw('PATCH', url.pathname, { ...bytesOf(0), 'transfer-encoding': 'chunked' }, 'more than ');
  endless.asked.end('that');
  assert.equal(await endless.answered, 413);
  assert.equal(await offsetOf(url), 0);
  // Less than it says, and then nothing.
  const broken = await raw('PATCH', url.pathname, { ...bytesOf(0), 'content-length': '10' }, 'less');
  while ((await list())[0].offset < 4) await new Promise(setImmediate);
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
      await assert.rejects(upload(Buffer.from('x'), { name, url }).start(), (error) => error.originalResponse.getStatus() === 400 && /The name of a file|4096/.test(error.message), JSON.stringify(name));
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
    for (const name of good) await upload(Buffer.from('x'), { name, url }).start();
    const listed = await (await fetch(url)).json();
    assert.deepEqual(listed.map((file) => file.name).sort(), [...good].sort());
    for (const { id } of listed) await remove(url + id);
    assert.deepEqual(await look(), before);
    assert.deepEqual((await below(join(inner, 'files'))).map((line) => line.replace(`${inner}/files/`, '').split(' ')[0]), ['blobs', 'entries', 'lock', 'uploads']);
  } finally {
    await own.stop();
  }
});

test('a page from elsewhere may not, one from this machine may', limit, async () => {
  for (const [origin, status] of [['https://evil.example', 403], ['null', 403], ['http://localhost:5500', 201]]) {
    const response = await begin(1, { origin });
    assert.equal(response.status, status);
    if (status === 201) await remove(new URL(response.headers.get('location'), host.url));
  }
  assert.equal((await fetch(endpoint(), { headers: { origin: 'https://evil.example' } })).status, 403);
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
    const good = await upload(kept, { url, name: 'kept' }).start();
    const begun = await upload(large, { url, name: 'large', chunkSize: 512 << 10, until: 512 << 10 }).start();
    const fills = await upload(filler, { url, name: 'filler' }).start();
    let taken = await offsetOf(begun.url);
    const goesOn = () => upload(large, { uploadUrl: begun.url, chunkSize: 512 << 10, onChunkComplete: (_, accepted) => (taken = accepted) });
    await assert.rejects(goesOn().start(), (error) => error.originalResponse?.getStatus() === 507 && /no room/.test(error.message));
    await assert.rejects(upload(large, { url }).start(), (error) => error.originalResponse?.getStatus() === 507);
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
