// Sends events with Segment's SDK for Node: server, key, how many.
import { Analytics } from "@segment/analytics-node";

const [server, writeKey, count] = process.argv.slice(2);
const analytics = new Analytics({ writeKey, host: server, path: "/v1/segment/batch", flushAt: 20, flushInterval: 50 });
const failed = [];
analytics.on("error", (error) => failed.push(error));
for (let n = 0; n < Number(count); n++) {
  const userId = `user-${n % 7}`;
  const properties = { client: "segment-node", amount: n };
  if (n % 4 === 0) analytics.identify({ userId, traits: properties });
  else if (n % 4 === 1) analytics.screen({ anonymousId: userId, name: "Home", properties });
  else if (n % 4 === 2) analytics.group({ userId, groupId: "group-1", traits: properties });
  else analytics.track({ userId, event: "Order Completed", properties });
}
await analytics.closeAndFlush({ timeout: 120000 });
if (failed.length) {
  console.error("not delivered:", failed.slice(0, 3));
  process.exit(1);
}
