// What most test files need: one browser, one server with data, and a window for each test that is checked at its end.
import { after, before, test } from 'node:test';
import { openBrowser } from './browser.mjs';
import { Server } from './server.mjs';

/**
 * One browser and one server for the tests of a file; `load` fills the server. `inPage` then defines a test that gets
 * a window of its own.
 */
export function suite({ store = 'memory', metrics, settings, load = async () => {}, expected } = {}) {
  const shared = {};
  before(async () => {
    shared.server = await Server.start({ store, metrics, settings });
    shared.browser = await openBrowser();
    await load(shared.server, shared);
  });
  after(async () => {
    await shared.browser?.close();
    await shared.server?.stop({ expected });
  });
  return {
    shared,
    /** `refused`: statuses that the test provokes; `visit`: how the reader's computer is set. */
    inPage(name, { refused, ...visit }, body) {
      test(name, async () => {
        const window = await shared.browser.visit(shared.server, visit);
        try {
          await body({ ...shared, visit: window, page: window.page });
        } catch (error) {
          await window.context.close();
          throw error;
        }
        await window.close({ refused });
      });
    },
  };
}
