// Makes elements without ever parsing text as HTML: whatever came over the wire stays text.

/** An element with properties (`data` for data-* attributes, `class`, or any property) and children. */
export function element(tag, { data = {}, class: className, ...properties } = {}, ...children) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  Object.assign(made.dataset, data);
  Object.assign(made, properties);
  made.append(...children);
  return made;
}

/** Sets the text only when it differs, so that a selection or a screen reader is not disturbed for nothing. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Cuts text that is too long to show, with an ellipsis. */
export function clip(text, length) {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

/** Bytes for people: `812 B`, `4.0 KiB`, `1.5 MiB`. */
export function inBytes(count) {
  if (count < 1024) return `${count} B`;
  if (count < 1024 * 1024) return `${(count / 1024).toFixed(1)} KiB`;
  return `${(count / 1024 / 1024).toFixed(1)} MiB`;
}
