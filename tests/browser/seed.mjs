// Chance that can be had again: a test prints its seed, and POCKETMUX_SEED runs it once more.

/** Numbers from 0 to 1 as the seed has them, and bytes. (xorshift, which is enough for picking moments.) */
export function seeded(name, seed = Number(process.env.POCKETMUX_SEED ?? Math.floor(Math.random() * 2 ** 31))) {
  console.log(`${name}: POCKETMUX_SEED=${seed}`);
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>>= 0);
  };
  const bytes = (length) => {
    const filled = Buffer.alloc(length);
    for (let at = 0; at + 4 <= length; at += 4) filled.writeUInt32LE(next(), at);
    return filled;
  };
  return { random: () => next() / 2 ** 32, bytes };
}
