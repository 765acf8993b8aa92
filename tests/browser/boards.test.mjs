// Every board's image in its emulator, joined to the host by a unix socket: each must do what the application promises.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { Rebuilder, parse } from '../../host/web/pocket.mjs';
import { folder, startHost, startOnSocket, unwind } from './rig.mjs';

const fileOfBoard = fileURLToPath(new URL('../../firmware-example/assets/one-wire.txt', import.meta.url));

for (const board of ['microbit', 'stm32f405', 'pico']) {
  test(`${board}: presence, its file to the byte, and an answered line`, { timeout: 120_000 }, async () => {
    const ends = [];
    try {
      const data = await folder();
      ends.push(data.remove);
      const socket = join(data.path, 'uart');
      const emulator = await startOnSocket({ board, socket });
      ends.push(emulator.stop);
      const host = await startHost({ device: `unix:${socket}`, data: join(data.path, 'data') });
      ends.push(host.stop);
      const client = await listen(host.url, board);
      ends.push(client.close);
      assert.equal(await client.hears('presence', () => true), 'online');
      client.say('/file');
      const file = await client.hears('file', () => true);
      assert.deepEqual(Buffer.from(file), await readFile(fileOfBoard));
      client.say('ahoy 😀');
      assert.equal(await client.hears('chat', (text) => text.includes('ahoy')), `${board} heard: ahoy 😀`);
      // Presence goes on, so the board is alive beyond its start.
      await client.hears('presence', () => true);
      await client.hears('presence', () => true);
    } finally {
      await unwind(ends);
    }
  });
}

/** A client that rebuilds what `from` says. */
async function listen(url, from) {
  const socket = new WebSocket(url.replace('http', 'ws'));
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const rebuilder = new Rebuilder();
  const waiting = new Set();
  let lines = 0;
  socket.on('message', (text) => {
    const frame = parse(String(text));
    if (frame.from !== from) return;
    const message = rebuilder.put(frame);
    if (message.complete) for (const look of waiting) look(frame.channel, message);
  });
  return {
    close: () => socket.terminate(),
    say: (line) => {
      lines += 1;
      socket.send(JSON.stringify({ channel: 'chat', messageId: `test-${lines}`, sequence: 0, total: 1, data: line }));
    },
    hears: (channel, wanted) =>
      new Promise((resolve) => {
        const look = (on, message) => {
          const said = message.isBytes ? message.bytes : message.text;
          if (on !== channel || !wanted(said)) return;
          waiting.delete(look);
          resolve(said);
        };
        waiting.add(look);
      }),
  };
}
