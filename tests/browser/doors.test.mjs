// All doors of one host at the same time, each with the published client of its kind, and the emulated board: what is said at one is
// heard at every other and on the board, and a client that misbehaves at one disturbs no other.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import MuxDemux from 'mux-demux';
import reconnect from 'reconnect-core';
import SockJS from 'sockjs-client';
import { WebSocket } from 'ws';
import { bundle } from './bundle.mjs';
import { streamOf } from './duplex.mjs';
import { folder, freePort, openPage, startBoard, startBrowser, startHost, unwind } from './rig.mjs';

const limit = { timeout: 60_000 };
const { resolve: find } = createRequire(import.meta.url);
const [sockjsScript, multiplexScript] = ['sockjs-client/dist/sockjs.js', 'websocket-multiplex/multiplex_client.js'].map((name) => find(name));
// It is a script for pages, which declares a global.
const WebSocketMultiplex = new Function(`${readFileSync(multiplexScript, 'utf8')}; return WebSocketMultiplex;`)();

const ends = [];
const doors = [];
let host, chatUrl, start;

before(async () => {
  const home = await folder();
  ends.push(home.remove);
  const device = join(home.path, 'board');
  const board = await startBoard(device);
  ends.push(() => board.unplug());
  const chatPort = await freePort();
  chatUrl = `http://localhost:${chatPort}`;
  const port = await freePort();
  start = async () => {
    host = await startHost({ device, data: join(home.path, 'data'), port, args: ['--chat-listen', `127.0.0.1:${chatPort}`] });
  };
  await start();
  ends.push(() => host.stop());
  const browser = await startBrowser();
  ends.push(() => browser.close());
  doors.push(await frames());
  await doors[0].hears(/./, 'presence');
  doors.push(await page(browser));
  for (const transport of ['websocket', 'xhr-streaming', 'eventsource', 'xhr-polling']) doors.push(await topic(transport));
  doors.push(await stream('a bare WebSocket', new WebSocket(`${host.url.replace('http', 'ws')}/streams`)));
  for (const transport of ['htmlfile', 'jsonp-polling']) doors.push(await topicInPage(browser, transport));
  doors.push(await shoeInPage(browser));
  for (const [name, url] of [['chat', `${host.url}/ws`], ['chat on a listener of its own', `${chatUrl}/any/path`]]) doors.push(await chat(name, url));
  for (const door of doors) ends.push(door.close);
}, limit);

after(() => unwind(ends));

/** A door's client: what it hears on the channel `chat`, and how it says something there. */
function client(name, say, close) {
  const heard = [];
  const waiting = new Set();
  const hear = (text, channel = 'chat') => {
    heard.push({ text, channel });
    waiting.forEach((look) => look());
  };
  /** Waits for a text, among what came and what is to come. */
  const hears = (wanted, on = 'chat') =>
    new Promise((resolve, reject) => {
      const fits = ({ text, channel }) => channel === on && (wanted instanceof RegExp ? wanted.test(text) : text === wanted);
      const look = () => heard.some(fits) && done(resolve);
      const done = (end, reason) => {
        clearTimeout(timer);
        waiting.delete(look);
        end(reason);
      };
      const timer = setTimeout(() => done(reject, new Error(`${name} did not hear ${wanted}, but ${JSON.stringify(heard.slice(-5).map(({ text }) => text.slice(0, 80)))}`)), 20_000);
      waiting.add(look);
      look();
    });
  return { name, say, close, hear, hears, heard };
}

async function frames() {
  const socket = new WebSocket(host.url.replace('http', 'ws'));
  let count = 0;
  const say = (data) => {
    count += 1;
    // As the course's page does, in frames of four characters.
    const pieces = data.match(/.{1,4}/gsu);
    pieces.forEach((piece, sequence) =>
      socket.send(JSON.stringify({ channel: 'chat', messageId: `f-${count}`, sequence, total: pieces.length, data: piece })),
    );
  };
  const it = client('frames', say, () => socket.terminate());
  const pieces = new Map();
  socket.on('message', (text) => {
    const { channel, messageId, sequence, total, data } = JSON.parse(text);
    const parts = pieces.get(messageId) ?? [];
    parts[sequence] = data;
    pieces.set(messageId, parts);
    if (parts.filter((part) => part !== undefined).length === total) it.hear(parts.join(''), channel);
  });
  await once(socket, 'open');
  return it;
}

async function page(browser) {
  const opened = await openPage(browser, host.url);
  await opened.page.waitForSelector('#indicator[data-state="connected"]');
  const say = async (text) => {
    await opened.page.fill('#message', text);
    await opened.page.press('#message', 'Enter');
  };
  const it = client('page', say, opened.close);
  it.hears = (wanted) => opened.page.locator('#chat li:not(.partial) .text', { hasText: wanted }).first().waitFor({ timeout: 20_000 });
  return it;
}

async function topic(transport) {
  const socket = new SockJS(`${host.url}/multiplex`, null, { transports: [transport] });
  const channel = new WebSocketMultiplex(socket).channel('chat');
  const it = client(`topics by ${transport}`, (text) => channel.send(text), () => socket.close());
  channel.onmessage = ({ data }) => it.hear(data);
  await new Promise((resolve) => (channel.onopen = resolve));
  return it;
}

/** A client in a page, which gives what it hears to `hear`, and has a function `say`. */
async function inPage(browser, name, path, scripts, run, argument) {
  const opened = await openPage(browser, `${host.url}${path}`);
  const it = client(name, (text) => opened.page.evaluate((line) => window.say(line), text), opened.close);
  await opened.page.exposeFunction('hear', (text) => it.hear(text));
  for (const script of scripts) await opened.page.addScriptTag(script);
  await opened.page.evaluate(run, argument);
  return it;
}

function topicInPage(browser, transport) {
  const scripts = [{ path: sockjsScript }, { path: multiplexScript }];
  const run = (wanted) =>
    new Promise((resolve) => {
      const socket = new window.SockJS('/multiplex', null, { transports: [wanted] });
      const channel = new window.WebSocketMultiplex(socket).channel('chat');
      channel.onmessage = ({ data }) => window.hear(data);
      channel.onopen = () => resolve();
      window.say = (text) => channel.send(text);
    });
  return inPage(browser, `topics by ${transport} in a page`, '/multiplex/', scripts, run, transport);
}

async function shoeInPage(browser) {
  const content = await bundle(`
    const connection = require('shoe')('/shoe'), mux = require('mux-demux')();
    connection.pipe(mux).pipe(connection);
    const stream = mux.createStream('chat');
    stream.on('data', (text) => window.hear(text));
    window.say = (text) => { stream.write(text); };
  `);
  return inPage(browser, 'streams by shoe in a page', '/shoe/', [{ content }], () => {});
}

async function stream(name, socket) {
  const connection = streamOf(socket);
  const mux = MuxDemux();
  connection.pipe(mux).pipe(connection);
  const channel = mux.createStream('chat');
  const it = client(`streams by ${name}`, (text) => channel.write(text), () => connection.destroy());
  channel.on('data', (data) => it.hear(data));
  return it;
}

async function chat(name, url) {
  const socket = new WebSocket(url.replace('http', 'ws'));
  const say = async (content) => {
    const answer = await fetch(`${chatUrl}/api/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sender: name, content }),
    });
    assert.equal(answer.status, 201);
  };
  const it = client(name, say, () => socket.terminate());
  socket.on('message', (text) => {
    const { type, data } = JSON.parse(text);
    if (type === 'new_message') it.hear(data.content);
  });
  await once(socket, 'open');
  return it;
}

/** Says a line at one door, and waits until all others and the board have heard it. The board says so by its answer. */
async function round(from, line) {
  await from.say(line);
  await Promise.all([
    ...doors.filter((door) => door !== from).map((door) => door.hears(line)),
    ...doors.map((door) => door.hears(`microbit heard: ${line}`)),
  ]);
}

test('what is said at each door is heard at every other and on the board', limit, async () => {
  // Streams listen from when the host has read their first line, which nobody is told of: something is said until they do.
  const ready = doors.filter((door) => door.name.startsWith('streams')).map((door) => door.hears(/^ready/));
  const asking = setInterval(() => doors[0].say(`ready ${Date.now() % 1000}`), 1000);
  await Promise.all(ready).finally(() => clearInterval(asking));
  for (const [at, door] of doors.entries()) await round(door, `line ${at}, from ${door.name} é😀`);
  // Once each: nobody hears twice, nor what it has said itself, but those who read frames and the feed.
  for (const door of doors.filter((one) => one.name !== 'page')) {
    const times = (line) => door.heard.filter(({ text, channel }) => channel === 'chat' && text === line).length;
    const expected = doors.map((other) => (other !== door || ['frames', 'chat'].some((kind) => door.name.startsWith(kind)) ? 1 : 0));
    assert.deepEqual(doors.map((other, at) => times(`line ${at}, from ${other.name} é😀`)), expected, door.name);
  }
  const stored = await (await fetch(`${chatUrl}/api/messages`)).json();
  for (const [at, door] of doors.entries()) {
    const line = `line ${at}, from ${door.name} é😀`;
    assert.equal(stored.filter(({ content }) => content === line).length, 1, line);
    assert.equal(stored.filter(({ content }) => content === `microbit heard: ${line}`).length, 1, line);
  }
});

/** What a client that means harm sends to a WebSocket, and stays for. */
async function annoy(path, texts) {
  const socket = new WebSocket(host.url.replace('http', 'ws') + path);
  socket.on('error', () => {});
  await once(socket, 'open');
  for (const text of texts) socket.send(text);
  return () => socket.terminate();
}

test('a client that misbehaves at one door disturbs no other', limit, async () => {
  const flood = Array.from({ length: 5000 }, (_, n) => `nonsense ${n}`);
  const quoted = flood.map((text) => JSON.stringify([text]));
  const id = (n) => JSON.stringify([`s${n}`, 'new', { meta: 'chat' }]);
  const leave = await Promise.all([
    annoy('/', [...flood, Buffer.alloc(70_000), '{"channel":"chat"']),
    annoy('/multiplex/0/annoyer/websocket', [...quoted, '["sub,a,', 'x']),
    annoy('/multiplex/websocket', flood.map((_, n) => `sub,t${n}`)),
    annoy('/streams', ['["__proto__","new"]\n', '["a","new",null]\n[[[', 'x'.repeat(700_000), ...flood.map((_, n) => `${id(n)}\n`)]),
    annoy('/shoe/0/annoyer/websocket', quoted),
    annoy('/ws', flood),
  ]);
  const answers = await Promise.all(
    ['{"sender":"x"', '{"sender":"","content":""}', JSON.stringify({ sender: 'x', content: 'y'.repeat(200_000) })].map((body) =>
      fetch(`${chatUrl}/api/messages`, { method: 'POST', headers: { 'content-type': 'application/json' }, body }).then(({ status }) => status),
    ),
  );
  assert.deepEqual(answers, [400, 400, 413]);
  for (const [at, door] of doors.entries()) await round(door, `line ${at} all the same, from ${door.name}`);
  leave.forEach((end) => end());
});

test('those who say much, as they may, push nobody out', limit, async () => {
  const talker = new WebSocket(host.url.replace('http', 'ws'));
  await once(talker, 'open');
  const long = 'x'.repeat(16_000);
  for (let n = 0; n < 120; n += 1) {
    talker.send(JSON.stringify({ channel: 'chat', messageId: `t-${n}`, sequence: 0, total: 1, data: `${n} ${long}` }));
  }
  const posts = Array.from({ length: 20 }, async (_, poster) => {
    const body = JSON.stringify({ sender: `poster ${poster}`, content: `post ${poster} ${'y'.repeat(90_000)}` });
    const { status } = await fetch(`${chatUrl}/api/messages`, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    assert.equal(status, 201);
  });
  await Promise.all(posts);
  talker.close();
  // The board has lost lines that came too fast for it, and says so; it answers again when they are through.
  const others = doors.filter((door) => door.name !== 'page');
  const posted = posts.map((_, poster) => new RegExp(`^post ${poster} y`));
  await Promise.all(others.flatMap((door) => [/^119 x/, ...posted].map((line) => door.hears(line))));
  for (const door of others) {
    const lines = door.heard.filter(({ text }) => /^\d+ x/.test(text));
    assert.deepEqual(lines.map(({ text }) => parseInt(text, 10)), [...Array(120).keys()], door.name);
    assert.equal(door.heard.filter(({ text }) => /^post \d+ y/.test(text)).length, posts.length, door.name);
  }
});

test('clients that connect again go on after a restart of the host, and the history has what they missed', limit, async (context) => {
  const url = `${host.url.replace('http', 'ws')}/streams`;
  const lasting = reconnect(() => streamOf(new WebSocket(url)))({ initialDelay: 50, maxDelay: 500 });
  context.after(() => lasting.disconnect());
  lasting.on('error', () => {});
  const connected = () =>
    new Promise((resolve) => {
      lasting.once('connection', (connection) => {
        const mux = MuxDemux();
        connection.pipe(mux).pipe(connection);
        resolve(mux.createStream('chat'));
      });
    });
  const hears = (channel, line) => new Promise((resolve) => channel.on('data', (text) => text === line && resolve()));
  const say = async (content) => {
    const body = JSON.stringify({ sender: 'restarted', content });
    return (await fetch(`${chatUrl}/api/messages`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
  };
  let channel = connected();
  lasting.connect();
  await channel;
  const { id } = await say('before the restart');
  channel = connected();
  await host.stop();
  await start();
  const again = await channel;
  // It listens once its line is there, which nobody is told of.
  const heard = hears(again, 'after the restart');
  const saying = setInterval(() => say('after the restart').catch(() => {}), 500);
  await heard.finally(() => clearInterval(saying));
  const missed = await (await fetch(`${chatUrl}/api/messages?since=${id}`)).json();
  assert.ok(missed.length > 0 && missed.every(({ content }) => content !== 'before the restart'), JSON.stringify(missed));
});
