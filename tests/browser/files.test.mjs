// The exchange of files on the page, with the real host and a device that takes files: the virtual one, or POCKETMUX_FILES_PORT.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { drop, gated, history, pressOnTheWay, saved } from './person.mjs';
import { folder, freePort, openPage, paths, startBrowser, startHost, unwind } from './rig.mjs';
import { digestOf, uploadTo } from './uploads.mjs';

const limit = { timeout: 120_000 };
const ends = [];
let home, host, start, browser, ann, bob, device;
/** Bytes of a file that takes the device a while, and of which two fit. */
let size;

before(async () => {
  home = await folder();
  ends.push(home.remove);
  const port = await freePort();
  start = async () => (host = await startHost({ device: process.env.POCKETMUX_FILES_PORT ?? 'demo', data: join(home.path, 'data'), port }));
  await start();
  ends.push(() => host.stop());
  browser = await startBrowser();
  ends.push(() => browser.close());
  ann = await open();
  bob = await open({ colorScheme: 'dark', viewport: { width: 375, height: 800 } });
  await ann.waitForSelector('#store:not([hidden])');
  device = await ann.inputValue('#target');
  await empty();
  size = 3 * Math.floor((await stored()).free * 0.15);
}, limit);
after(() => unwind(ends));

const complaints = [];

async function open(options = {}) {
  const opened = await openPage(browser, host.url, { acceptDownloads: true, ...options });
  opened.page.setDefaultTimeout(30_000);
  opened.page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
  opened.page.on('pageerror', (error) => complaints.push(String(error)));
  await opened.page.waitForSelector('#indicator[data-state="connected"]');
  return opened.page;
}

const noise = (length, seed = 1) => Buffer.from(Uint8Array.from({ length }, (_, at) => ((at + seed) * 2654435761) >>> 13));
const both = (act) => Promise.all([ann, bob].map(act));
const row = (page, name) => page.locator('#transfers .job').filter({ has: page.locator(`.title:text-is("${name}")`) });
const is = (page, name, state) => row(page, name).and(page.locator(`[data-state="${state}"]`)).waitFor();
const press = (page, name, word) => row(page, name).locator(`button:text-is("${word}")`).click();
const entry = (page, place, name) => page.locator(`#${place}-files li`).filter({ has: page.locator(`.title:text-is("${name}")`) });
const stored = async () => (await fetch(`${host.url}/api/devices/${device}/files`)).json();
const remove = (name) => fetch(`${host.url}/api/devices/${device}/files/${encodeURIComponent(name)}`, { method: 'DELETE' });
const empty = async () => {
  for (const { name } of (await stored()).files) assert.equal((await remove(name)).status, 204, name);
};
const listed = async () => (await fetch(`${host.url}/files/`)).json();

/** How far the device's half of a row is, in percent, once that is more than `beyond`. */
async function percent(page, name, beyond) {
  const words = row(page, name).locator('.half').last().locator('span');
  for (;;) {
    const text = await words.textContent();
    const seen = Number(text.match(/(\d+) %/)?.[1]);
    if (seen > beyond) return seen;
    assert.ok(!['done', 'failed'].includes(await row(page, name).getAttribute('data-state')), await row(page, name).textContent());
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
}

test('two files dropped at once go to the device, and both pages see them on their way and whole', limit, async () => {
  const files = [{ name: 'one ä.bin', content: noise(size) }, { name: 'two.bin', content: noise(size / 3, 2) }];
  const said = await both(history);
  await drop(ann, files);
  await percent(ann, 'one ä.bin', 0);
  await ann.screenshot({ path: join(paths.out, 'files-under-way.png'), fullPage: true });
  const bar = await row(bob, 'one ä.bin').locator('.half progress').last().evaluate(({ value, max }) => [value, max]);
  assert.ok(bar[0] <= bar[1], `${bar}`);
  for (const { name, content } of files) {
    await both((page) => is(page, name, 'done'));
    const digest = digestOf(content);
    assert.ok((await row(bob, name).locator('.digest').getAttribute('title')).includes(`sha-256:${digest}`));
    const { name: as, content: came } = await saved(bob, row(bob, name).locator('a'));
    assert.deepEqual([as, digestOf(came)], [name, digest]);
    await both((page) => entry(page, 'store', name).waitFor());
    await both((page) => entry(page, 'depot', name).waitFor());
  }
  const moving = new RegExp(`^To ${device} [1-9]\\d? %, [\\d.]+ [kM]?B/s, \\d+ s left$`);
  for (const words of await Promise.all(said.map((ask) => ask()))) assert.ok(words.some((text) => moving.test(text)), words.join('\n'));
  assert.match(await ann.textContent('#store-room'), /KiB of .* free$/);
  const { page: copying } = await openPage(browser, host.url, { permissions: ['clipboard-read', 'clipboard-write'] });
  await row(copying, 'two.bin').locator('.digest').click();
  await row(copying, 'two.bin').locator('.digest:text-is("Copied")').waitFor();
  assert.equal(await copying.evaluate(() => navigator.clipboard.readText()), digestOf(files[1].content));
  await copying.context().close();
});

test('a cancelled transfer stops and leaves nothing on the device; taken off the list, it is off all lists', limit, async () => {
  await remove('one ä.bin');
  const pressed = pressOnTheWay(bob, 'cancelled.bin', 'Cancel');
  await drop(ann, [{ name: 'cancelled.bin', content: noise(size, 4) }]);
  await pressed;
  await both((page) => is(page, 'cancelled.bin', 'cancelled'));
  await entry(ann, 'store', 'cancelled.bin').waitFor({ state: 'detached' });
  assert.deepEqual((await stored()).files.filter(({ name }) => name === 'cancelled.bin'), []);
  await press(ann, 'cancelled.bin', 'Remove');
  await both((page) => row(page, 'cancelled.bin').waitFor({ state: 'detached' }));
});

test('a transfer is paused on one page, goes on from the other, and is verified', limit, async () => {
  const content = noise(size, 3);
  const pressed = pressOnTheWay(ann, 'paused.bin', 'Pause');
  await drop(ann, [{ name: 'paused.bin', content }]);
  const seen = await pressed;
  await both((page) => is(page, 'paused.bin', 'paused'));
  await entry(ann, 'store', 'paused.bin').locator('progress').waitFor();
  await ann.screenshot({ path: join(paths.out, 'files-paused.png'), fullPage: true });
  const said = await history(ann);
  await press(bob, 'paused.bin', 'Resume');
  await both((page) => is(page, 'paused.bin', 'done'));
  // It has not started over; what was sent and not yet stored may be sent again.
  const percents = (await said()).map((text) => Number(text.match(/(\d+) %.*left/)?.[1])).filter(Number.isFinite);
  assert.ok(percents.every((percent) => percent >= seen / 2), `${seen}: ${percents}`);
  const { files } = await stored();
  assert.equal(files.find(({ name }) => name === 'paused.bin').digest, `sha-256:${digestOf(content)}`);
});

test('what is on the device can be renamed, fetched and deleted, and asks before it is gone', limit, async () => {
  const answer = async (word) => {
    await ann.click(`#question button:text-is("${word}")`);
    await ann.waitForSelector('#question', { state: 'hidden' });
  };
  await entry(ann, 'store', 'two.bin').locator('button:text-is("Rename")').click();
  await ann.fill('#question-input', 'paused.bin');
  await answer('Rename');
  await ann.waitForSelector('#notices >> text=refused');
  await ann.click('#notices button');
  await entry(ann, 'store', 'two.bin').locator('button:text-is("Rename")').click();
  await ann.fill('#question-input', 'drei.bin');
  await ann.keyboard.press('Enter');
  await entry(ann, 'store', 'drei.bin').locator('button:text-is("Get")').click();
  await both((page) => is(page, 'drei.bin', 'done'));
  const { content } = await saved(bob, row(bob, 'drei.bin').locator('a'));
  assert.equal(digestOf(content), digestOf(noise(size / 3, 2)));
  await entry(ann, 'store', 'drei.bin').locator('button:text-is("Delete")').click();
  await answer('Keep it');
  assert.equal(await entry(ann, 'store', 'drei.bin').count(), 1);
  await entry(ann, 'store', 'drei.bin').locator('button:text-is("Delete")').click();
  await answer('Delete');
  await entry(ann, 'store', 'drei.bin').waitFor({ state: 'detached' });
  assert.ok(!(await stored()).files.some(({ name }) => name === 'drei.bin'));
});

test('a file of the host is sent to the device and deleted from the host', limit, async () => {
  await entry(ann, 'depot', 'drei.bin').locator('button', { hasText: `Send to ${device}` }).click();
  await entry(ann, 'store', 'drei.bin').waitFor();
  await entry(ann, 'depot', 'drei.bin').locator('button:text-is("Delete")').click();
  await ann.click('#question button:text-is("Delete")');
  await entry(ann, 'depot', 'drei.bin').waitFor({ state: 'detached' });
  await row(ann, 'drei.bin').first().locator('a').waitFor({ state: 'hidden' });
  assert.ok(!(await listed()).some(({ name }) => name === 'drei.bin'));
});

test('names are text, and those that mislead or are too long are refused in words', limit, async () => {
  const markup = '<img src=x onerror=document.title=1>.txt';
  await drop(ann, [{ name: markup, content: noise(300, 5) }, { name: `${'long'.repeat(20)}.bin`, content: noise(9) }, { name: 'innocent\u202etxt.exe', content: noise(9) }]);
  await both((page) => is(page, markup, 'done'));
  await entry(ann, 'store', markup).waitFor();
  await ann.waitForSelector('#notices >> text=may have 64 bytes');
  const turned = row(ann, 'innocent\ufffdtxt.exe');
  await turned.locator('.reason', { hasText: 'direction' }).waitFor();
  await turned.locator('button:text-is("Remove")').click();
  await turned.waitFor({ state: 'detached' });
  assert.deepEqual([await ann.locator('.exchange img').count(), await ann.title()], [0, 'Pocketmux']);
  await ann.click('#notices button');
});

test('the file dialog opens by keyboard, and takes several', limit, async () => {
  await ann.selectOption('#target', '');
  const opened = ann.waitForEvent('filechooser');
  await ann.focus('#choose-files');
  await ann.keyboard.press('Enter');
  const chooser = await opened;
  assert.ok(chooser.isMultiple());
  await chooser.setFiles([{ name: 'kept.bin', mimeType: 'a/b', buffer: noise(10) }, { name: 'empty', mimeType: 'a/b', buffer: noise(0) }]);
  for (const name of ['kept.bin', 'empty']) {
    await is(ann, name, 'done');
    await entry(ann, 'depot', name).waitFor();
  }
  await ann.selectOption('#target', device);
});

test('an upload is paused, goes on and is cancelled', limit, async () => {
  await ann.selectOption('#target', '');
  const gate = await gated(ann, 2);
  await ann.setInputFiles('#upload-files', { name: 'large.bin', mimeType: 'a/b', buffer: noise(3 << 20) });
  await gate.reached;
  await press(ann, 'large.bin', 'Pause');
  await is(ann, 'large.bin', 'paused');
  await entry(ann, 'depot', 'large.bin').locator('progress').waitFor();
  await gate.open();
  await press(ann, 'large.bin', 'Resume');
  await is(ann, 'large.bin', 'done');
  assert.equal((await listed()).find(({ name }) => name === 'large.bin').sha256, digestOf(noise(3 << 20)));
  const second = await gated(ann, 2);
  await ann.setInputFiles('#upload-files', { name: 'other.bin', mimeType: 'a/b', buffer: noise(3 << 20) });
  await second.reached;
  await press(ann, 'other.bin', 'Cancel');
  await second.open();
  await is(ann, 'other.bin', 'cancelled');
  await entry(ann, 'depot', 'other.bin').waitFor({ state: 'detached' });
  assert.ok(!(await listed()).some(({ name }) => name === 'other.bin'));
  await ann.selectOption('#target', device);
});

test('an upload outlives a host that is killed, and a closed tab when the file is chosen again', limit, async () => {
  const path = join(home.path, 'resumed.bin');
  const content = noise(4 << 20, 6);
  await writeFile(path, content);
  const { page, close } = await openPage(browser, host.url);
  await page.selectOption('#target', '');
  const gate = await gated(page, 2);
  await page.setInputFiles('#upload-files', path);
  await gate.reached;
  await host.kill();
  await start();
  // One piece more, and no other.
  const again = await gated(page, 2);
  await gate.open();
  await again.reached;
  const context = page.context();
  await page.close();
  await host.kill();
  await start();
  const next = await context.newPage();
  const offsets = [];
  next.on('request', (request) => request.method() === 'PATCH' && request.url().includes('/files/') && offsets.push(Number(request.headers()['upload-offset'])));
  await next.goto(host.url);
  await entry(next, 'depot', 'resumed.bin').locator('text=choose the file again').waitFor();
  await next.selectOption('#target', '');
  await next.setInputFiles('#upload-files', path);
  await is(next, 'resumed.bin', 'done');
  // The browser may have let go the piece that was held when its page was closed.
  assert.ok(offsets[0] >= 2 << 20, `${offsets}`);
  const kept = (await listed()).filter(({ name }) => name === 'resumed.bin');
  assert.deepEqual(kept.map(({ sha256 }) => sha256), [digestOf(content)]);
  await close();
});

test('a transfer outlives its tab and a host that is killed', limit, async () => {
  await empty();
  const content = noise(size, 7);
  const { page, close } = await openPage(browser, host.url);
  await page.waitForSelector('#store:not([hidden])');
  await drop(page, [{ name: 'survivor.bin', content }]);
  await percent(page, 'survivor.bin', 10);
  await close();
  await host.kill();
  await start();
  await both((page) => is(page, 'survivor.bin', 'done'));
  const { files } = await stored();
  assert.equal(files.find(({ name }) => name === 'survivor.bin').digest, `sha-256:${digestOf(content)}`);
  await ann.screenshot({ path: join(paths.out, 'files.png'), fullPage: true });
  await bob.screenshot({ path: join(paths.out, 'files-phone.png'), fullPage: true });
  assert.equal(await bob.evaluate(() => document.documentElement.scrollWidth), 375);
});

test('what others upload and delete shows on all pages at once', limit, async () => {
  const upload = await uploadTo(`${host.url}/files/`, noise(1000, 8), { name: 'of another.bin' }).start();
  await both((page) => entry(page, 'depot', 'of another.bin').locator('.digest').waitFor());
  await upload.abort(true);
  await both((page) => entry(page, 'depot', 'of another.bin').waitFor({ state: 'detached' }));
});

test('what is over is cleared on all pages', limit, async () => {
  await ann.click('#clear-transfers');
  await ann.waitForSelector('#clear-transfers', { state: 'hidden' });
  assert.deepEqual(await (await fetch(`${host.url}/api/transfers`)).json(), []);
  await both((page) => page.waitForFunction(() => !document.querySelector('#transfers [data-transfer]')));
  // A host that is killed and a refusal are the browser's to complain about, nothing else is.
  assert.deepEqual(complaints.filter((line) => !/WebSocket connection|ERR_|Failed to load resource/.test(line)), []);
});
