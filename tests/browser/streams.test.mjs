// Streams: the published mux-demux, shoe and reconnect-core as clients of the real host, whose device is the emulated board.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { join } from 'node:path';
import MuxDemux from 'mux-demux';
import reconnect from 'reconnect-core';
import SockJS from 'sockjs-client';
import { WebSocket } from 'ws';
import { bundle } from './bundle.mjs';
import { streamOf } from './duplex.mjs';
import { folder, freePort, openPage, startBoard, startBrowser, startHost, unwind } from './rig.mjs';

const limit = { timeout: 60_000 };
const numbers = Array.from({ length: 10 }, (_, at) => `mystream${at}`);
const ways = [];
let device;
let data;
let port;
let host;
let browser;

before(async () => {
  data = await folder();
  ways.push(data.remove);
  device = join(data.path, 'board');
  const board = await startBoard(device);
  ways.push(board.unplug);
  port = await freePort();
  await start();
  ways.push(() => host.stop());
  browser = await startBrowser();
  ways.push(() => browser.close());
  await online();
});

after(() => unwind(ways));

async function start() {
  host = await startHost({ device, data: join(data.path, 'data'), port });
}

/** Waits until the board has said hello. */
async function online() {
  for (;;) {
    const devices = await (await fetch(`${host.url}/api/devices`)).json();
    if (devices.some(({ state }) => state === 'online')) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const open = {
  'a bare WebSocket': () => streamOf(new WebSocket(`${host.url.replace('http', 'ws')}/streams`)),
  'SockJS at /shoe': () => streamOf(new SockJS(`${host.url}/shoe`, null, { transports: ['websocket'] })),
  'SockJS at /shoe by requests': () => streamOf(new SockJS(`${host.url}/shoe`, null, { transports: ['xhr-polling'] })),
};

/** A multiplexer on such a connection; it goes with the test. */
function connect(context, place, options) {
  const stream = open[place]();
  const mux = MuxDemux(options);
  stream.pipe(mux).pipe(stream);
  context.after(() => stream.destroy());
  return { mux, stream };
}

/** The next value of an event that fits. */
function next(emitter, event, fits = () => true) {
  return new Promise((resolve) => {
    emitter.on(event, function hear(value) {
      if (!fits(value)) return;
      emitter.removeListener(event, hear);
      resolve(value);
    });
  });
}

let lines = 0;
const aLine = () => `line ${++lines} 😀`;

for (const place of Object.keys(open)) {
  test(`${place}: what one client says another hears, and the board answers`, limit, async (context) => {
    const [ann, bob] = [connect(context, place), connect(context, 'a bare WebSocket')].map(({ mux }) => mux.createStream('chat'));
    const line = aLine();
    // A stream listens once its line is there, which nobody is told of: what the board answers to it comes only then.
    bob.write('here');
    await next(bob, 'data', (text) => text.includes('heard: here'));
    const both = [next(bob, 'data', (text) => text === line), next(ann, 'data', (text) => text.includes(`heard: ${line}`))];
    ann.write(line);
    await Promise.all(both);
    const value = { list: [1, 2.5, null], text: 'é' };
    const heard = [next(bob, 'data', (data) => typeof data === 'object'), next(bob, 'data', (text) => text === `microbit heard: ${JSON.stringify(value)}`)];
    ann.write(value);
    assert.deepEqual((await Promise.all(heard))[0], value);
  });
}

test('a stream goes the ways that it was opened for', limit, async (context) => {
  const { mux } = connect(context, 'a bare WebSocket');
  const read = mux.createReadStream({ channel: 'chat', device: 'microbit' });
  const write = mux.createWriteStream({ channel: 'chat', device: 'microbit' });
  write.on('data', () => assert.fail('a stream to write to is not read from'));
  const line = aLine();
  read.on('data', (text) => assert.notEqual(text, line, 'only what the board says is heard'));
  const answer = next(read, 'data', (text) => text === `microbit heard: ${line}`);
  write.write(line);
  await answer;
  const closed = next(write, 'close');
  write.end();
  await closed;
});

test('what is paused waits and comes in order once it is resumed', limit, async (context) => {
  const { mux } = connect(context, 'SockJS at /shoe');
  const [ann, bob] = [mux.createStream('chat'), mux.createStream('chat')];
  const heard = [];
  bob.on('data', (text) => heard.push(text));
  bob.pause();
  const texts = [aLine(), aLine()];
  texts.forEach((text) => ann.write(text));
  await next(ann, 'data', (text) => text.includes(`heard: ${texts[1]}`));
  assert.deepEqual(heard, []);
  const resumed = next(bob, 'data', (text) => text.includes(`heard: ${texts[1]}`));
  bob.resume();
  await resumed;
  assert.deepEqual(heard.filter((text) => texts.includes(text)), texts);
});

test('a stream to nowhere gets an error in words, and the others go on', limit, async (context) => {
  const { mux } = connect(context, 'SockJS at /shoe');
  for (const [meta, words] of [
    ['nowhere', /No device has the channel `nowhere`/],
    [undefined, /The meta of a stream names a channel/],
    [{ channel: 'chat', device: 'none' }, /There is no device `none`/],
    ['error', /only the host speaks/],
  ]) {
    const stream = mux.createStream(meta);
    const error = await next(stream, 'error');
    assert.match(error.message, words);
    stream.on('error', () => {});
    stream.write('harmless');
    stream.destroy();
  }
  const chat = mux.createStream('chat');
  const answer = next(chat, 'data', (text) => text.includes('still here'));
  chat.write('still here');
  await answer;
});

test('streams that are ended, destroyed or left half-open disturb none', limit, async (context) => {
  const { mux } = connect(context, 'a bare WebSocket', { error: false });
  const unknown = [];
  mux.on('unknown', (id) => unknown.push(id));
  const [ended, destroyed, stays] = ['chat', 'chat', 'chat'].map((meta) => mux.createStream(meta));
  const half = mux.createStream('chat', { allowHalfOpen: true });
  for (const stream of [ended, destroyed]) stream.on('data', () => assert.fail('it is closed'));
  ended.end();
  destroyed.destroy();
  half.end();
  const answers = [stays, half].map((stream) => next(stream, 'data', (text) => text.includes('heard: all well')));
  stays.write('all well');
  await Promise.all(answers);
  assert.deepEqual(unknown, []);
});

test('streams end when the host goes, and reconnect-core comes back and goes on', limit, async (context) => {
  const client = reconnect(() => open['a bare WebSocket']())({ initialDelay: 50, maxDelay: 500 });
  context.after(() => client.disconnect());
  client.on('error', () => {});
  const mux = () =>
    new Promise((resolve) => {
      client.once('connection', (stream) => {
        const opened = MuxDemux();
        stream.pipe(opened).pipe(stream);
        resolve(opened);
      });
    });
  const talk = async (opened) => {
    // The board's own channel: it is there as soon as the board has said hello to the host again.
    const [presence, chat] = [opened.createReadStream('presence'), opened.createStream('chat')];
    const line = aLine();
    const heard = [next(presence, 'data', (text) => text === 'online'), next(chat, 'data', (text) => text.includes(`heard: ${line}`))];
    chat.write(line);
    await Promise.all(heard);
    return chat;
  };
  let opened = mux();
  client.connect();
  const chat = await talk(await opened);
  const ended = next(chat, 'end');
  opened = mux();
  await host.stop();
  await ended;
  await start();
  const again = await opened;
  await online();
  await talk(again);
});

test('shoe in a page: the ten numbers of the board come, and a chat goes both ways', limit, async () => {
  const script = await bundle(`
    const shoe = require('shoe'), MuxDemux = require('mux-demux');
    const values = window.values = {}, metas = window.metas = [], chat = window.chat = [];
    const numbers = shoe('/numbers');
    const incoming = MuxDemux((stream) => {
      metas.push(stream.meta);
      stream.on('data', ({ myValue }) => {
        values[stream.meta] = myValue;
        document.body.textContent = JSON.stringify(values);
      });
    });
    incoming.pipe(numbers).pipe(incoming);
    const outgoing = MuxDemux();
    const talk = shoe('/shoe');
    outgoing.pipe(talk).pipe(outgoing);
    const stream = window.stream = outgoing.createStream('chat');
    stream.on('data', (text) => chat.push(text));
    stream.write('ahoy from shoe');
  `);
  // A page of the host's that old SockJS clients know, and that has no script of its own.
  const { page, complaints, close } = await openPage(browser, `${host.url}/shoe/`);
  try {
    page.setDefaultTimeout(limit.timeout);
    await page.addScriptTag({ content: script });
    await page.waitForFunction(() => window.chat.includes('microbit heard: ahoy from shoe'));
    await page.waitForFunction((all) => all.every((name) => name in window.values), numbers);
    assert.deepEqual(await page.evaluate(() => window.metas), numbers);
    const first = await page.evaluate(() => ({ ...window.values }));
    assert.ok(Object.values(first).every((value) => value >= 0 && value <= 1), JSON.stringify(first));
    // Those of the example's page; the first of the board's stands for all that they move.
    await page.waitForFunction((before) => window.values.mystream1 !== before, first.mystream1);
    // The page has no icon, for which Chromium asks all the same.
    assert.deepEqual(complaints.filter((complaint) => !complaint.includes('404')), []);
  } finally {
    await close();
  }
});
