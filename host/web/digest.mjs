// A digest as a button: its first digits, the whole in its title, and a click copies that.

import { element, setText, clip } from './element.mjs';

const SHOWN = 11;
const SAID_MS = 1500;

/** A button for `sha-256:hex` or `crc-32:hex`; `show` gives it another, or null for none. */
export function digestButton() {
  const button = element('button', { type: 'button', class: 'digest', hidden: true });
  let whole = '';
  let timer;
  const words = () => {
    const [algorithm, digits] = whole.split(':');
    return `${algorithm} ${clip(digits, SHOWN)}`;
  };
  button.addEventListener('click', async () => {
    const digits = whole.split(':')[1];
    const isCopied = await copy(digits);
    setText(button, isCopied ? 'Copied' : digits);
    // Where the browser does not let us, the whole stays there to be selected.
    clearTimeout(timer);
    if (isCopied) timer = setTimeout(() => setText(button, words()), SAID_MS);
  });
  const show = (digest) => {
    const isOne = /^[\w-]{1,20}:[0-9a-f]{8,128}$/.test(digest ?? '');
    button.hidden = !isOne;
    if (!isOne || digest === whole) return;
    whole = digest;
    setText(button, words());
    button.title = `${whole}\nClick to copy`;
    button.ariaLabel = `Copy ${whole.replace(':', ' ')}`;
  };
  return { button, show };
}

async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
