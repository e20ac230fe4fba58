// Children of a test that end with it, however it ends.
const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));

/** Has a child end with this process. */
export function endsWithThisProcess(child) {
  children.add(child);
  child.on('exit', () => children.delete(child));
  return child;
}
