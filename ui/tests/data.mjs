// Events and metrics that the tests look at. All of it follows from an index, so that a test can count by itself.

const COUNTRIES = ['DE', 'FR', 'US', 'JP', 'BR', 'IN', 'ZA', 'NZ', 'CA', 'SE', 'PL'];
const PLANS = ['free', 'pro', 'team'];

/** Orders of a shop: three measures that add up, and those that do not; some values of 38 digits. */
export const SALES = `
[[metric]]
name = "sales"
description = "Orders of the shop"
event = "purchase"
granularity = "minute"
dimensions = ["country", { name = "plan", property = "account.plan" }, "tenant"]
[metric.measures]
orders = { kind = "count" }
amount = { kind = "sum", of = "amount" }
mean_amount = { kind = "avg", of = "amount" }
largest = { kind = "max", of = "amount" }
debt = { kind = "sum", of = "debt", places = 18 }
balance = { kind = "sum", of = "balance" }
best_balance = { kind = "max", of = "balance * 1000" }
buyers = { kind = "distinct", of = "subject" }
amount_p90 = { kind = "quantile", of = "amount", q = 0.9 }
refunds = { kind = "count", filter = "amount < 0" }
refund_share = { kind = "expr", expr = "refunds / orders" }
last_plan = { kind = "latest", of = "account.plan" }
`;

/** The same orders by hours. */
export const VISITS = `
[[metric]]
name = "visits"
description = "Orders by the hour"
event = "purchase"
granularity = "hour"
dimensions = ["country"]
[metric.measures]
visits = { kind = "count" }
`;

/** Four weeks around the changes of daylight saving of 2025 in New York (9 March) and Berlin (30 March). */
export const FIRST = Date.UTC(2025, 2, 2, 5);
const STEP = 20 * 60_000;
export const ORDERS = 2100;

/** Order `index`, as a line of JSON: its numbers have more digits than a double holds. */
export function order(index) {
  const time = new Date(FIRST + index * STEP).toISOString();
  const country = COUNTRIES[Math.floor(index ** 1.5) % (1 + (index % COUNTRIES.length))];
  const plan = index % 13 === 0 ? 'null' : JSON.stringify(PLANS[index % PLANS.length]);
  const cents = ((index * 7919) % 100_003) - 9_000;
  const amount = `${Math.trunc(cents / 100)}.${String(Math.abs(cents % 100)).padStart(2, '0')}`;
  const debt = `${index % 2 === 0 ? '-' : ''}${10_000_000_000_000 + index}.${String(index * 104_729).padStart(18, '1')}`;
  const balance = `123456789012345678901${String(10_000 + (index % 9973))}.${String(index).padStart(9, '1')}`;
  return (
    `{"id":"o-${index}","event":"purchase","time":"${time}","subject":"user-${(index * 31) % 700}","properties":` +
    `{"country":"${country}","account":{"plan":${plan}},"tenant":"${index % 3 === 0 ? 'acme' : 'zeta'}",` +
    `"amount":${amount},"debt":${debt},"balance":${balance}}}`
  );
}

export function orders(from = 0, to = ORDERS) {
  return Array.from({ length: to - from }, (_, index) => order(from + index));
}

/** Texts that a careless page would run, break on, or be widened by. */
export const HOSTILE = [
  '"><img src=x onerror="document.title=\'broken\'">',
  '<script>document.title="broken"</script>',
  "'; DROP TABLE sales; -- $1 ${1} {{1}} %00",
  'שלום עולם \u202eمرحبا',
  '👩‍👩‍👧‍👦🏳️‍🌈 Zähler\u0301\u0000'.replace('\u0000', ''),
  `${'long'.repeat(2500)}`,
];

/** A dashboard of the shop with one chart of each kind. */
export const DASHBOARD = {
  title: 'Shop',
  description: 'Orders, and what they bring',
  timezone: 'America/New_York',
  charts: [
    chart('Orders', 'line', 6, { measures: ['orders'], granularity: 'day', fill: 'zero', totals: true }),
    chart('By country', 'stacked', 6, { measures: ['orders'], granularity: 'day', group_by: ['country'], group_limit: 4, other: true }),
    chart('Amount', 'number', 3, { measures: ['amount', 'buyers'] }),
    chart('Plans', 'bar', 3, { measures: ['orders'], group_by: ['plan'] }),
    chart('Largest', 'table', 6, { measures: ['largest', 'debt'], group_by: ['country'] }),
  ],
};

function chart(title, kind, width, query) {
  return { title, chart: kind, width, height: 3, query: { metric: 'sales', ...query } };
}
