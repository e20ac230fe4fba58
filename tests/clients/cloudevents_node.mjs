// Sends CloudEvents made by their SDK for Node, in binary and structured mode: server, key, how many.
import { CloudEvent, HTTP } from "cloudevents";

const [server, key, count] = process.argv.slice(2);
const deadline = Date.now() + 120000;

async function send({ headers, body }) {
  for (;;) {
    let reply;
    try {
      reply = await fetch(`${server}/v1/events`, {
        method: "POST",
        headers: { ...headers, authorization: `Bearer ${key}` },
        body,
        signal: AbortSignal.timeout(10000),
      });
    } catch {
      // The server is away.
    }
    if (reply?.status === 200) {
      const verdict = await reply.json();
      if (verdict.invalid.length || verdict.conflicts.length) throw new Error(JSON.stringify(verdict));
      return;
    }
    if (reply && ![429, 503].includes(reply.status)) throw new Error(await reply.text());
    if (Date.now() > deadline) throw new Error("not acknowledged in two minutes");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

for (let n = 0; n < Number(count); n++) {
  const event = new CloudEvent({
    type: "com.example.order",
    source: "/shop/node",
    id: `order-${n}`,
    time: new Date(Date.UTC(2026, 2, 1 + (n % 20), 12)).toISOString(),
    data: { client: "cloudevents-node", amount: n },
  });
  await send(n % 2 ? HTTP.structured(event) : HTTP.binary(event));
}
