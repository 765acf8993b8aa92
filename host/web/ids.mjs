// Message ids that no other page makes: a random page part between channel and count, as in `chat-k3f9x2-1`.
//
// Pages that only count from 1 (the classic one does) take each other's messages for their own.

/** The random part of one page: six letters and digits. */
export function pagePart() {
  const [number] = globalThis.crypto.getRandomValues(new Uint32Array(1));
  return number.toString(36).padStart(6, '0').slice(-6);
}

/** A function from a channel to the next message id on it. */
export function idMaker(page = pagePart()) {
  let count = 0;
  return (channel) => `${channel}-${page}-${(count += 1)}`;
}
