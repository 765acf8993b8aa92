// A few runs of what `survival.mjs` makes fifty of: files that arrive whatever happens, and never start over.

import test from 'node:test';
import { run } from './survival.mjs';

const limit = { timeout: 300_000 };

for (const kind of ['board', 'device']) {
  test(`a file fills the store of the ${kind} and comes back, through noise, restarts and kills`, limit, async () => {
    await run(kind);
  });
}
