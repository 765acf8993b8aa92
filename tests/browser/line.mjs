// A serial line between two unix sockets, with its speed and its noise: what has no time to pass waits, what nobody takes is lost.

import { createServer, connect } from 'node:net';
import { once } from 'node:events';

/** Ten bits a byte. */
const perMs = (baud) => baud / 10_000;
const TICK_MS = 2;

/**
 * The host comes to `hostPath`. The device comes to `devicePath`, or is called there again and again when it `answers`, as an emulator does.
 * `errorRate` is of a bit, `random` gives numbers from 0 to 1.
 */
export async function startLine({ hostPath, devicePath, answers = false, baud, errorRate = 0, random }) {
  const ends = { host: null, device: null };
  const sides = [];
  const keep = (side) => (socket) => {
    // Nothing piles up here that the other side still has to send.
    socket.pause();
    socket.on('error', () => {});
    socket.on('close', () => {
      if (ends[side] === socket) ends[side] = null;
    });
    ends[side]?.destroy();
    ends[side] = socket;
  };
  const listen = async (side, path) => {
    const server = createServer({ highWaterMark: 512 }, keep(side)).listen(path);
    await once(server, 'listening');
    sides.push(() => new Promise((resolve) => server.close(resolve)));
  };
  await listen('host', hostPath);
  if (!answers) await listen('device', devicePath);
  const call = () => {
    if (ends.device) return;
    const socket = connect({ path: devicePath, readableHighWaterMark: 512 });
    socket.on('connect', () => keep('device')(socket));
    socket.on('error', () => {});
  };
  const calls = answers ? setInterval(call, 100) : undefined;
  if (answers) call();

  const spoil = noise(errorRate, random);
  const counted = { toHost: 0, toDevice: 0, flipped: 0 };
  let then = performance.now();
  const due = { toHost: 0, toDevice: 0 };
  const move = (from, to, way) => {
    const waiting = ends[from]?.readableLength ?? 0;
    const bytes = waiting > 0 ? ends[from].read(Math.min(waiting, Math.floor(due[way]))) : null;
    // A line that rests saves nothing up.
    if (!bytes) due[way] = Math.min(due[way], perMs(baud) * TICK_MS);
    else {
      due[way] -= bytes.length;
      counted[way] += bytes.length;
      counted.flipped += spoil(bytes);
      ends[to]?.write(bytes);
    }
    // In paused mode the stream fetches more only when asked for it.
    if (ends[from] && !bytes) ends[from].read(0);
  };
  const tick = setInterval(() => {
    const now = performance.now();
    for (const way of ['toHost', 'toDevice']) due[way] += perMs(baud) * (now - then);
    then = now;
    move('host', 'device', 'toDevice');
    move('device', 'host', 'toHost');
  }, TICK_MS);
  const stop = async () => {
    clearInterval(tick);
    clearInterval(calls);
    for (const side of ['host', 'device']) ends[side]?.destroy();
    for (const close of sides) await close();
  };
  return { counted, stop };
}

/** Flips each bit with that probability; the distance to the next is drawn, not each bit's fate. */
function noise(errorRate, random) {
  const draw = () => (errorRate > 0 ? Math.floor(Math.log(1 - random()) / Math.log(1 - errorRate)) : Infinity);
  let clean = draw();
  return (bytes) => {
    let [at, flipped] = [0, 0];
    while (clean < bytes.length * 8 - at) {
      at += clean;
      bytes[at >> 3] ^= 1 << (at & 7);
      flipped += 1;
      at += 1;
      clean = draw();
    }
    clean -= bytes.length * 8 - at;
    return flipped;
  };
}
