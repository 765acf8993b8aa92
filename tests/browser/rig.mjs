// Real parts for the browser tests: the host's binary, an emulated board behind a device path, and Chromium.
//
// Environment: POCKETMUX_BIN (the host), POCKETMUX_ELF (the micro:bit image), QEMU, CHROMIUM. Each has a default; a part
// that is not there is an error, never a skipped test. The rig ends only what it has started.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

const root = fileURLToPath(new URL('../../', import.meta.url));
const target = process.env.CARGO_TARGET_DIR ?? join(root, 'target');

const targets = { microbit: 'thumbv6m-none-eabi', pico: 'thumbv6m-none-eabi', stm32f405: 'thumbv7em-none-eabihf' };

const image = (board) => join(target, targets[board], 'firmware', board);

export const paths = {
  host: process.env.POCKETMUX_BIN ?? join(target, 'release/pocketmux'),
  image: process.env.POCKETMUX_ELF ?? image('microbit'),
  qemu: process.env.QEMU ?? 'qemu-system-arm',
  chromium: process.env.CHROMIUM ?? '/usr/bin/chromium',
  out: fileURLToPath(new URL('out/', import.meta.url)),
};

/** A folder of its own that goes away with the test. */
export async function folder() {
  const path = await mkdtemp(join(tmpdir(), 'pocketmux-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** A TCP port that was free a moment ago. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * The host, ready: it has printed its address. `stop` asks it to end (SIGTERM) and gives back its exit code; `kill` gives it no time to
 * do anything (SIGKILL). `inside` is a command that runs the one after it, in other circumstances.
 */
export async function startHost({ device = 'demo', data, port, args = [], inside = [] }) {
  requireFile(paths.host, 'Build it first: cargo build --release');
  const listen = `127.0.0.1:${port ?? (await freePort())}`;
  const [command, ...rest] = [...inside, paths.host, '--port', device, '--listen', listen, '--data', data, ...args];
  const child = startProgram(command, rest);
  const [url] = await child.says(/http:\/\/localhost:\d+/, 20_000);
  return { url, pid: child.pid, output: child.output, stop: child.stop, kill: child.kill };
}

/**
 * The emulated board. Its UART is a PTY that `path` points to, as udev's stable names point to a device; so a board that
 * comes back is found at the same path although its PTY has another number.
 */
export async function startBoard(path) {
  requireFile(paths.image, 'Build the micro:bit image first, see firmware-example/README.md');
  const child = startProgram(paths.qemu, ['-M', 'microbit', '-kernel', paths.image, '-display', 'none', '-monitor', 'none', '-serial', 'pty']);
  const [, pty] = await child.says(/char device redirected to (\/dev\/pts\/\d+)/, 10_000);
  await symlink(pty, path);
  /** Pulls the cable: the path goes, then the board. */
  const unplug = async () => {
    await rm(path, { force: true });
    await child.stop();
  };
  return { pty, unplug };
}

/** Any board's image in its emulator, its UART a unix socket at `socket` that waits for the host. */
export async function startOnSocket({ board, socket }) {
  const elf = image(board);
  requireFile(elf, 'Build the image first, see firmware-example/README.md');
  const serial = `unix:${socket},server=on,wait=on`;
  const qemu = ['-kernel', elf, '-display', 'none', '-monitor', 'none'];
  const [command, args, ready] = {
    microbit: [paths.qemu, ['-M', 'microbit', ...qemu, '-serial', serial], /waiting for connection/],
    // An STM32F405 as well; USART3 is its third serial line.
    stm32f405: [paths.qemu, ['-M', 'netduinoplus2', ...qemu, '-serial', 'null', '-serial', 'null', '-serial', serial], /waiting for connection/],
    pico: [process.execPath, [fileURLToPath(new URL('pico.mjs', import.meta.url)), elf, socket], /waiting for a connection/],
  }[board];
  const child = startProgram(command, args);
  await child.says(ready, 20_000);
  return { stop: child.stop, output: child.output };
}

export async function startBrowser() {
  requireFile(paths.chromium, 'Install Chromium, or set CHROMIUM to its path');
  mkdirSync(paths.out, { recursive: true });
  // Playwright gives each launch a profile folder of its own, and removes it.
  return chromium.launch({
    executablePath: paths.chromium,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** A page at `url` in a context of its own, as in another browser. `complaints` collects what its console says is wrong. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (line) => ['error', 'warning'].includes(line.type()) && complaints.push(line.text()));
  await page.goto(url);
  return { page, complaints, close: () => context.close() };
}

/** Runs its steps last to first, all of them, whatever fails: the way out of a test with several parts. */
export async function unwind(steps) {
  const failures = [];
  while (steps.length > 0) await Promise.resolve(steps.pop()()).catch((error) => failures.push(error));
  if (failures.length > 0) throw failures[0];
}

/** A program, and what it says; it is ended by whoever started it. */
export function startProgram(command, args) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  let failure = null;
  const listeners = new Set();
  const tell = () => listeners.forEach((listen) => listen());
  const hear = (chunk) => {
    // The end is what explains a failure; a host that talks for hours must not fill our memory.
    text = (text + chunk).slice(-65_536);
    tell();
  };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  child.on('error', (error) => tell((failure = error)));
  child.on('exit', tell);

  const hasEnded = () => child.exitCode !== null || child.signalCode !== null;
  const says = (pattern, limitMs) =>
    new Promise((resolve, reject) => {
      const done = (act, value) => {
        clearTimeout(timer);
        listeners.delete(look);
        act(value);
      };
      const refuse = (why) => done(reject, new Error(`${command} ${why}. It said:\n${text}`, { cause: failure }));
      const look = () => {
        const match = text.match(pattern);
        if (match) done(resolve, match);
        else if (failure) refuse(`did not start: ${failure.message}`);
        else if (hasEnded()) refuse(`ended with ${child.exitCode ?? child.signalCode}`);
      };
      const timer = setTimeout(() => refuse(`did not say ${pattern} within ${limitMs} ms`), limitMs);
      listeners.add(look);
      look();
    });
  const stop = async () => {
    if (failure || hasEnded()) return child.exitCode;
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), 5000);
    await once(child, 'exit');
    clearTimeout(force);
    return child.exitCode;
  };
  const kill = async () => {
    if (failure || hasEnded()) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  return { pid: child.pid, says, stop, kill, output: () => text };
}

function requireFile(path, advice) {
  if (!existsSync(path)) throw new Error(`${path} is not there. ${advice}`);
}
