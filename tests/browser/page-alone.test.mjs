// The page by itself, with a stage in the host's place: what it shows, what it refuses, what it survives.

import test, { before, after, beforeEach, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openPage, paths, startBrowser } from './rig.mjs';
import { Stage } from './stage.mjs';

let browser, stage, opened, page;

before(async () => (browser = await startBrowser()));
after(() => browser?.close());

beforeEach(async () => {
  stage = await new Stage().open();
  opened = await openPage(browser, stage.url, { acceptDownloads: true });
  page = opened.page;
  page.setDefaultTimeout(10_000);
  await state('connected');
});
afterEach(async () => {
  await opened.close();
  await stage.close();
  assert.deepEqual(opened.complaints.filter((line) => !/WebSocket connection/.test(line)), []);
});

const state = (name) => page.waitForSelector(`#indicator[data-state="${name}"]`);
const device = (more) => ({
  channel: 'device',
  data: JSON.stringify({ name: 'microbit', serial: '1', port: '/dev/ttyACM0', state: 'online', channels: ['chat', 'file'], ...more }),
});
const cells = (channel) => page.locator(`[data-row="${channel}"] td`).allTextContents();

test('frames are shown newest first, as the classic page shows them', async () => {
  stage.say({ channel: 'chat', total: 2, data: 'hell' });
  stage.say({ channel: 'telemetry', sequence: 3, total: undefined, data: '21.5' });
  await page.waitForSelector('#frames li:nth-child(2)');
  assert.deepEqual(await page.locator('#frames li').allTextContents(), ['telemetry:3/? “21.5”', 'chat:0/2 “hell”']);
});

test('the table has chat, presence and file from the start and says what is missing', async () => {
  assert.deepEqual(await page.locator('#channels .chip').allTextContents(), ['chat', 'presence', 'file']);
  stage.say({ channel: 'file', messageId: 'f', sequence: 1, total: 4, data: 'CD', from: 'ann' });
  await page.waitForSelector('[data-row="file"] >> text=1/4');
  assert.deepEqual(await cells('file'), ['fileann', '1/4', '0, 2, 3', 'CD']);
  for (const [sequence, data] of [[0, 'AB'], [2, 'EF'], [3, 'GH']]) {
    stage.say({ channel: 'file', messageId: 'f', sequence, total: 4, data, from: 'ann' });
  }
  await page.waitForSelector('[data-row="file"] >> text=4/4');
  assert.deepEqual(await cells('file'), ['fileann', '4/4', '—', 'ABCDEFGH']);
});

test('a chat line goes out in frames of the chosen size, emoji cut in half, and comes back whole', async () => {
  await page.selectOption('#text-chunk', '4');
  await page.fill('#message', 'hi 😀!');
  await page.click('#send-chat');
  await page.waitForSelector('#chat .mine:not(.partial) >> text="hi 😀!"');
  const sent = stage.heard.filter((text) => text.includes('"chat"'));
  assert.equal(sent.length, 2);
  assert.match(sent[0], /^\{"channel":"chat","messageId":"chat-[0-9a-z]{6}-\d+","sequence":0,"total":2,"data":"hi \\ud83d",/);
  assert.match(sent[1], /"sequence":1,"total":2,"data":"\\ude00!",/);
});

test('text from the wire stays text', async () => {
  const markup = '<img src=x onerror="document.title=1"><b>bold</b>';
  stage.say({ channel: 'chat', data: markup, from: markup });
  stage.say({ channel: 'error', data: markup });
  stage.say({ channel: markup, data: markup });
  stage.say({ channel: 'presence', data: markup, from: markup });
  stage.say({ channel: 'file', data: markup, meta: { name: `../${markup}` } });
  stage.say(device({ name: markup, detail: markup, firmware: markup }));
  await page.waitForSelector(`#devices .title:has-text("<b>bold</b>")`);
  await page.waitForSelector('#notices li');
  assert.equal(await page.locator('main img, #notices img, main b:has-text("bold"):not(.who b)').count(), 0);
  assert.equal(await page.title(), 'Pocketmux');
});

test('a refusal and an unreadable frame are shown as notices', async () => {
  stage.say({ channel: 'error', messageId: 'error-1', data: 'The field data is missing.' });
  await page.waitForSelector('#notices >> text=The field data is missing.');
  stage.say('{"channel":"chat"}');
  await page.waitForSelector('#notices >> text=The field messageId is missing.');
  await page.locator('#notices button').first().click();
  assert.equal(await page.locator('#notices li').count(), 1);
});

test('devices come, go offline with the reason, and take the focus nowhere', async () => {
  stage.say(device({ state: 'opening' }));
  await page.waitForSelector('[data-device="microbit"][data-state="opening"]');
  assert.ok(await page.locator('[data-device] button').isDisabled());
  stage.say(device({ firmware: 'example 0.1.0' }));
  await page.waitForSelector('[data-device="microbit"][data-state="online"] >> text=example 0.1.0');
  await page.locator('[data-device] button').focus();
  stage.say(device({ detail: 'Still here.' }));
  await page.waitForSelector('[data-device] >> text=Still here.');
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Request file');
  await page.keyboard.press('Enter');
  await page.waitForSelector('#chat .mine >> text="/file"');
  stage.say(device({ state: 'offline', detail: 'The cable is out.' }));
  await page.waitForSelector('[data-device="microbit"][data-state="offline"] >> text=The cable is out.');
  assert.equal(await page.textContent('#device-news'), 'microbit is offline.');
});

test('what a device says of its channels stands in its card, and what is no text does not', async () => {
  const about = { log: { content: 'text/plain', meta: 'boot <b>3</b>' }, meter: { meta: 'cellar' }, odd: null, odder: { meta: 7 }, none: {} };
  stage.say(device({ about }));
  await page.waitForSelector('[data-device="microbit"] [data-about="log"]');
  assert.deepEqual(await page.locator('[data-about]').allTextContents(), ['log text/plain · boot <b>3</b>', 'meter cellar']);
  stage.say(device({ about: Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`ch-${at}`, { meta: 'z'.repeat(500) }])) }));
  await page.waitForSelector('[data-about="ch-15"]');
  assert.equal(await page.locator('[data-about]').count(), 16);
  for (const about of ['words', 5, [1, 2], undefined]) stage.say(device({ about, detail: `about ${typeof about}` }));
  await page.waitForSelector('[data-device] >> text=about undefined');
  assert.equal(await page.locator('[data-about]').count(), 0);
});

test('a silent device is shown so, and both ends of its wire show what they counted', async () => {
  stage.say(device({ state: 'silent', detail: 'Nothing was heard.', link: { sent: 12, received: 34, roundTripUs: 5600 } }));
  await page.waitForSelector('[data-device="microbit"][data-state="silent"] >> text=Nothing was heard.');
  const cell = (words, end) => `[data-device="microbit"] .counters tr:has-text("${words}") td:nth-of-type(${end})`;
  await page.click('[data-device="microbit"] summary');
  assert.equal(await page.textContent(cell('Packets received', 1)), '34');
  assert.equal(await page.textContent(cell('Packets received', 2)), '–');
  stage.say({ channel: 'stats', from: 'microbit', data: '{"sent":56,"received":78,"dropped":3,"droppedBy":{"log":2,"<b>":1,"odd":"x"}}' });
  // What was unfolded stays so when the card is drawn anew.
  await page.waitForFunction(() => document.querySelector('.counters')?.open && document.querySelector('.counters').textContent.includes('78'));
  assert.equal(await page.textContent(cell('Packets received', 2)), '78');
  assert.equal(await page.textContent(cell('Messages dropped', 2)), '3 (log 2, <b> 1)');
  stage.say({ channel: 'stats', from: 'microbit', data: 'no JSON' });
  await page.waitForFunction(() => !document.querySelector('.counters').textContent.includes('78'));
});

test('presence and typing show who is here and who is not idle', async () => {
  stage.say({ channel: 'presence', data: 'online', from: 'microbit' });
  await page.waitForSelector('[data-person="microbit"] [data-state="online"]');
  stage.say({ channel: 'typing', data: 'typing', from: 'microbit' });
  await page.waitForSelector('#typing >> text=microbit is typing…');
  stage.say({ channel: 'typing', data: 'idle', from: 'microbit' });
  await page.waitForFunction(() => document.getElementById('typing').textContent === '');
});

test('a file is sent in frames and can be saved byte for byte', async () => {
  const bytes = Buffer.from(Array.from({ length: 5000 }, (_, at) => (at * 31) % 256));
  await page.setInputFiles('#file', { name: 'a.bin', mimeType: 'application/octet-stream', buffer: bytes });
  await page.selectOption('#file-chunk', '64');
  await page.click('#send-file');
  const download = page.waitForEvent('download');
  await page.click('#files a');
  const saved = await download;
  assert.equal(saved.suggestedFilename(), 'a.bin');
  assert.deepEqual(await readFile(await saved.path()), bytes);
  const first = JSON.parse(stage.heard.find((text) => text.includes('"file"')));
  assert.deepEqual([first.total, first.encoding, first.meta], [79, 'base64', { name: 'a.bin', size: 5000 }]);
});

test('a file that is too large or empty is refused in words', async () => {
  await page.setInputFiles('#file', { name: 'big', mimeType: 'x/y', buffer: Buffer.alloc(1024 * 1024 + 1) });
  await page.click('#send-file');
  await page.waitForSelector('#notices >> text=larger than 1.0 MiB');
  await page.setInputFiles('#file', { name: 'none', mimeType: 'x/y', buffer: Buffer.alloc(0) });
  await page.click('#send-file');
  await page.waitForSelector('#notices >> text=empty');
});

test('a flood leaves the page usable and its lists short', async () => {
  for (let n = 0; n < 10_000; n += 1) {
    stage.say({ channel: n % 2 ? 'chat' : `ch-${n % 500}`, messageId: `m-${n}`, data: 'y'.repeat(300), from: `who-${n % 300}` });
  }
  await page.waitForFunction(() => document.getElementById('count').textContent.startsWith('10,000 '), null, { timeout: 60_000 });
  const count = (selector) => page.locator(selector).count();
  assert.equal(await count('#frames li'), 200);
  assert.ok((await count('#chat li')) <= 300);
  assert.ok((await count('#channels tr')) <= 32);
  assert.ok((await count('#people li')) <= 50);
  assert.ok((await page.locator('#frames li').first().textContent()).length <= 200);
  await page.fill('#message', 'still here');
  await page.click('#send-chat');
  await page.waitForSelector('#chat .mine >> text="still here"');
});

test('a host that stops is named, and the page comes back by itself', async () => {
  await stage.close();
  await page.waitForSelector('#indicator[data-state="error"] >> text=The host is stopping.');
  assert.ok(await page.locator('#send-chat').isDisabled());
  await stage.open();
  await state('connected');
  await page.click('#disconnect');
  await state('disconnected');
  await page.waitForTimeout(1500);
  await state('disconnected');
  await page.click('#connect');
  await state('connected');
});

test('nothing is wider than a phone', async () => {
  await page.setViewportSize({ width: 360, height: 780 });
  stage.say(device({ port: `/dev/serial/by-id/${'long-'.repeat(30)}` }));
  stage.say({ channel: 'chat', data: 'x'.repeat(500), from: 'z'.repeat(100) });
  stage.say({ channel: 'log', data: 'y'.repeat(500), from: 'z'.repeat(100) });
  stage.say({ channel: 'error', data: 'z'.repeat(500) });
  await page.waitForSelector('[data-row="log"] >> text=1/1');
  await page.screenshot({ path: join(paths.out, 'phone.png'), fullPage: true });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
});
