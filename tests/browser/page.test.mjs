// The whole road: a firmware image in the emulator, its UART behind a device path, the host, two pages in Chromium.

import test, { before, after } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { folder, openPage, paths, startBoard, startBrowser, startHost, unwind } from './rig.mjs';

const fileOfBoard = fileURLToPath(new URL('../../firmware-example/assets/one-wire.txt', import.meta.url));
const limit = { timeout: 30_000 };
const ends = [];
let board, device, host, ann, bob;

before(async () => {
  const data = await folder();
  ends.push(data.remove);
  device = join(data.path, 'board');
  board = await startBoard(device);
  ends.push(() => board.unplug());
  host = await startHost({ device, data: join(data.path, 'data') });
  ends.push(host.stop);
  const browser = await startBrowser();
  ends.push(() => browser.close());
  ann = await openPage(browser, host.url, { acceptDownloads: true });
  bob = await openPage(browser, host.url, { acceptDownloads: true, colorScheme: 'dark' });
  for (const { page } of [ann, bob]) page.setDefaultTimeout(limit.timeout);
});
after(() => unwind(ends));

const both = (act) => Promise.all([ann.page, bob.page].map(act));
const shown = (selector) => both((page) => page.waitForSelector(selector));
const saidByBoard = '#chat li:not(.mine):not(.partial):has(.who b:text-is("microbit")) .text';

test('both pages see the board online and hear its presence', async () => {
  await shown('#indicator[data-state="connected"]');
  await shown('[data-device="microbit"][data-state="online"]');
  await shown('[data-person="microbit"] [data-state="online"]');
  await shown('[data-row="presence"] >> text=online');
  // Both ends of the wire have counted what crossed it; the table is folded.
  const counted = (end) => `[data-device="microbit"] .counters tr:has-text("Packets received") td:nth-of-type(${end}):text-matches("^[1-9]")`;
  for (const end of [1, 2]) await both((page) => page.waitForSelector(counted(end), { state: 'attached' }));
});

test('the file of the board arrives in both pages, byte for byte', async () => {
  // It is on its way when the board starts; asking for it makes the test independent of who came first.
  await ann.page.click('[data-device="microbit"] button');
  const expected = await readFile(fileOfBoard);
  await both(async (page) => {
    const asked = page.locator('#files .card', { hasText: 'from microbit' }).first();
    const link = asked.locator('a');
    await link.waitFor();
    const download = page.waitForEvent('download');
    await link.click();
    assert.deepEqual(await readFile(await (await download).path()), expected);
  });
});

test('a chat line of one page is answered by the board, and both pages see both', async () => {
  const line = `ahoy from a page 😀 ${Date.now() % 1000}`;
  await ann.page.fill('#message', line);
  await ann.page.click('#send-chat');
  await shown(`#chat .text:text-is("${line}")`);
  await both((page) => page.locator(saidByBoard, { hasText: `heard: ${line}` }).waitFor());
  await ann.page.screenshot({ path: join(paths.out, 'page.png'), fullPage: true });
  await bob.page.screenshot({ path: join(paths.out, 'page-dark.png'), fullPage: true });
});

test('what one page says, the other shows: presence and a file with its name', async () => {
  const name = await ann.page.inputValue('#name');
  await ann.page.click('#presence');
  await shown(`[data-person="${name}"]`);
  const bytes = Buffer.from(Array.from({ length: 1000 }, (_, at) => (at * 7) % 256));
  await ann.page.setInputFiles('#file', { name: 'page.bin', mimeType: 'application/octet-stream', buffer: bytes });
  await ann.page.click('#send-file');
  const link = bob.page.locator('#files .card', { hasText: 'page.bin' }).locator('a');
  await link.waitFor();
  const download = bob.page.waitForEvent('download');
  await link.click();
  assert.deepEqual(await readFile(await (await download).path()), bytes);
});

test('a pulled cable shows as offline, and the board that comes back as online', async () => {
  await board.unplug();
  await shown('[data-device="microbit"][data-state="offline"]');
  await ann.page.screenshot({ path: join(paths.out, 'offline.png'), fullPage: true });
  board = await startBoard(device);
  await shown('[data-device="microbit"][data-state="online"]');
  await shown('[data-person="microbit"] [data-state="online"]');
});

test('the host says goodbye, and the pages say so', async () => {
  await host.stop();
  await shown('#indicator[data-state="error"] >> text=The host is stopping.');
  // The browser itself notes the end of the connection.
  const isKnown = (line) => /WebSocket connection/.test(line);
  const wrong = [...ann.complaints, ...bob.complaints].filter((line) => !isKnown(line));
  assert.deepEqual(wrong, []);
});
