// The JavaScript client against a bare relay in this process: what it keeps, what it bounds, how it comes back.

import test from 'node:test';
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';
import { PocketClient, Rebuilder, idMaker, toBase64, fromBase64 } from '../../host/web/pocket.mjs';

const frame = (more) => ({ channel: 'chat', messageId: 'c', sequence: 0, total: 1, data: 'x', ...more });

/** A relay that sends every text to everyone, as a host without devices does. */
async function relay(context, port = 0) {
  const server = new WebSocketServer({ port, host: '127.0.0.1', handleProtocols: (names) => [...names][0] });
  await once(server, 'listening');
  server.on('connection', (socket) => {
    socket.on('message', (data) => server.clients.forEach((client) => client.send(data.toString())));
  });
  const stop = async () => {
    server.clients.forEach((client) => client.terminate());
    await new Promise((done) => server.close(done));
  };
  context.after(stop);
  return { server, stop, port: server.address().port };
}

function join(context, port, more) {
  const client = new PocketClient({ url: `ws://127.0.0.1:${port}/`, WebSocket, ...more });
  context.after(() => client.disconnect());
  return client;
}

function heard(client, type, matches = () => true) {
  return new Promise((resolve) => {
    client.addEventListener(type, function listen({ detail }) {
      if (!matches(detail)) return;
      client.removeEventListener(type, listen);
      resolve(detail);
    });
  });
}

const connected = (client) => heard(client, 'state', ({ state }) => state === 'connected');

test('two clients see the same message, cut in frames, sender included', async (context) => {
  const { port } = await relay(context);
  const [ann, bob] = [join(context, port, { from: 'ann' }), join(context, port)];
  const both = Promise.all([connected(ann), connected(bob)]);
  ann.connect();
  bob.connect();
  await both;
  const texts = [];
  bob.addEventListener('frame', ({ detail }) => texts.push(detail.text));
  const arrived = Promise.all([heard(ann, 'message'), heard(bob, 'message')]);
  const id = ann.send('chat', 'hi 😀!');
  for (const message of await arrived) {
    assert.deepEqual([message.text, message.from, message.messageId], ['hi 😀!', 'ann', id]);
  }
  assert.equal(texts[0], `{"channel":"chat","messageId":"${id}","sequence":0,"total":2,"data":"hi \\ud83d","from":"ann"}`);
});

test('bytes arrive as they were, with their name', async (context) => {
  const { port } = await relay(context);
  const client = join(context, port, { windowFrames: 4 });
  const up = connected(client);
  client.connect();
  await up;
  const bytes = Uint8Array.from({ length: 10_000 }, (_, at) => (at * 7) % 256);
  const arrived = heard(client, 'message');
  await client.sendBytes('file', bytes, { chunkSize: 100, meta: { name: 'a.bin', size: bytes.length } });
  const message = await arrived;
  assert.deepEqual(message.bytes, bytes);
  assert.deepEqual([message.total, message.meta.name], [100, 'a.bin']);
});

test('a sender waits for what it has sent to come back', async (context) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: (names) => [...names][0] });
  await once(server, 'listening');
  context.after(() => server.close());
  const client = join(context, server.address().port, { windowFrames: 5 });
  let count = 0;
  server.on('connection', (socket) => socket.on('message', () => (count += 1)));
  const up = connected(client);
  client.connect();
  await up;
  const sending = client.sendBytes('file', new Uint8Array(100), { chunkSize: 1 });
  await new Promise((wait) => setTimeout(wait, 300));
  assert.equal(count, 5);
  client.disconnect();
  await assert.rejects(sending, /closed before everything/);
});

test('a lost connection comes back by itself, one given up does not', async (context) => {
  const first = await relay(context);
  const client = join(context, first.port);
  const up = connected(client);
  client.connect();
  await up;
  const lost = heard(client, 'state', ({ state }) => state === 'error');
  await first.stop();
  const { reason, retryMs } = await lost;
  assert.equal(reason, 'The connection was lost.');
  assert.ok(retryMs > 0 && retryMs < 1000);
  const again = connected(client);
  await relay(context, first.port);
  await again;
  client.disconnect();
  assert.equal(client.state, 'disconnected');
  assert.throws(() => client.send('chat', 'x'), /Connect before sending/);
});

test('refusals and unreadable frames become notices', async (context) => {
  const { server, port } = await relay(context);
  const client = join(context, port);
  const up = connected(client);
  client.connect();
  await up;
  const say = (value) => server.clients.forEach((socket) => socket.send(value));
  let notice = heard(client, 'notice');
  say(JSON.stringify(frame({ channel: 'error', messageId: 'error-1', data: 'The field data is missing.' })));
  assert.equal(await notice, 'The field data is missing.');
  notice = heard(client, 'notice');
  say('{"channel":1}');
  assert.match(await notice, /could not be read/);
  const device = heard(client, 'device');
  say(JSON.stringify(frame({ channel: 'device', messageId: 'device-1', data: '{"name":"microbit","state":"online"}' })));
  assert.deepEqual(await device, { name: 'microbit', state: 'online' });
  assert.equal(client.rebuilder.messages.length, 0);
});

test('the newest word on a transfer is told, an older one is not, and a new connection counts anew', async (context) => {
  const { server, port } = await relay(context);
  const client = join(context, port);
  let up = connected(client);
  client.connect();
  await up;
  const told = [];
  client.addEventListener('transfer', ({ detail }) => told.push(detail.revision));
  const say = (revision, id = 'a') => {
    const text = JSON.stringify(frame({ channel: 'transfer', messageId: `transfer-${revision}`, data: JSON.stringify({ id, revision, state: 'running' }) }));
    server.clients.forEach((socket) => socket.send(text));
  };
  for (const revision of [3, 5, 4, 6]) say(revision);
  let last = heard(client, 'transfer', ({ id }) => id === 'b');
  say(1, 'b');
  await last;
  assert.deepEqual(told, [3, 5, 6, 1]);
  up = connected(client);
  server.clients.forEach((socket) => socket.terminate());
  await up;
  last = heard(client, 'transfer');
  say(2);
  assert.equal((await last).revision, 2);
  assert.equal(client.rebuilder.messages.length, 0);
});

test('the rebuilder keeps no more than it was given room for', () => {
  const rebuilder = new Rebuilder({ messagesMax: 10, perChannelMax: 4, framesMax: 3, sizeMax: 100 });
  for (let n = 0; n < 100; n += 1) rebuilder.put(frame({ messageId: `c-${n}` }));
  assert.deepEqual(rebuilder.messages.map((m) => m.messageId), ['c-96', 'c-97', 'c-98', 'c-99']);
  for (let n = 0; n < 100; n += 1) rebuilder.put(frame({ channel: `ch-${n}`, messageId: '' }));
  assert.equal(rebuilder.messages.length, 10);

  let long;
  for (let n = 0; n < 10; n += 1) long = rebuilder.put(frame({ messageId: 'long', sequence: n, total: 10 }));
  assert.deepEqual([long.received, long.isTruncated, rebuilder.dropped], [3, true, 7]);
  for (let n = 0; n < 5; n += 1) rebuilder.put(frame({ messageId: `big-${n}`, data: 'y'.repeat(60) }));
  assert.ok(rebuilder.size <= 100);
});

test('counting frames missing from a huge total is cheap', () => {
  const rebuilder = new Rebuilder();
  const message = rebuilder.put(frame({ sequence: 4_000_000_000, total: 4_294_967_295 }));
  assert.deepEqual(message.missing(3), [0, 1, 2]);
  assert.equal(message.missingCount, 4_294_967_294);
  assert.equal(message.preview(10), '');
  assert.equal(message.text, 'x');
});

test('a complete message whose first frame comes again starts afresh', () => {
  const rebuilder = new Rebuilder();
  const first = rebuilder.put(frame({ data: 'from one classic page' }));
  const second = rebuilder.put(frame({ data: 'from another' }));
  assert.notEqual(first, second);
  assert.deepEqual([first.text, second.text], ['from one classic page', 'from another']);
  assert.equal(rebuilder.messages.length, 1);
});

test('ids of two pages differ', () => {
  const [one, two] = [idMaker(), idMaker()];
  assert.match(one('chat'), /^chat-[0-9a-z]{6}-1$/);
  assert.match(one('file'), /^file-[0-9a-z]{6}-2$/);
  assert.notEqual(one('chat').split('-')[1], two('chat').split('-')[1]);
});

test('base64 goes both ways and refuses what it is not', () => {
  const bytes = Uint8Array.from({ length: 70_000 }, (_, at) => at % 251);
  assert.deepEqual(fromBase64(toBase64(bytes)), bytes);
  assert.equal(fromBase64('no base64!'), null);
  const rebuilder = new Rebuilder();
  assert.equal(rebuilder.put(frame({ data: '%', encoding: 'base64' })).bytes, null);
});
