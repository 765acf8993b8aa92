// A classic page, served from another port of localhost, works against this host as it did against its own server.
//
// The page under test is our stand-in, in classic/. It fixes the address, so the host listens on port 8765 here. The
// built-in virtual board speaks on the same channels meanwhile; so what is looked for is looked for among other frames.

import test, { before, after, beforeEach, afterEach } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { folder, openPage, startBrowser, startHost, unwind } from './rig.mjs';

const PORT = 8765;
const ends = [];
let browser, host, home, data;

before(async () => {
  const box = await folder();
  ends.push(box.remove);
  data = join(box.path, 'data');
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close() && server.closeAllConnections());
  home = `http://localhost:${server.address().port}`;
  host = await startHost({ device: 'demo', data, port: PORT });
  ends.push(() => host.stop());
  browser = await startBrowser();
  ends.push(() => browser.close());
});
after(() => unwind(ends));

let opened;
beforeEach(() => (opened = []));
afterEach(() => Promise.all(opened.map(({ close }) => close())));

async function serve({ url }, response) {
  const { pathname } = new URL(url, 'http://localhost');
  const name = pathname === '/' ? 'index.html' : pathname.slice(1);
  const isKnown = ['index.html', 'classic.mjs'].includes(name);
  const type = name.endsWith('.mjs') ? 'text/javascript' : 'text/html; charset=utf-8';
  response.writeHead(isKnown ? 200 : 404, { 'content-type': type });
  response.end(isKnown ? await readFile(new URL(`classic/${name}`, import.meta.url)) : '');
}

async function open(query = '') {
  const made = await openPage(browser, `${home}/${query}`);
  opened.push(made);
  made.page.setDefaultTimeout(15_000);
  return made.page;
}

async function connected(query) {
  const page = await open(query);
  await page.click('text="Connect"');
  await page.waitForSelector('#status >> text="Connected to ws://localhost:8765"');
  return page;
}

/** Waits until the page has these frames, in this order, newest first, perhaps with others between them. */
const sees = (page, ...lines) =>
  page.waitForFunction((wanted) => {
    const left = [...wanted];
    for (const { textContent } of document.querySelectorAll('#frames div')) if (textContent === left.at(-1)) left.pop();
    return left.length === 0;
  }, lines);

test('it asks to connect before sending, connects from another origin, and disconnects', async () => {
  const page = await open();
  assert.equal(await page.textContent('#frames'), 'No frames yet.');
  await page.click('text="Send presence"');
  await page.waitForSelector('#status >> text="Connect before sending."');
  await page.click('text="Connect"');
  await page.waitForSelector('#indicator[data-state="connected"]');
  await page.click('text="Disconnect"');
  await page.waitForSelector('#indicator[data-state="disconnected"]');
  assert.equal(await page.textContent('#status'), 'Disconnected.');
});

test('two windows see one chat line, frame by frame, the sender included', async () => {
  const pages = [await connected(), await connected()];
  await pages[0].click('text="Send chat"');
  const frames = ['chat:0/5 “hell”', 'chat:1/5 “o mu”', 'chat:2/5 “ltip”', 'chat:3/5 “lexi”', 'chat:4/5 “ng”'];
  await Promise.all(pages.map((page) => sees(page, ...frames)));
});

test('the fake file arrives in two frames and is put together', async () => {
  const page = await connected();
  // The board sends a file of its own when it starts; wait until it is through with it.
  await quietOn(page, 'file');
  await page.click('text="Send fake file"');
  await sees(page, 'file:0/2 “ABCD”', 'file:1/2 “EFGH”');
  const row = page.locator('[data-channel="file"] td');
  assert.deepEqual(await row.allTextContents(), ['file', '2/2', '—', 'ABCDEFGH']);
});

test('chunk size 2 makes four frames of the file', async () => {
  const page = await connected('?size=2');
  await page.click('text="Send fake file"');
  await sees(page, 'file:0/4 “AB”', 'file:1/4 “CD”', 'file:2/4 “EF”', 'file:3/4 “GH”');
});

test('a typing channel nobody announced is carried too', async () => {
  const [writer, reader] = [await connected('?typing'), await connected('?typing')];
  await writer.type('#message', '!');
  await sees(reader, 'typing:0/2 “typi”', 'typing:1/2 “ng”');
});

test('an emoji cut in half comes back as it was sent', async () => {
  const pages = [await connected(), await connected()];
  await pages[1].evaluate(() => {
    window.whole = [];
    new MutationObserver(() => {
      const { textContent } = document.querySelector('[data-channel="chat"] td:last-child');
      window.whole.push(textContent);
    }).observe(document.getElementById('rows'), { childList: true });
  });
  await pages[0].fill('#message', 'hi 😀!');
  await pages[0].click('text="Send chat"');
  await pages[1].waitForFunction(() => window.whole.includes('hi 😀!'));
});

test('the board speaks to a classic page, and hears it', async () => {
  const page = await connected();
  await page.waitForSelector('[data-channel="presence"] td:text-is("online")');
  await page.click('text="Send chat"');
  const own = ['hell', 'o mu', 'ltip', 'lexi', 'ng'].map((data, sequence) => `chat:${sequence}/5 “${data}”`);
  await sees(page, ...own);
  await page.waitForFunction((mine) => {
    const chat = [...document.querySelectorAll('#frames div')].filter((line) => line.textContent.startsWith('chat:'));
    return chat.some((line) => !mine.includes(line.textContent));
  }, own);
});

test('a client without a subprotocol hears of no devices', async () => {
  const channels = new Set();
  const socket = new WebSocket(`ws://localhost:${PORT}`);
  socket.on('message', (text) => channels.add(JSON.parse(text).channel));
  await once(socket, 'open');
  while (!channels.has('presence')) await once(socket, 'message');
  socket.close();
  assert.ok(!channels.has('device'));
});

test('without a host it says so, and connects once there is one', async () => {
  const page = await open();
  assert.equal(await host.stop(), 0);
  await page.click('text="Connect"');
  await page.waitForSelector('#indicator[data-state="error"] >> text="WebSocket error. Is server running?"');
  host = await startHost({ device: 'demo', data, port: PORT });
  await page.click('text="Connect"');
  await page.waitForSelector('#indicator[data-state="connected"]');
});

async function quietOn(page, channel) {
  const count = () => page.locator('#frames div', { hasText: new RegExp(`^${channel}:`) }).count();
  for (let before = -1, now = await count(); now !== before; [before, now] = [now, await count()]) {
    await page.waitForTimeout(1500);
  }
}
