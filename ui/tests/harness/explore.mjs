// Explore as its reader uses it: open an address, act, read what is shown.
import assert from 'node:assert/strict';
import { eventually } from './wait.mjs';

/** Parameters that are the page's own; all others are those of the query. */
const OWN = ['chart', 'live'];

export class Explore {
  constructor(visit) {
    this.visit = visit;
    this.page = visit.page;
    this.server = visit.server;
    this.answer = this.page.getByRole('region', { name: 'Answer' });
  }

  /** Opens a state and waits until its answer, or its refusal, is there. */
  async open(params) {
    await this.visit.go(`/ui/explore?${new URLSearchParams(params)}`);
    await this.settled();
  }

  /** Goes to a state within the page, as Back and Forward do. */
  async follow(params) {
    await this.visit.follow(`/ui/explore?${new URLSearchParams(params)}`);
    await this.settled();
  }

  /** Waits until nothing is under way. */
  async settled() {
    await eventually(async () => {
      assert.equal(await this.answer.getAttribute('aria-busy', { timeout: 1000 }), 'false');
      assert.equal(await this.answer.locator('.loading').count(), 0);
      // Until it is known who reads, the page is laid out and not shown.
      assert.equal(await this.page.locator('.shell.waiting').count(), 0);
    });
  }

  /** The state: the parameters of the address. */
  get params() {
    return Object.fromEntries(new URL(this.page.url()).searchParams);
  }

  /** The address as /v1/query is asked with it. */
  get query() {
    const { searchParams } = new URL(this.page.url());
    OWN.forEach((name) => searchParams.delete(name));
    return `/v1/query?${searchParams}`;
  }

  /** What the service answers to the address now. */
  async truth(options) {
    return this.server.value('GET', this.query, options);
  }

  /** Acts, and waits until the address has what `expected` says and its answer is shown. */
  async act(action, expected) {
    await action();
    await eventually(() => {
      const { params } = this;
      for (const [name, value] of Object.entries(expected)) {
        assert.equal(params[name], value, `${name} in ${this.page.url()}`);
      }
    });
    await this.settled();
  }

  button(name) {
    return this.page.getByRole('button', { name });
  }

  /** The chart of a measure; it is also the control that reads its buckets by the keyboard. */
  plot(measure) {
    return this.page.getByRole('slider', { name: `${measure} over time`, exact: true });
  }

  /** Moves the mouse over a share of the plot's width, and gives the bucket that the cursor stands on. */
  async hover(measure, share) {
    const plot = this.plot(measure);
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    await this.page.mouse.move(box.x + box.width * share, box.y + box.height / 2);
    await plot.locator('.cursor').waitFor();
    return Number(await plot.getAttribute('aria-valuenow'));
  }

  /** The labels of the groups, in the order of the legend. */
  async groups() {
    const items = this.page.getByRole('list', { name: 'Groups' }).getByRole('listitem');
    await items.first().waitFor();
    return items.allInnerTexts();
  }

  /** The cells of the table, row by row, as they are written. */
  async cells() {
    return this.answer.locator('table').first().evaluate((table) =>
      [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent)),
    );
  }

  async provenance() {
    return this.answer.locator('.provenance').innerText();
  }
}

/** A number as the page writes it, as plain digits. */
export function plain(text) {
  return text.replaceAll('\u202f', '').replaceAll('\u2212', '-');
}

/** A value of an answer as the page writes it, as plain digits. */
export function shown(value) {
  return value === null || value === undefined ? '–' : value;
}
