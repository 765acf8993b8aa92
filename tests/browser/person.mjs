// What a person does with files on the page, and what is seen of it in the very moment.

import { readFile } from 'node:fs/promises';

/** What the device's half of the rows has said until now, from the time this is called. */
export async function history(page) {
  await page.evaluate(() => {
    window.said = [];
    const look = () => document.querySelectorAll('.job').forEach((job) => window.said.push(job.querySelector('.half:last-child').textContent));
    new MutationObserver(look).observe(document.getElementById('transfers'), { subtree: true, childList: true, characterData: true });
  });
  return () => page.evaluate(() => window.said);
}

/** Presses a button of a row in the very moment in which the device has some of the file; before the file is dropped. */
export function pressOnTheWay(page, name, word) {
  return page.evaluate(
    ([name, word]) =>
      new Promise((resolve) => {
        const observer = new MutationObserver(() => {
          const job = [...document.querySelectorAll('.job')].find((job) => job.querySelector('.title').textContent === name);
          const percent = Number(job?.querySelector('.half:last-child').textContent.match(/(\d+) %/)?.[1]);
          if (job?.dataset.state !== 'running' || !(percent > 5)) return;
          observer.disconnect();
          [...job.querySelectorAll('button')].find((button) => button.textContent === word).click();
          resolve(percent);
        });
        observer.observe(document.getElementById('transfers'), { subtree: true, childList: true, characterData: true, attributes: true });
      }),
    [name, word],
  );
}

/** Drops files on the page as a person does: they hang over it first. */
export async function drop(page, files) {
  const dataTransfer = await page.evaluateHandle(
    (list) => {
      const transfer = new DataTransfer();
      for (const { name, base64 } of list) transfer.items.add(new File([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))], name, { type: 'application/x-noise', lastModified: 7 }));
      return transfer;
    },
    files.map(({ name, content }) => ({ name, base64: content.toString('base64') })),
  );
  await page.dispatchEvent('main', 'dragenter', { dataTransfer });
  await page.waitForSelector('#veil:not([hidden])');
  await page.dispatchEvent('main', 'drop', { dataTransfer });
  await page.waitForSelector('#veil', { state: 'hidden' });
}

export async function saved(page, link) {
  const download = page.waitForEvent('download');
  await link.click();
  const { suggestedFilename, path } = await download.then((item) => ({ suggestedFilename: item.suggestedFilename(), path: item.path() }));
  return { name: suggestedFilename, content: await readFile(await path) };
}

/** Holds up a page's pieces from the `count`th on until `open`, which drops the one that was held. */
export async function gated(page, count) {
  let reach;
  const reached = new Promise((resolve) => (reach = resolve));
  const held = [];
  const pattern = /\/files\/[0-9a-f]{32}$/;
  let pieces = 0;
  const hold = (route) => {
    if (route.request().method() !== 'PATCH' || (pieces += 1) < count) return route.fallback();
    held.push(route);
    reach();
  };
  await page.route(pattern, hold);
  const open = async () => {
    await page.unroute(pattern, hold);
    await Promise.all(held.map((route) => route.abort().catch(() => {})));
  };
  return { reached, open };
}
