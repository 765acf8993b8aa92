// Clients of frames as they come: at any path, many messages in a TCP segment, messages in fragments, and long ones.

import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { folder, startHost, unwind } from './rig.mjs';

const limit = { timeout: 30_000 };
const ends = [];
let host;

before(async () => {
  const data = await folder();
  ends.push(data.remove);
  host = await startHost({ data: data.path });
  ends.push(() => host.stop());
});
after(() => unwind(ends));

let clients = 0;

/** A client at a path; `hears` gives the texts that it gets on its own channel, once there are so many. */
async function connect(path) {
  const socket = new WebSocket(host.url.replace('http', 'ws') + path);
  clients += 1;
  const channel = `test-${clients}`;
  const heard = [];
  let look = () => {};
  socket.on('message', (text) => {
    heard.push(text.toString());
    look();
  });
  const own = () => heard.filter((text) => JSON.parse(text).channel === channel);
  const hears = (count) =>
    new Promise((resolve) => {
      look = () => own().length >= count && resolve(own());
      look();
    });
  await once(socket, 'open');
  ends.push(() => socket.terminate());
  const frame = (data, n = 0) => JSON.stringify({ channel, messageId: `m-${n}`, sequence: 0, total: 1, data });
  return { socket, hears, frame };
}

test('any path that is no door takes clients, and nothing welcomes them', limit, async () => {
  for (const path of ['/', '/any', '/a/deep/path?with=a&query', '/api', '/multiplexed', '/shoes']) {
    const { socket, hears, frame } = await connect(path);
    assert.equal(socket.protocol, '');
    socket.send(frame('hello'));
    assert.deepEqual(await hears(1), [frame('hello')], path);
  }
});

test('many frames in one TCP segment all arrive, in order', limit, async () => {
  const { socket, hears, frame } = await connect('/');
  const texts = Array.from({ length: 500 }, (_, n) => frame(`line ${n}`, n));
  socket._socket.cork();
  for (const text of texts) socket.send(text);
  socket._socket.uncork();
  assert.deepEqual(await hears(texts.length), texts);
});

test('a message in fragments is one message, whatever comes between them', limit, async () => {
  const { socket, hears, frame } = await connect('/');
  const text = frame('é😀 in pieces');
  const bytes = Buffer.from(text);
  // Also in the middle of a character.
  for (let at = 0; at < bytes.length; at += 1) {
    socket.send(bytes.subarray(at, at + 1), { fin: at + 1 === bytes.length, binary: false });
    if (at % 10 === 0) socket.ping();
  }
  assert.deepEqual(await hears(1), [text]);
});

test('a frame of more than 64 KiB arrives as it is', limit, async () => {
  const { socket, hears, frame } = await connect('/');
  const text = frame('x'.repeat(250_000));
  socket.send(text);
  assert.deepEqual(await hears(1), [text]);
});
