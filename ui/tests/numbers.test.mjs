// Every number on the page is the one of /v1/query, digit by digit: 200 random states of the address, half of them
// with each store, with decimals of 38 digits. SEED=… replays a failure, STATES=… takes another number of states.
import assert from 'node:assert/strict';
import { orders, SALES, VISITS } from './data.mjs';
import { Explore, plain, shown } from './harness/explore.mjs';
import { randomness } from './harness/random.mjs';
import { STORES } from './harness/server.mjs';
import { suite } from './harness/suite.mjs';
import { eventually } from './harness/wait.mjs';

const STATES = Number(process.env.STATES ?? 200);
const random = randomness();
const MEASURES = [...SALES.matchAll(/^(\w+) = \{ kind/gm)].map(([, name]) => name);
const ZONES = ['UTC', 'America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Pacific/Apia', 'Australia/Lord_Howe'];
const FILTERS = ["country IN ('DE', 'FR', 'JP')", "plan IS NULL OR plan = 'pro'", "tenant = 'acme'", "country = 'none'"];

/** A state of the address, mostly one that the service answers. */
function randomState() {
  const { one, some, chance, below } = random;
  const granularity = one(['all', 'all', 'hour', '6h', 'day', 'day', 'week', 'month']);
  const timed = granularity !== 'all';
  const groups = chance(0.5) ? some(['country', 'plan', 'tenant'], 2) : [];
  const measures = some(MEASURES, 4);
  const limited = groups.length > 0 && chance(0.5);
  const first = 2 + below(20);
  const state = {
    metric: 'sales',
    measures: measures.join(),
    group_by: groups.join(),
    filter: chance(0.3) ? one(FILTERS) : '',
    having: chance(0.1) ? `${measures[0]} > 1` : '',
    from: chance(0.6) ? `2025-03-${String(first).padStart(2, '0')}` : '',
    to: chance(0.5) ? `2025-03-${first + 5}` : '',
    granularity,
    timezone: one(ZONES),
    compare: chance(0.3) ? one(['previous_period', 'previous_week', 'previous_month']) : '',
    fill: timed ? one(['', 'zero', 'null', 'previous']) : '',
    window: granularity === 'day' && chance(0.2) ? '7d' : '',
    order_by: chance(0.2) ? `-${measures[0]}` : '',
    group_limit: limited ? String(1 + below(5)) : '',
    other: limited && chance(0.7) ? 'true' : '',
    totals: chance(0.5) ? 'true' : '',
    limit: chance(0.1) ? '20' : '',
    chart: one(['table', 'table', ...(timed ? ['line', 'area', 'stacked', 'bar'] : ['bar', 'number'])]),
  };
  return Object.fromEntries(Object.entries(state).filter(([, value]) => value !== ''));
}

for (const store of STORES) {
  const states = Math.ceil(STATES / STORES.length);
  const { inPage } = suite({
    store,
    metrics: SALES + VISITS,
    load: async (server) => {
      await server.send(orders(0, 1200));
      await server.run();
      await server.send(orders(1200));
    },
  });

  inPage(`${store}: ${states} states of the address, SEED=${random.seed}`, { refused: [400, 422], height: 1200 }, async (t) => {
    const explore = new Explore(t.visit);
    let refused = 0;
    let numbers = 0;
    for (let n = 0; n < states; n += 1) {
      const state = randomState();
      const truth = await t.server.ask('GET', `/v1/query?${new URLSearchParams(withoutChart(state))}`);
      try {
        // Most states follow another on the same page, where nothing of the one before may stay.
        await (n % 5 === 0 ? explore.open(state) : explore.follow(state));
        assert.equal(explore.params.chart, state.chart);
        if (truth.status === 200) {
          numbers += await eventually(() => compareNumbers(explore, state, truth.value));
        } else {
          refused += 1;
          await explore.answer.getByRole('alert').getByText(truth.value.code, { exact: true }).waitFor();
        }
      } catch (error) {
        error.message = `${store}, state ${n} of SEED=${random.seed}: ${new URLSearchParams(state)}\n${error.message}`;
        throw error;
      }
    }
    console.log(`${store}: ${states} states, ${numbers} numbers equal, ${refused} states refused, SEED=${random.seed}`);
    assert(refused < states / 4, 'most states are answered');
    assert(numbers > states * 10 || states < 50, 'many numbers were compared');
  });
}

const withoutChart = ({ chart, ...query }) => query;

/** Compares what is shown with the answer; gives how many numbers that were. */
async function compareNumbers(explore, state, truth) {
  const timed = truth.columns.some(({ name }) => name === 'time');
  const groups = state.group_by?.split(',') ?? [];
  if (truth.rows.length === 0) {
    await explore.answer.getByText('No events in this range.').waitFor({ timeout: 2000 });
    return 0;
  }
  if (state.chart === 'table') {
    return compareTable(explore, truth, groups);
  }
  if (state.chart === 'number' || (!timed && groups.length === 0)) {
    return compareTiles(explore, truth, groups);
  }
  return timed ? comparePlots(explore, state, truth, groups) : compareBars(explore, truth, groups);
}

const LABEL = (value) => (value === null ? '∅' : value === '' ? '“”' : value);

async function compareTable(explore, truth, groups) {
  const rowsOf = (row) =>
    truth.columns.flatMap(({ name }) => {
      if (name === 'time') {
        return [row.time];
      }
      if (groups.includes(name)) {
        return [name in row ? LABEL(row[name]) : 'Other'];
      }
      const own = shown(row[name]);
      return truth.compare === undefined ? [own] : [own, shown(row.compare?.[name])];
    });
  const expected = [...truth.rows, ...(truth.other ?? [])].map(rowsOf);
  const all = explore.page.getByRole('button', { name: /^Show all/ });
  if ((await all.count()) > 0) {
    await all.click();
  }
  const read = () =>
    explore.answer.locator('table').first().evaluate((table) =>
      [...table.tBodies[0].rows].map((row) =>
        [...row.cells].map((cell) => cell.querySelector('time')?.dateTime ?? cell.textContent),
      ),
    );
  assert.deepEqual((await read()).map((row) => row.map(plain)), expected);
  if (truth.totals !== undefined) {
    const foot = await explore.answer.locator('tfoot td').allTextContents();
    const measures = truth.columns.filter(({ name }) => name !== 'time' && !groups.includes(name));
    const totals = measures.flatMap(({ name }) =>
      truth.compare === undefined ? [shown(truth.totals[name])] : [shown(truth.totals[name]), shown(truth.totals.compare?.[name])],
    );
    assert.deepEqual(foot.slice(-totals.length).map(plain), totals);
  }
  return expected.flat().length;
}

async function compareTiles(explore, truth, groups) {
  const row = truth.totals ?? (truth.rows.length === 1 ? truth.rows[0] : undefined);
  if (row === undefined) {
    await explore.answer.getByText(/a number is of one/).waitFor({ timeout: 2000 });
    return 0;
  }
  const measures = truth.columns.map(({ name }) => name).filter((name) => !groups.includes(name));
  const values = await explore.answer.locator('.number-value').allTextContents();
  assert.deepEqual(values.map(plain), measures.map((name) => shown(row[name])));
  return values.length;
}

async function compareBars(explore, truth, groups) {
  let numbers = 0;
  for (const { name } of truth.columns.filter((column) => !groups.includes(column.name))) {
    const list = explore.answer.getByRole('list', { name: `${name} by ${groups.join(' and ')}`, exact: true });
    await list.waitFor({ timeout: 2000 });
    const all = explore.page.getByRole('button', { name: /^Show all/ }).first();
    if ((await all.count()) > 0) {
      await all.click();
    }
    const items = await list.getByRole('listitem').evaluateAll((found) =>
      found.map((item) => [
        item.querySelector('.group-label').textContent,
        item.querySelector('.group-value').firstChild.textContent,
      ]),
    );
    const expected = [
      ...truth.rows.map((row) => [groups.map((group) => LABEL(row[group])).join(' · '), shown(row[name])]),
      ...(truth.other ?? []).map((row) => ['Other', shown(row[name])]),
    ];
    assert.deepEqual(items.map(([label, value]) => `${label} ${plain(value)}`).sort(), expected.map((item) => item.join(' ')).sort());
    numbers += items.length;
  }
  return numbers;
}

/** Reads some buckets of each plot by the keyboard: what a screen reader says are the exact values. */
async function comparePlots(explore, state, truth, groups) {
  const times = [...new Set([...truth.rows, ...(truth.other ?? [])].map(({ time }) => time))];
  times.sort((a, b) => Date.parse(a) - Date.parse(b));
  const numeric = truth.columns.filter(({ name, type }) => !groups.includes(name) && ['integer', 'decimal'].includes(type));
  let numbers = 0;
  for (const { name } of numeric) {
    const plot = explore.plot(name);
    await plot.focus({ timeout: 2000 });
    for (const key of ['End', 'ArrowLeft', 'ArrowLeft', 'Home', 'ArrowRight']) {
      await explore.page.keyboard.press(key);
      const index = Number(await plot.getAttribute('aria-valuenow'));
      const spoken = plain(await plot.getAttribute('aria-valuetext'));
      const values = valuesAt(truth, times[index], name, groups);
      const said = spoken.slice(spoken.indexOf(': ') + 2).split(', ');
      const known = said.filter((item) => !/^only |^can still grow$/.test(item));
      for (const item of known) {
        assert(values.has(item), `${name} at ${times[index]}: ${item} is none of ${[...values].join(', ')}`);
      }
      assert(known.length >= Math.min(values.size, groups.length === 0 ? 1 : 8), `all groups are read: ${spoken}`);
      numbers += known.length;
    }
  }
  return numbers;
}

/** What may be said of a bucket: each group with its value, or a dash where it has no row. */
function valuesAt(truth, time, measure, groups) {
  if (groups.length === 0) {
    return new Set([shown(truth.rows.find((row) => row.time === time)?.[measure])]);
  }
  const label = (row) => groups.map((group) => LABEL(row[group])).join(' · ');
  const values = new Map(truth.rows.map((row) => [label(row), '–']));
  truth.rows.filter((row) => row.time === time).forEach((row) => values.set(label(row), shown(row[measure])));
  if ((truth.other ?? []).length > 0) {
    values.set('Other', shown(truth.other.find((row) => row.time === time)?.[measure]));
  }
  return new Set([...values].map(([group, value]) => `${group} ${value}`));
}
