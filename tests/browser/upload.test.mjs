// The page's own uploads against a host in this process that loses, refuses and forgets: what goes on, what begins anew, what gives up.

import test from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Upload } from '../../host/web/upload.mjs';

const content = Uint8Array.from({ length: 5000 }, (_, at) => (at * 31) % 256);
const file = (bytes = content, name = 'a ä.bin') => new File([bytes], name, { type: 'application/x-noise', lastModified: 7 });
const sha256 = async (bytes) => new Uint8Array(createHash('sha256').update(bytes).digest());

/** What a browser remembers. */
class Storage {
  #texts = new Map();
  get length() {
    return this.#texts.size;
  }
  key(at) {
    return [...this.#texts.keys()][at];
  }
  getItem(key) {
    return this.#texts.get(key) ?? null;
  }
  setItem(key, text) {
    this.#texts.set(key, text);
  }
  removeItem(key) {
    this.#texts.delete(key);
  }
}

/** A host that keeps uploads. `hurdles` are what happens to the next requests instead: a status, or 'lost' with or without being done. */
class Host {
  uploads = [];
  asked = [];
  hurdles = [];

  fetch = async (url, { method, headers, body, signal }) => {
    signal?.throwIfAborted();
    this.asked.push(method);
    const hurdle = this.hurdles.shift();
    if (hurdle === 'lost') throw new TypeError('fetch failed');
    if (typeof hurdle === 'function') hurdle();
    if (typeof hurdle === 'number') return new Response('A sentence.\n', { status: hurdle });
    const answer = this.#answer(method, url, headers, body);
    if (hurdle === 'answer lost') throw new TypeError('fetch failed');
    return answer;
  };

  #answer(method, url, headers, body) {
    assert.equal(headers['tus-resumable'], '1.0.0');
    if (method === 'POST') {
      this.uploads.push({ size: Number(headers['upload-length']), metadata: headers['upload-metadata'], bytes: Buffer.alloc(0), digests: [] });
      return new Response(null, { status: 201, headers: { location: `/files/${this.uploads.length - 1}`, 'upload-offset': '0' } });
    }
    const upload = this.uploads[Number(url.split('/').pop())];
    if (!upload) return new Response('There is no such file.\n', { status: 404 });
    if (method === 'DELETE') this.uploads[this.uploads.indexOf(upload)] = null;
    if (method === 'PATCH') {
      if (Number(headers['upload-offset']) !== upload.bytes.length) return new Response('No.\n', { status: 409 });
      upload.digests.push(headers['upload-checksum']);
      upload.bytes = Buffer.concat([upload.bytes, body]);
    }
    const isWhole = upload.bytes.length === upload.size;
    const said = { 'upload-offset': String(upload.bytes.length), 'upload-length': String(upload.size) };
    return new Response(null, { status: method === 'HEAD' ? 200 : 204, headers: isWhole ? { ...said, 'pocketmux-transfer': 'ab' } : said });
  }
}

function rig(options = {}) {
  const [host, storage, states] = [new Host(), new Storage(), []];
  const make = (of = file(), more = {}) =>
    new Upload(of, { fetch: host.fetch, storage, digest: sha256, retryMs: [0], piece: 1000, onChange: ({ state }) => states.at(-1) !== state && states.push(state), ...options, ...more });
  return { host, storage, states, make };
}

test('a file arrives in pieces with their digests, its name, type and device', async () => {
  const { host, storage, states, make } = rig();
  const upload = make(file(), { device: 'micro bit' });
  await upload.start();
  const [kept] = host.uploads;
  assert.deepEqual([...kept.bytes], [...content]);
  assert.deepEqual(kept.digests.slice(0, 1), [`sha256 ${createHash('sha256').update(content.subarray(0, 1000)).digest('base64')}`]);
  const words = kept.metadata.split(',').map((pair) => pair.split(' ')).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]);
  assert.deepEqual(words, [['filename', 'a ä.bin'], ['filetype', 'application/x-noise'], ['device', 'micro bit']]);
  assert.deepEqual(host.asked, ['POST', ...Array(5).fill('PATCH')]);
  assert.deepEqual([states, upload.state, upload.at, upload.transfer, upload.id, storage.length], [['sending', 'whole'], 'whole', 5000, 'ab', '0', 0]);
});

test('an empty file is whole once it is begun', async () => {
  const { host, make } = rig();
  const upload = make(file(new Uint8Array()));
  await upload.start();
  assert.deepEqual([upload.state, host.asked], ['whole', ['POST']]);
});

test('without a digest in the browser the pieces go without one', async () => {
  const { host, make } = rig({ digest: null });
  await make().start();
  assert.deepEqual(host.uploads[0].digests, Array(5).fill(undefined));
});

test('what is lost, locked, damaged or answered to nobody is tried again, and no byte comes twice', async () => {
  const { host, states, make } = rig();
  host.hurdles = [null, null, 'lost', 'lost', 503, 423, null, null, 460, null, 'answer lost', 409, null, null];
  const upload = make();
  await upload.start();
  assert.deepEqual([upload.state, host.uploads.length], ['whole', 1]);
  assert.deepEqual([...host.uploads[0].bytes], [...content]);
  assert.deepEqual(states.slice(0, 3), ['sending', 'waiting', 'sending']);
});

test('a host that refuses for good is not asked again, and what it says is the reason', async () => {
  for (const status of [400, 403, 413, 507]) {
    const { host, make } = rig();
    host.hurdles = [null, status];
    const upload = make();
    await upload.start();
    assert.deepEqual([upload.state, upload.detail, host.asked], ['failed', 'A sentence.', ['POST', 'PATCH']], `${status}`);
    upload.queue();
    await upload.start();
    assert.equal(upload.state, 'whole');
  }
});

test('a host that always stumbles is not asked for ever, one that is away is', async () => {
  const { host, make } = rig();
  host.hurdles = [null, ...Array(200).fill(500)];
  const upload = make();
  await upload.start();
  assert.equal(upload.state, 'failed');
  assert.ok(host.asked.length < 20, `${host.asked.length}`);
  host.hurdles = Array(100).fill('lost');
  upload.queue();
  await upload.start();
  assert.equal(upload.state, 'whole');
});

test('a pause holds it where it is, and it goes on from there', async () => {
  const { host, make } = rig();
  const upload = make();
  host.hurdles = [null, null, null, () => upload.pause()];
  await upload.start();
  assert.deepEqual([upload.state, upload.at], ['paused', 2000]);
  await upload.start();
  assert.deepEqual([...host.uploads[0].bytes], [...content]);
  assert.deepEqual([upload.state, host.uploads.length], ['whole', 1]);
});

test('the same file goes on in another page; another file, another date and another device do not', async () => {
  const { host, storage, make } = rig();
  const first = make();
  host.hurdles = [null, null, null, () => first.pause()];
  await first.start();
  assert.equal(storage.length, 1);
  for (const [other, device] of [[new File([content], 'a ä.bin', { lastModified: 8 })], [file(content.subarray(1))], [file(), 'pico']]) {
    await make(other, { device }).start();
  }
  assert.equal(host.uploads.length, 4);
  const before = host.asked.length;
  const second = make();
  await second.start();
  assert.deepEqual([host.asked.slice(before), second.state], [['HEAD', 'PATCH', 'PATCH'], 'whole']);
  assert.deepEqual([[...host.uploads[0].bytes], storage.length], [[...content], 0]);
});

test('what was remembered and is gone begins anew; what was under way and is gone says so', async () => {
  const { host, make } = rig();
  const first = make();
  host.hurdles = [null, null, () => first.pause()];
  await first.start();
  host.uploads[0] = null;
  const second = make();
  host.hurdles = [null, null, null, () => (host.uploads[1] = null)];
  await second.start();
  assert.deepEqual([second.state, second.detail, host.uploads.length], ['failed', 'There is no such file.', 2]);
  const third = make();
  await third.start();
  assert.deepEqual([third.state, host.uploads.length], ['whole', 3]);
});

test('a cancelled upload is gone from the host and from memory', async () => {
  const { host, storage, make } = rig();
  const upload = make();
  host.hurdles = [null, null, () => upload.pause()];
  await upload.start();
  await upload.cancel();
  assert.deepEqual([upload.state, host.uploads[0], storage.length], ['cancelled', null, 0]);
  await upload.start();
  assert.equal(upload.state, 'cancelled');
});

test('one that is cancelled or paused while it begins leaves nothing behind, and begins once', async () => {
  const { host, storage, make } = rig();
  const upload = make();
  let cancelled;
  host.hurdles = [() => (cancelled = upload.cancel())];
  await upload.start();
  await cancelled;
  assert.deepEqual([upload.state, host.uploads, storage.length, host.asked], ['cancelled', [null], 0, ['POST', 'DELETE']]);
  const other = make();
  host.hurdles = [() => (other.pause(), other.start())];
  await other.start();
  await other.start();
  assert.deepEqual([other.state, host.uploads.length], ['whole', 2]);
});

test('a file that cannot be read any more fails in words', async () => {
  const { make } = rig();
  const folder = { name: 'folder', size: 4096, lastModified: 0, type: '', slice: () => ({ arrayBuffer: () => Promise.reject(new Error('NotReadable')) }) };
  const upload = make(folder);
  await upload.start();
  assert.equal(upload.state, 'failed');
  assert.match(upload.detail, /cannot be read any more/);
});

test('a browser that forbids storage, or has none left, uploads all the same, and one that has keeps a hundred at most', async () => {
  const throwing = { get length() { throw new Error('forbidden'); }, getItem() { throw new Error('forbidden'); } };
  for (const storage of [throwing, null]) {
    const { make } = rig({ storage });
    const upload = make();
    await upload.start();
    assert.equal(upload.state, 'whole');
  }
  const { host, storage, make } = rig();
  for (let n = 0; n < 120; n += 1) {
    host.hurdles = [null, 400];
    await make(file(content, `${n}`)).start();
  }
  assert.equal(storage.length, 100);
});
