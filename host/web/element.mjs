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

/** Bytes a second for people, in thousands as lines are measured: `950 B/s`, `11 kB/s`, `2.4 MB/s`. */
export function inRate(perSecond) {
  if (perSecond < 1000) return `${Math.round(perSecond)} B/s`;
  if (perSecond < 1_000_000) return `${(perSecond / 1000).toFixed(perSecond < 9950 ? 1 : 0)} kB/s`;
  return `${(perSecond / 1_000_000).toFixed(1)} MB/s`;
}

/** How long the rest takes, for people: `8 s left`, `3 min left`; nothing while nothing moves. */
export function timeLeft(bytes, perSecond) {
  if (!(perSecond > 0)) return '';
  const seconds = Math.ceil(bytes / perSecond);
  if (seconds < 100) return `${seconds} s left`;
  if (seconds < 100 * 60) return `${Math.round(seconds / 60)} min left`;
  return `${Math.round(seconds / 3600)} h left`;
}

/** Text with a mark in place of each character that would break its line or turn its direction, and be seen by nobody. */
export function printable(text) {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, '\ufffd');
}

/** A name from elsewhere: text that is cut, shown as it is, and turns nothing around it. */
export function named(name, length = 80, properties = {}) {
  return element('bdi', properties, clip(printable(name), length));
}
