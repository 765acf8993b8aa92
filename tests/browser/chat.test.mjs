// The chat door with what its clients are made of, plain `fetch` and `WebSocket`, beside a page, a client of frames and the board.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { folder, freePort, openPage, startBoard, startBrowser, startHost, unwind } from './rig.mjs';

const limit = { timeout: 30_000 };
const ends = [];
let host, api, chatPort, data, device, browser, args;

before(async () => {
  const home = await folder();
  ends.push(home.remove);
  data = join(home.path, 'data');
  device = join(home.path, 'board');
  const board = await startBoard(device);
  ends.push(() => board.unplug());
  chatPort = await freePort();
  args = ['--chat-listen', `127.0.0.1:${chatPort}`];
  host = await startHost({ device, data, args });
  ends.push(() => host.stop());
  api = `http://localhost:${chatPort}/api/messages`;
  browser = await startBrowser();
  ends.push(() => browser.close());
  // The board is there once it says so.
  const frames = listen(host.url);
  await frames.hears(({ channel }) => channel === 'presence');
  frames.close();
}, limit);
after(() => unwind(ends));

const post = (body, headers = {}) =>
  fetch(api, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: typeof body === 'string' ? body : JSON.stringify(body) });
const list = async (query = '') => (await fetch(api + query)).json();

/** A WebSocket whose messages are JSON. `hears` gives the first, of those that came and those to come, that is wanted. */
function listen(url) {
  const socket = new WebSocket(url.replace('http', 'ws'));
  const heard = [];
  const waiting = new Set();
  socket.on('message', (text) => {
    heard.push(JSON.parse(text));
    waiting.forEach((look) => look());
  });
  const hears = (wanted) =>
    new Promise((resolve) => {
      const look = () => {
        const found = heard.find(wanted);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    });
  return { heard, hears, ready: once(socket, 'open'), say: (text) => socket.send(text), close: () => socket.terminate() };
}

const says = (content) => ({ type, data }) => type === 'new_message' && data.content === content;

test('a post is told to both feeds, to pages and to the board, whose answer is told too', limit, async (context) => {
  const feeds = [listen(`http://localhost:${chatPort}/any/path`), listen(`${host.url}/ws`)];
  const frames = listen(host.url);
  const all = [...feeds, frames];
  context.after(() => all.forEach((client) => client.close()));
  await Promise.all(all.map(({ ready }) => ready));
  const response = await post({ sender: 'Ann', content: 'ahoy 😀' });
  assert.equal(response.status, 201);
  const message = await response.json();
  assert.deepEqual(Object.keys(message), ['id', 'sender', 'content', 'timestamp']);
  assert.match(message.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(new Date(message.timestamp).toISOString(), message.timestamp);
  for (const feed of feeds) {
    assert.deepEqual((await feed.hears(says('ahoy 😀'))), { type: 'new_message', data: message });
    assert.deepEqual(feed.heard[0], { type: 'system', content: 'Connected to real-time chat' });
    assert.equal((await feed.hears(says('microbit heard: ahoy 😀'))).data.sender, 'microbit');
    assert.ok(feed.heard.slice(1).every(({ type }) => type === 'new_message'));
  }
  const frame = await frames.hears(({ messageId }) => messageId === message.id);
  assert.deepEqual([frame.channel, frame.data, frame.from], ['chat', 'ahoy 😀', 'Ann']);
  const contents = (await list()).map(({ content }) => content);
  assert.deepEqual(contents.slice(-2), ['ahoy 😀', 'microbit heard: ahoy 😀']);
});

test('a line of the page is told and kept, with the name of who said it', limit, async (context) => {
  const feed = listen(`${host.url}/ws`);
  const { page, complaints, close } = await openPage(browser, host.url);
  context.after(() => (feed.close(), close()));
  await feed.ready;
  await page.waitForSelector('#indicator[data-state="connected"]');
  await page.fill('#message', 'a line in many frames 😀');
  await page.click('#send-chat');
  const { data: told } = await feed.hears(says('a line in many frames 😀'));
  assert.equal(told.sender, await page.inputValue('#name'));
  assert.deepEqual((await list()).find(({ id }) => id === told.id), told);
  // What a client of the feed says is ignored.
  feed.say('{"channel":"chat","messageId":"x","sequence":0,"total":1,"data":"not said"}');
  const { data: next } = await (await post({ sender: 'Ann', content: 'after it' })).json().then(() => feed.hears(says('after it')));
  assert.equal(next.sender, 'Ann');
  assert.ok(!(await list()).some(({ content }) => content === 'not said'));
  assert.deepEqual(complaints, []);
});

test('what is wrong with a post is said, and a known id gives what is stored', limit, async () => {
  const required = { error: 'Sender and content are required' };
  for (const body of [{ sender: 'Ann' }, { content: 'x' }, { sender: '', content: 'x' }]) {
    const response = await post(body);
    assert.deepEqual([response.status, await response.json()], [400, required]);
  }
  const broken = await post('{"sender":');
  assert.deepEqual([broken.status, typeof (await broken.json()).error], [400, 'string']);
  const large = await post({ sender: 'Ann', content: 'x'.repeat(200_000) });
  assert.deepEqual([large.status, typeof (await large.json()).error], [413, 'string']);
  const given = { id: 'mine-1', sender: 'Ann', content: 'once', timestamp: '2001-02-03T04:05:06.789Z' };
  for (const status of [201, 200]) {
    const response = await post(given);
    assert.deepEqual([response.status, await response.json()], [status, given]);
  }
  const all = await list();
  assert.deepEqual([all[0], all.filter(({ id }) => id === 'mine-1').length], [given, 1]);
  assert.equal((await fetch(`${api}?since=nobody`)).status, 404);
});

test('a page of another port may list, post and listen; a page of another site may not', limit, async (context) => {
  const server = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>')).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { page, close } = await openPage(browser, `http://localhost:${server.address().port}/`);
  context.after(async () => (await close(), server.close()));
  const [status, listed, told] = await page.evaluate(async ([url, feed]) => {
    const socket = new WebSocket(feed);
    const news = new Promise((resolve) => (socket.onmessage = ({ data }) => data.includes('from afar') && resolve(JSON.parse(data))));
    await new Promise((resolve) => (socket.onopen = resolve));
    const headers = { 'content-type': 'application/json' };
    const posted = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ sender: 'Eve', content: 'from afar' }) });
    const rows = await (await fetch(url)).json();
    return [posted.status, rows.filter(({ content }) => content === 'from afar').length, await news];
  }, [api, `ws://localhost:${chatPort}/`]);
  assert.equal(status, 201);
  assert.equal(told.data.content, 'from afar');
  assert.equal(listed, 1);

  const strange = { Origin: 'https://evil.example' };
  const refused = await post({ sender: 'Eve', content: 'from elsewhere' }, strange);
  assert.deepEqual([refused.status, refused.headers.get('access-control-allow-origin')], [403, null]);
  assert.equal((await fetch(api, { method: 'OPTIONS', headers: strange })).status, 403);
});

test('a client that was away asks for what it missed, also after a restart of the host', limit, async () => {
  const last = await (await post({ sender: 'Ann', content: 'the last I heard' })).json();
  const missed = await (await post({ sender: 'Bob', content: 'while you were away', timestamp: '1999-01-01T00:00:00.000Z' })).json();
  assert.equal(await host.stop(), 0);
  host = await startHost({ device, data, args });
  const since = await list(`?since=${last.id}`);
  assert.deepEqual(since.filter(({ sender }) => sender !== 'microbit'), [missed]);
  // The board may still answer meanwhile.
  const [before, newest, after] = [await list(), await list('?limit=2'), await list()];
  const at = after.findIndex(({ id }) => id === newest[0].id);
  assert.deepEqual(newest, after.slice(at, at + 2));
  assert.ok(at + 2 >= before.length, 'they are the newest');
  assert.deepEqual(await list(`?limit=1&before=${newest[0].id}`), after.slice(at - 1, at));
});
