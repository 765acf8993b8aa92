// Files that are dropped anywhere on the page, chosen with the button, or pasted.

/** Calls `take` with a list of files; `refuse` with a sentence for what is none. `veil` is shown while files hang over the page. */
export function takeDrops({ button, input, veil, take, refuse }) {
  button.addEventListener('click', () => input.click());
  input.addEventListener('change', () => {
    take([...input.files]);
    // So that the same file can be chosen again.
    input.value = '';
  });
  // Every element on the way says that it is entered and left; the last to be left is the page.
  let depth = 0;
  const cover = (by) => {
    depth = Math.max(0, depth + by);
    veil.hidden = depth === 0;
  };
  const isOurs = (event) => event.dataTransfer?.types.includes('Files') && !event.target.closest?.('input[type="file"]');
  window.addEventListener('dragenter', (event) => isOurs(event) && cover(1));
  window.addEventListener('dragleave', (event) => isOurs(event) && cover(-1));
  window.addEventListener('dragover', (event) => {
    if (!isOurs(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
  });
  window.addEventListener('drop', (event) => {
    cover(-depth);
    if (!isOurs(event)) return;
    event.preventDefault();
    const items = [...event.dataTransfer.items].filter(({ kind }) => kind === 'file');
    const folders = items.filter((item) => item.webkitGetAsEntry?.()?.isDirectory);
    if (folders.length > 0) refuse('A folder cannot be sent as it is. Drop the files that are in it.');
    const files = items.filter((item) => !folders.includes(item)).map((item) => item.getAsFile());
    take(files.filter((file) => file !== null));
  });
  window.addEventListener('paste', (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length === 0 || event.target.closest?.('input, textarea')) return;
    event.preventDefault();
    take(files);
  });
}
