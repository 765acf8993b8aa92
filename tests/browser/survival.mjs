// Files through everything at once: noise on the line, a device that starts anew, a host that is killed, all at random moments, up and down.
//
//   node survival.mjs [RUNS, 50 by default] [board|device]
//
// Each run prints its seed; POCKETMUX_SEED=n begins with that one. `survival.test.mjs` makes a few of them.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import { connect } from 'node:net';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { folder, freePort, paths, startHost, startProgram, unwind } from './rig.mjs';
import { startLine } from './line.mjs';
import { seeded } from './seed.mjs';
import { uploadTo } from './uploads.mjs';

const ERROR_RATE = 1e-5;
/** What may come again of what is listed as stored: a board's last bytes, which wait for their block of flash to be full. */
const BLOCK = 128;
/** Interruptions of each direction. */
const FAULTS = 3;

/** The emulated micro:bit, whose own reset keeps its flash. */
async function emulatedBoard({ home, ends }) {
  const [uart, monitor] = [join(home, 'uart'), join(home, 'monitor')];
  const serve = (path) => `unix:${path},server=on,wait=off`;
  const args = ['-M', 'microbit', '-kernel', paths.image, '-display', 'none', '-serial', serve(uart), '-monitor', serve(monitor)];
  const board = startProgram(paths.qemu, args);
  ends.push(board.stop);
  let control;
  for (let tries = 0; !control; tries += 1) {
    const socket = connect(monitor);
    control = await once(socket, 'connect').then(() => socket, () => null);
    assert.ok(control || tries < 100, 'the emulator has a monitor');
    if (!control) await sleep(100);
  }
  control.on('data', () => {}).on('error', () => {});
  ends.push(() => control.destroy());
  return { name: 'microbit', uart, answers: true, baud: 115_200, restart: async () => control.write('system_reset\n') };
}

/** This machine as a device, which is killed and started again. */
async function folderDevice({ home, ends }) {
  const uart = join(home, 'uart');
  mkdirSync(join(home, 'device'));
  const args = ['device', '--port', `unix:${uart}`, '--dir', join(home, 'device'), '--name', 'folder', '--baud', '921600'];
  let program;
  const start = async () => {
    program = startProgram(paths.host, args);
  };
  ends.push(() => program?.stop());
  const restart = async () => {
    await program.kill();
    await start();
  };
  return { name: 'folder', uart, answers: false, baud: 921_600, start, restart, size: 1 << 20 };
}

const devices = { board: emulatedBoard, device: folderDevice };

/** One run; what it measured. */
export async function run(kind, seed) {
  const { random, bytes } = seeded(`survival of files, ${kind}`, seed);
  const ends = [];
  try {
    const home = await folder();
    ends.push(home.remove);
    const device = await devices[kind]({ home: home.path, ends });
    const hostPath = join(home.path, 'line');
    const line = await startLine({ hostPath, devicePath: device.uart, answers: device.answers, baud: device.baud, errorRate: ERROR_RATE, random });
    ends.push(line.stop);
    await device.start?.();
    const port = await freePort();
    const options = { device: `unix:${hostPath}`, data: join(home.path, 'data'), port, args: ['--baud', String(device.baud)] };
    let host = await startHost(options);
    ends.push(() => host.stop());
    const killHost = async () => {
      await host.kill();
      host = await startHost(options);
    };
    const ask = async (path, init) => patiently(async () => (await fetch(`${host.url}${path}`, init)).json());
    const space = await patiently(async () => {
      const answer = await (await fetch(`${host.url}/api/devices/${device.name}/files`)).json();
      assert.ok(answer.files, answer.error);
      return answer;
    });
    const content = bytes(device.size ?? space.free);
    const faults = { random, killHost, restart: device.restart, ask };

    const sent = await uploadTo(`${host.url}/files/`, content, { metadata: { filename: 'all.bin', device: device.name } }).start();
    const [up] = (await ask('/api/transfers')).filter(({ file }) => sent.url.endsWith(file));
    const onDevice = async () => (await ask(`/api/devices/${device.name}/files`)).files.find(({ name }) => name === 'all.bin').stored;
    const there = await survive(up.id, { ...faults, stored: onDevice });
    const wanted = { device: device.name, direction: 'from', name: 'all.bin' };
    const headers = { 'content-type': 'application/json' };
    const down = await ask('/api/transfers', { method: 'POST', headers, body: JSON.stringify(wanted) });
    const onHost = async () => (await ask('/files/')).find(({ id }) => id === down.id).offset;
    const back = await survive(down.id, { ...faults, stored: onHost });
    const came = Buffer.from(await (await fetch(`${host.url}/files/${down.id}`)).arrayBuffer());
    assert.ok(came.equals(content), 'what came back is what was sent');
    return { size: content.length, there, back, line: line.counted };
  } finally {
    await unwind(ends);
  }
}

/** Follows a transfer to its end, through its faults: it goes on every time with what is not stored on the other side. */
async function survive(id, { random, killHost, restart, ask, stored }) {
  const began = Date.now();
  const resumed = [];
  let [faults, faultAt] = [0, 0];
  for (;;) {
    const transfer = await ask(`/api/transfers/${id}`);
    assert.ok(['waiting', 'running', 'done'].includes(transfer.state), JSON.stringify(transfer));
    if (transfer.state === 'done') return { seconds: (Date.now() - began) / 1000, resumed };
    assert.ok(Date.now() - began < 300_000, `it goes on for ever: ${JSON.stringify(transfer)}`);
    if (transfer.state === 'running') {
      // Each at its own share of the way, which no interruption delays for ever.
      faultAt ||= transfer.size * ((faults + 0.2 + 0.6 * random()) / FAULTS);
      if (faults < FAULTS && transfer.at >= faultAt) {
        const before = await patiently(stored);
        await (random() < 0.5 ? restart() : killHost());
        const after = await goesOn(id, transfer.from, ask);
        assert.ok(after >= before - BLOCK, `${before} bytes are stored and it goes on at ${after}`);
        resumed.push([before, after]);
        faults += 1;
        faultAt = 0;
      }
    }
    await sleep(100);
  }
}

/** Where a transfer goes on that was interrupted, and had gone on at `before` the last time: until that changes the list shows what was. */
async function goesOn(id, before, ask) {
  for (let tries = 0; tries < 1200; tries += 1) {
    const { state, from, size } = await ask(`/api/transfers/${id}`);
    if (from !== before && state === 'running') return from;
    // It had so little to go that nobody saw it go on.
    if (state === 'done') return size;
    await sleep(50);
  }
  throw new Error('it does not go on');
}

/** What a host that starts anew, or a device that does, answers in a moment. */
async function patiently(what) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await what();
    } catch (error) {
      if (tries === 300) throw error;
      await sleep(100);
    }
  }
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const runs = Number(process.argv[2] ?? 50);
  const kinds = process.argv[3] ? [process.argv[3]] : Object.keys(devices);
  const first = Number(process.env.POCKETMUX_SEED ?? Date.now() % 1_000_000);
  for (let at = 0; at < runs; at += 1) {
    for (const kind of kinds) {
      const { size, there, back, line } = await run(kind, first + at);
      const shown = ({ seconds, resumed }) => `${seconds.toFixed(1)} s, interrupted and gone on at ${resumed.map((pair) => pair.join('>')).join(' ')}`;
      console.log(`${kind}, seed ${first + at}: ${size} bytes there in ${shown(there)}; back in ${shown(back)}; ${line.flipped} bits flipped`);
    }
  }
}
