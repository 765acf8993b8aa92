// Asks the person before something is removed, or for a name, in the page's one dialog.

import { setText } from './element.mjs';

const dialog = document.getElementById('question');
const [title, text, input, yes, no] = ['title', 'text', 'input', 'yes', 'no'].map((part) => document.getElementById(`question-${part}`));

/** Resolves with what was entered where `value` begins it, else with true; with null where the person does not want it. */
export function ask({ about, words, action, value }) {
  if (dialog.open) return Promise.resolve(null);
  setText(title, about);
  setText(text, words);
  setText(yes, action);
  const isForText = value !== undefined;
  setText(no, isForText ? 'Cancel' : 'Keep it');
  input.hidden = !isForText;
  input.required = isForText;
  input.value = value ?? '';
  yes.classList.toggle('danger', !isForText);
  dialog.returnValue = '';
  dialog.showModal();
  if (isForText) select(value);
  return new Promise((resolve) => {
    const answer = () => resolve(dialog.returnValue !== 'yes' ? null : isForText ? input.value : true);
    dialog.addEventListener('close', answer, { once: true });
  });
}

/** What stands before the ending is what people change. */
function select(name) {
  const dot = name.lastIndexOf('.');
  input.focus();
  input.setSelectionRange(0, dot > 0 ? dot : name.length);
}

document.getElementById('question-form').addEventListener('submit', (event) => {
  event.preventDefault();
  dialog.close('yes');
});
no.addEventListener('click', () => dialog.close());
