// Runs the Pico's firmware image in an emulated RP2040 and joins its UART0 to a unix socket.
//
//     node pico.mjs ELF SOCKET
//
// The image is the very one that is flashed; it starts where the boot ROM would hand over, because that ROM is not
// ours to ship. The chip waits for the first connection, so that nothing it says is lost; later ones replace the one
// before. The line is paced like a real one at the baud rate the firmware chose, both ways, with the UART's real
// queue of 32 bytes to send; received bytes that the firmware leaves until that queue overflows are lost and counted.
// Emulated time follows the wall clock: after a busy moment it catches up, and where the machine is too slow for
// good it falls behind rather than skip work. SIGTERM or SIGINT ends the run, which then says how far it fell.

import { randomBytes } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { ConsoleLogger, LogLevel, RP2040 } from 'rp2040js';

const FLASH = 0x10000000;
const FLASH_BYTES = 2 * 1024 * 1024;
const BOOT2_BYTES = 0x100;
const SLICE_NS = 1e6; // so much emulated time at most between two looks at the socket
const BEHIND_MS_MAX = 1000; // up to here the chip catches up; further behind, the wall clock is let go
const WAITING_BYTES_MAX = 4096; // more than this for the chip to receive, and the socket is held back

// One emulated chip, from one reset to the next.
class Chip {
  constructor(image, link) {
    this.rp2040 = new RP2040();
    this.rp2040.logger = new ConsoleLogger(LogLevel.Error, false);
    this.rp2040.flash.set(image);
    this.rp2040.core.VTOR = FLASH + BOOT2_BYTES;
    this.rp2040.core.reset();
    this.line = new Line(this.rp2040, link);
    this.resetAsked = false;
    this.#addRandomBits();
    this.#addReset();
  }

  // The emulator leaves out the ring oscillator, whose random bits make every boot different.
  #addRandomBits() {
    const [ROSC, STATUS, RANDOMBIT, STABLE] = [0x40060, 0x18, 0x1c, 2 ** 31];
    const rosc = this.rp2040.peripherals[ROSC];
    const plain = rosc.readUint32.bind(rosc);
    rosc.readUint32 = (offset) => {
      if (offset === RANDOMBIT) return randomBytes(1)[0] & 1;
      return offset === STATUS ? STABLE : plain(offset);
    };
  }

  // Nor can a program reset the emulated chip, which is what ours does after a panic.
  #addReset() {
    const [AIRCR, KEY_AND_RESET] = [0xd0c, 0x05fa0004];
    const { ppb } = this.rp2040;
    const plain = ppb.writeUint32.bind(ppb);
    ppb.writeUint32 = (offset, value) => {
      if (offset === AIRCR && (value & 0xffff0004) === KEY_AND_RESET) this.resetAsked = true;
      else plain(offset, value);
    };
  }

  get nanos() {
    return this.rp2040.clock.nanos;
  }

  runUntil(nanos) {
    const { clock, core, clkSys } = this.rp2040;
    const cycleNs = 1e9 / clkSys;
    while (clock.nanos < nanos && !this.resetAsked) {
      // The core must not sleep past an interrupt that was pending already when it went to sleep.
      if (core.waiting && core.interruptsUpdated && core.checkForInterrupts()) core.waiting = false;
      if (core.waiting) {
        const next = clock.nextAlarm ? clock.nanosToNextAlarm : Infinity;
        clock.tick(Math.min(next, nanos - clock.nanos));
      } else {
        clock.tick(core.executeInstruction() * cycleNs);
      }
    }
  }
}

// UART0 with a queue to send and the time that bytes take on a wire: the emulator's own takes none.
class Line {
  static QUEUE_BYTES = 32;
  static TX_LEVEL = 4; // the firmware's watermark, whose register the emulator does not have
  static TX_INTERRUPT = 1 << 5;

  constructor(rp2040, link) {
    this.uart = rp2040.uart[0];
    this.link = link;
    this.queue = [];
    this.sending = false;
    this.receiving = false;
    this.lost = 0;
    this.sent = rp2040.clock.createAlarm(() => this.#sent());
    this.arrived = rp2040.clock.createAlarm(() => this.#arrived());
    this.uart.onByte = (byte) => this.#send(byte);
    this.uart.checkInterrupts = () => {
      const { uart } = this;
      uart.interruptStatus &= ~Line.TX_INTERRUPT;
      if (this.queue.length <= Line.TX_LEVEL) uart.interruptStatus |= Line.TX_INTERRUPT;
      rp2040.setInterrupt(uart.irq, (uart.interruptStatus & uart.interruptMask) !== 0);
    };
    Object.defineProperty(this.uart, 'flags', { get: () => this.#flags() });
  }

  // Call it when the link has bytes for the chip.
  receive() {
    if (this.receiving) return;
    this.receiving = true;
    this.arrived.schedule(this.#byteNs());
  }

  #byteNs() {
    const BITS = 10;
    return (BITS * 1e9) / (this.uart.baudDivider ? this.uart.baudRate : 115200);
  }

  #flags() {
    const { rxFIFO } = this.uart;
    const [busy, rxEmpty, txFull, rxFull, txEmpty] = [1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7];
    return (
      (this.sending ? busy : 0) |
      (rxFIFO.empty ? rxEmpty : 0) |
      (this.queue.length >= Line.QUEUE_BYTES ? txFull : 0) |
      (rxFIFO.full ? rxFull : 0) |
      (this.queue.length === 0 ? txEmpty : 0)
    );
  }

  #send(byte) {
    if (this.queue.length >= Line.QUEUE_BYTES) return;
    this.queue.push(byte);
    if (!this.sending) {
      this.sending = true;
      this.sent.schedule(this.#byteNs());
    }
    this.uart.checkInterrupts();
  }

  #sent() {
    this.link.fromChip.push(this.queue.shift());
    this.sending = this.queue.length > 0;
    if (this.sending) this.sent.schedule(this.#byteNs());
    this.uart.checkInterrupts();
  }

  #arrived() {
    const byte = this.link.nextByte();
    this.receiving = byte !== undefined;
    if (!this.receiving) return;
    if (this.uart.rxFIFO.full) this.lost += 1;
    else this.uart.feedByte(byte);
    this.arrived.schedule(this.#byteNs());
  }
}

// The socket's end of the wire.
class Link {
  constructor(path, onBytes) {
    this.fromChip = [];
    this.toChip = Buffer.alloc(0);
    this.socket = null;
    this.server = createServer((socket) => {
      this.socket?.destroy();
      this.socket = socket;
      socket.on('data', (bytes) => {
        this.toChip = Buffer.concat([this.toChip, bytes]);
        if (this.toChip.length > WAITING_BYTES_MAX) socket.pause();
        onBytes();
      });
      socket.on('error', () => {}); // 'close' follows
      socket.on('close', () => {
        if (this.socket === socket) this.socket = null;
      });
      this.onConnection();
    });
    rmSync(path, { force: true });
    this.server.on('error', (error) => fail(`cannot listen at ${path}: ${error.message}`));
    this.server.listen(path, () => console.log(`pico: waiting for a connection at ${path}`));
  }

  nextByte() {
    if (this.toChip.length === 0) return undefined;
    const byte = this.toChip[0];
    this.toChip = this.toChip.subarray(1);
    if (this.toChip.length <= WAITING_BYTES_MAX) this.socket?.resume();
    return byte;
  }

  flush() {
    if (this.fromChip.length > 0) this.socket?.write(Buffer.from(this.fromChip));
    this.fromChip = [];
  }
}

// Keeps emulated time at the wall clock.
class Pace {
  constructor() {
    this.startedMs = this.wallMs = performance.now();
    this.nanos = 0;
    this.lostMs = 0;
  }

  restartAt(nanos) {
    this.wallMs = performance.now();
    this.nanos = nanos;
  }

  target() {
    return this.nanos + (performance.now() - this.wallMs) * 1e6;
  }

  // Lets the wall clock go when the chip cannot catch up with it soon.
  note(nanos) {
    const behindMs = (this.target() - nanos) / 1e6;
    if (behindMs <= BEHIND_MS_MAX) return;
    this.lostMs += behindMs;
    this.restartAt(nanos);
  }

  summary() {
    const wallMs = performance.now() - this.startedMs;
    const percent = ((100 * this.lostMs) / wallMs).toFixed(2);
    return `ran ${(wallMs / 1e3).toFixed(1)} s, fell ${this.lostMs.toFixed(0)} ms (${percent} %) behind real time`;
  }
}

// The bytes of flash that the ELF's loadable segments fill.
function flashImage(path) {
  const elf = readFileSync(path);
  const [MAGIC, CLASS_32_LITTLE_ENDIAN, LOAD] = [0x7f454c46, 0x0101, 1];
  if (elf.length < 52 || elf.readUInt32BE(0) !== MAGIC || elf.readUInt16BE(4) !== CLASS_32_LITTLE_ENDIAN) {
    fail(`${path} is not a 32-bit little-endian ELF file`);
  }
  const flash = Buffer.alloc(FLASH_BYTES, 0xff);
  const [table, size, count] = [elf.readUInt32LE(28), elf.readUInt16LE(42), elf.readUInt16LE(44)];
  for (let at = table; at < table + size * count; at += size) {
    const [type, offset, , address, bytes] = [0, 4, 8, 12, 16].map((field) => elf.readUInt32LE(at + field));
    if (type !== LOAD || bytes === 0) continue;
    if (address < FLASH || address + bytes > FLASH + FLASH_BYTES) {
      fail(`${path} has a segment at 0x${address.toString(16)}, outside the Pico's flash`);
    }
    elf.copy(flash, address - FLASH, offset, offset + bytes);
  }
  return flash;
}

function fail(sentence) {
  console.error(`pico: ${sentence}`);
  process.exit(1);
}

function main([elfPath, socketPath]) {
  if (!elfPath || !socketPath) fail('usage: node pico.mjs ELF SOCKET');
  const image = flashImage(elfPath);
  const link = new Link(socketPath, () => chip.line.receive());
  let chip = new Chip(image, link);
  let pace = null;
  let lost = 0;

  const turn = () => {
    const target = pace.target();
    const until = Math.min(target, chip.nanos + SLICE_NS);
    chip.runUntil(until);
    pace.note(chip.nanos);
    link.flush();
    if (chip.resetAsked) {
      console.log('pico: the firmware reset the chip');
      lost += chip.line.lost;
      chip = new Chip(image, link);
      pace.restartAt(0);
      chip.line.receive();
    }
    if (until < target) setImmediate(turn);
    else setTimeout(turn, 1);
  };
  link.onConnection = () => {
    if (pace !== null) return;
    pace = new Pace();
    turn();
  };
  const finish = () => {
    console.log(`pico: ${pace?.summary() ?? 'never started'}; ${lost + chip.line.lost} received bytes lost`);
    rmSync(socketPath, { force: true });
    process.exit(0);
  };
  process.on('SIGTERM', finish);
  process.on('SIGINT', finish);
}

main(process.argv.slice(2));
