// The log-in, as a reader does it.

/** Opens a path, gives the key where the page asks for it, and waits for the navigation. */
export async function logIn(visit, key, target = '/ui/metrics') {
  await visit.go(target);
  await visit.page.getByLabel('Key').fill(key);
  await visit.page.getByRole('button', { name: 'Log in' }).click();
  await visit.page.getByRole('navigation', { name: 'Pages' }).waitFor();
}

/** The names of the pages that the navigation offers. */
export async function offeredPages(page) {
  return page.getByRole('navigation', { name: 'Pages' }).getByRole('listitem').allInnerTexts();
}
