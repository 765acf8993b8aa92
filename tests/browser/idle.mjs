// What clients cost that are there and say nothing: `node idle.mjs`, after `cargo build --release`; Linux.
//
// Prints the processor time that the host takes in fifteen seconds, and its memory, first alone with the virtual device, then with three
// hundred clients at each of four doors. A measurement to look at, and no test: it depends on the machine.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { folder, startHost } from './rig.mjs';

const CLIENTS = 300;
const SPAN_MS = 15_000;
// What Linux counts processor time in, on every machine that this runs on.
const TICK_MS = 10;

const doors = {
  frames: { path: '/', lines: [] },
  topics: { path: (n) => `/multiplex/0/idle${n}/websocket`, lines: ['["sub,quiet"]'] },
  streams: { path: '/streams', lines: ['["a","new",{"meta":"chat"}]\n'] },
  feed: { path: '/ws', lines: [] },
};

const data = await folder();
const host = await startHost({ data: data.path });
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function cpuMs() {
  const fields = readFileSync(`/proc/${host.pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

async function measure(who) {
  await pause(2000);
  const before = cpuMs();
  await pause(SPAN_MS);
  const [, memory] = readFileSync(`/proc/${host.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/);
  console.log(`${who}: ${cpuMs() - before} ms of processor time in ${SPAN_MS / 1000} s, ${memory} KiB`);
}

await measure('nobody');
for (const [name, { path, lines }] of Object.entries(doors)) {
  for (let n = 0; n < CLIENTS; n += 1) {
    const socket = new WebSocket(host.url.replace('http', 'ws') + (typeof path === 'string' ? path : path(n)));
    await once(socket, 'open');
    lines.forEach((line) => socket.send(line));
  }
  await measure(`and ${CLIENTS} at ${name}`);
}
await host.stop();
await data.remove();
process.exit();
