// The files of the host with the published client of the protocol tus: uploads that are broken off in every way and go on.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as tus from 'tus-js-client';
import { folder, freePort, startHost, unwind } from './rig.mjs';
import { seeded } from './seed.mjs';
import { begin, digestOf, download, offsetOf, patch, remove, uploadTo, version } from './uploads.mjs';

const limit = { timeout: 60_000 };
const ends = [];
const { random, bytes } = seeded('tus');
let host, home, data, start;

before(async () => {
  home = await folder();
  ends.push(home.remove);
  data = join(home.path, 'data');
  const port = await freePort();
  start = async () => (host = await startHost({ data, port }));
  await start();
  ends.push(() => host.stop());
}, limit);
after(() => unwind(ends));

const endpoint = () => `${host.url}/files/`;
const list = async () => (await fetch(endpoint())).json();
const upload = (content, options) => uploadTo(endpoint(), content, options);

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
    const url = new URL((await begin(endpoint(), content.length)).headers.get('location'), host.url).href;
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
