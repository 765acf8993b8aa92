// Uppy in a page of another origin, as people build it into theirs: preflights, pause and resume, and a host that is killed meanwhile.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { bundleModules } from './bundle.mjs';
import { folder, freePort, openPage, startBrowser, startHost, unwind } from './rig.mjs';

const limit = { timeout: 60_000 };
const ends = [];
let host, start, site, browser;

const program = `
import Uppy from '@uppy/core';
import Tus from '@uppy/tus';
window.begin = (endpoint, files) => {
  window.uppy = new Uppy().use(Tus, { endpoint, chunkSize: 256 << 10, retryDelays: Array(200).fill(50) });
  window.taken = 0;
  for (const { name, size } of files) uppy.addFile({ name, type: 'application/x-noise', data: new Blob([window.noise(size)]) });
  uppy.on('upload-progress', (file, { bytesUploaded }) => (window.taken = Math.max(window.taken, bytesUploaded)));
  window.ended = uppy.upload();
};
window.noise = (size) => Uint8Array.from({ length: size }, (_, at) => (at * 2654435761) >>> 13);
`;
const noise = (size) => Uint8Array.from({ length: size }, (_, at) => (at * 2654435761) >>> 13);

before(async () => {
  const home = await folder();
  ends.push(home.remove);
  const port = await freePort();
  start = async () => (host = await startHost({ data: home.path, port }));
  await start();
  ends.push(() => host.stop());
  const script = await bundleModules(program);
  const server = createServer(({ url }, response) => {
    const [type, body] = url === '/uppy.js' ? ['text/javascript', script] : ['text/html', '<!doctype html><title>Uppy</title><link rel="icon" href="data:,"><script src="/uppy.js"></script>'];
    response.setHeader('content-type', `${type}; charset=utf-8`);
    response.end(body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => (server.closeAllConnections(), server.close()));
  site = `http://localhost:${server.address().port}/`;
  browser = await startBrowser();
  ends.push(() => browser.close());
}, limit);
after(() => unwind(ends));

/** Uploads files in a page; `meanwhile` gets the page once some bytes were taken. Gives what Uppy says of each. */
async function upload(files, meanwhile = async () => {}) {
  const { page, close } = await openPage(browser, site);
  try {
    await page.evaluate(([endpoint, list]) => window.begin(endpoint, list), [`${host.url}/files/`, files]);
    await page.waitForFunction(() => window.taken > 0);
    await meanwhile(page);
    return await page.evaluate(async () => {
      const { successful, failed } = await window.ended;
      return { successful: successful.map(({ name, uploadURL }) => ({ name, url: uploadURL })), failed: failed.map(({ error }) => error) };
    });
  } finally {
    await close();
  }
}

async function holds(url, size) {
  const content = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const digest = (bytes) => createHash('sha256').update(bytes).digest('hex');
  assert.deepEqual([content.length, digest(content)], [size, digest(noise(size))]);
}

test('several files at once arrive as they are, with their names', limit, async () => {
  const files = [{ name: 'one ä.bin', size: 1 << 20 }, { name: 'two.bin', size: 12_345 }, { name: 'three.bin', size: 3 << 20 }];
  const { successful, failed } = await upload(files);
  assert.deepEqual([failed, successful.length], [[], 3]);
  const listed = await (await fetch(`${host.url}/files/`)).json();
  for (const { name, size } of files) {
    await holds(successful.find((file) => file.name === name).url, size);
    assert.deepEqual(listed.filter((file) => file.name === name).map((file) => [file.size, file.type]), [[size, 'application/x-noise']]);
  }
});

test('a paused upload goes on, and so does one whose host was killed', limit, async () => {
  const size = 24 << 20;
  const { successful, failed } = await upload([{ name: 'large.bin', size }], async (page) => {
    await page.evaluate(() => window.uppy.pauseAll());
    const paused = await page.evaluate(() => window.taken);
    assert.ok(paused < size, `${paused}`);
    await page.evaluate(() => window.uppy.resumeAll());
    await page.waitForFunction((before) => window.taken > before, paused);
    await host.kill();
    await start();
  });
  assert.deepEqual([failed, successful.length], [[], 1]);
  await holds(successful[0].url, size);
});
