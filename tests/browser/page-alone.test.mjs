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

const hex = (n) => n.toString(16).padStart(32, '0');
const transfer = (n, more) => ({
  channel: 'transfer',
  messageId: `transfer-${n}`,
  data: JSON.stringify({ id: hex(n), device: 'microbit', direction: 'to', name: `${n}.bin`, file: hex(n), size: 1000, at: 0, state: 'waiting', detail: '', digest: null, rate: 0, revision: n, ...more }),
});

test('many transfers are a few rows, those that are not over first, and more when wanted', async () => {
  for (let n = 1; n <= 512; n += 1) stage.say(transfer(n, { state: n % 50 === 0 ? 'running' : 'done' }));
  await page.waitForSelector('#more-transfers >> text=Show 20 of 492 more');
  const names = await page.locator('.job .title').allTextContents();
  assert.deepEqual([names.length, names[0]], [20, '512.bin']);
  assert.ok(['50.bin', '500.bin'].every((name) => names.includes(name)), `${names}`);
  // All of them move at once, again and again.
  for (let at = 1; at <= 10; at += 1) for (let n = 1; n <= 512; n += 1) stage.say(transfer(n, { state: 'running', at: at * 50, revision: 1000 * at + n }));
  await page.waitForSelector('.job:has-text("512.bin") >> text=To microbit 50 %');
  assert.equal(await page.locator('.job').count(), 20);
  await page.click('#more-transfers');
  assert.equal(await page.locator('.job').count(), 40);
  await page.fill('#message', 'still here');
  await page.click('#send-chat');
  await page.waitForSelector('#chat .mine >> text="still here"');
});

test('an older word on a transfer changes nothing, a forgotten one goes, and what is no transfer is none', async () => {
  stage.say(transfer(1, { state: 'running', at: 700, rate: 100, revision: 5 }));
  stage.say(transfer(1, { state: 'running', at: 300, rate: 100, revision: 4 }));
  for (const data of ['null', '{}', '{"id":1}', JSON.stringify({ id: '../x', state: 'running', device: 'a', name: 'b' }), JSON.stringify({ id: hex(9), state: 'odd', device: 'a', name: 'b' })]) {
    stage.say({ channel: 'transfer', messageId: data, data });
  }
  stage.say(transfer(2, { name: 7 }));
  stage.say(transfer(3, { file: '//elsewhere.example/x', size: 'large', at: -1, rate: null, digest: 'sha-256:<b>', detail: 9, state: 'done' }));
  await page.waitForSelector('.job >> text=3.bin');
  assert.deepEqual(await page.locator('.job .title').allTextContents(), ['3.bin', '1.bin']);
  assert.equal(await page.locator('.job').last().locator('.half').last().textContent(), 'To microbit 70 %, 100 B/s, 3 s left');
  assert.equal(await page.locator('.job').first().locator('a:visible, .digest:visible').count(), 0);
  stage.say(transfer(1, { state: 'forgotten', revision: 6 }));
  stage.say(transfer(1, { state: 'running', revision: 5 }));
  await page.waitForFunction(() => document.querySelectorAll('.job').length === 1);
});

test('names on devices and hosts stay text, turn nothing around them, and are asked for as they are', async () => {
  const markup = '<img src=x onerror="document.title=1">';
  const turned = 'safe\u202egpj.exe ?#%';
  const entry = (name) => ({ name, size: 10, stored: 10, digest: `sha-256:${'ab'.repeat(32)}` });
  const many = Array.from({ length: 500 }, (_, n) => entry(`z-${n}`));
  stage.answers['GET /api/devices/micro%2Fbit%3F/files'] = { free: 1, capacity: 2, files: [entry(turned), entry(markup), ...many] };
  stage.answers['GET /files/'] = [{ id: hex(1), ...entry(markup), sha256: 'ab'.repeat(32), offset: 10, from: markup, device: null, created: 1 }];
  let removed = 0;
  stage.answers[`DELETE /api/devices/micro%2Fbit%3F/files/${encodeURIComponent(turned)}`] = () => (removed += 1);
  await page.reload();
  await state('connected');
  stage.say(device({ name: 'micro/bit?', about: { file: { meta: 'files/1 sha-256' } } }));
  await page.waitForSelector('#store-files .title >> text=<img');
  await page.waitForSelector('#depot-files .title >> text=<img');
  assert.equal(await page.locator('#store-files li').count(), 20);
  const shown = page.locator('bdi', { hasText: 'safe\ufffdgpj.exe ?#%' });
  assert.equal(await page.locator('#store-files').locator(shown).evaluate((name) => getComputedStyle(name).unicodeBidi), 'isolate');
  await page.locator('#store-files li').filter({ has: shown }).locator('button:text-is("Delete")').click();
  await page.waitForSelector('#question-title >> text=Delete safe\ufffdgpj.exe');
  await page.click('#question-yes');
  await page.waitForSelector('#question', { state: 'hidden' });
  while (removed === 0) await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.deepEqual([await page.title(), await page.locator('.exchange img').count()], ['Pocketmux', 0]);
});

test('a device without the protocol of files is none to send to; one that goes is waited for', async () => {
  stage.say(device({ name: 'plain' }));
  stage.say(device({ name: 'other', port: '/dev/b', about: { file: { meta: 'files/2' } } }));
  await page.waitForSelector('[data-device="other"]');
  const options = () => page.locator('#target option').allTextContents();
  assert.deepEqual(await options(), ['this host only']);
  stage.answers['GET /api/devices/microbit/files'] = { free: 1, capacity: 2, files: [] };
  stage.say(device({ port: '/dev/c', about: { file: { meta: 'files/1 crc-32' } } }));
  await page.waitForSelector('#drop-words >> text=to microbit');
  stage.say(device({ port: '/dev/c', state: 'offline', about: {} }));
  await page.waitForSelector('#target option:text-is("microbit (not online)")', { state: 'attached' });
  assert.equal(await page.inputValue('#target'), 'microbit');
});

test('nothing is wider than a phone', async () => {
  await page.setViewportSize({ width: 360, height: 780 });
  stage.say(device({ port: `/dev/serial/by-id/${'long-'.repeat(30)}` }));
  stage.say({ channel: 'chat', data: 'x'.repeat(500), from: 'z'.repeat(100) });
  stage.say({ channel: 'log', data: 'y'.repeat(500), from: 'z'.repeat(100) });
  stage.say({ channel: 'error', data: 'z'.repeat(500) });
  stage.say(transfer(1, { name: 'n'.repeat(64), device: 'd'.repeat(60), detail: 'w'.repeat(300), state: 'failed', digest: `sha-256:${'ab'.repeat(32)}` }));
  await page.waitForSelector('[data-row="log"] >> text=1/1');
  await page.locator('.job .digest').click();
  await page.screenshot({ path: join(paths.out, 'phone.png'), fullPage: true });
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
});
