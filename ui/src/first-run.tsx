// The first run: no metric yet, and three ways to get one.
import { Chip, CopyText, Link } from './components';
import { digits } from './format';
import { newMetricParams, useEventTypes } from './pages/metrics/new';
import { may, session } from './session';

/** Shown wherever metrics would be. */
export function FirstRun() {
  if (!may('admin')) {
    return (
      <section class="card first-run" aria-label="No metric yet">
        <h2>There is no metric yet.</h2>
        <p>A key with the role admin can define one.</p>
      </section>
    );
  }
  return (
    <div class="first-run stack">
      <p class="lead">There is no metric yet. A metric says which events are counted, and what is measured.</p>
      <ol class="ways">
        <SendEvent />
        <Define />
        <li class="card">
          <h2>Or look at a sample first</h2>
          <p>
            27,004 departures from New York, with a metric and a dashboard, on a service of their own that
            leaves nothing behind.
          </p>
          <CopyText text={'merganser demo --listen 127.0.0.1:8090'} what="the command of the sample" />
        </li>
      </ol>
    </div>
  );
}

/** A line for a shell that sends one event to the service of this page. */
export function curlLine(origin: string, withKey: boolean): string {
  const event = { event: 'purchase', properties: { amount: 19.99, country: 'DE' } };
  return [
    `curl ${origin}/v1/events \\`,
    ...(withKey ? ['  -H "Authorization: Bearer $MERGANSER_KEY" \\'] : []),
    "  -H 'Content-Type: application/json' \\",
    `  -d '${JSON.stringify(event)}'`,
  ].join('\n');
}

function SendEvent() {
  const withKey = session.value?.authentication !== 'none';
  return (
    <li class="card">
      <h2>Send an event</h2>
      <p>
        Any JSON object under <code>properties</code>. {withKey && 'The key needs the role ingest.'}
      </p>
      <CopyText text={curlLine(location.origin, withKey)} what="the line that sends an event" />
    </li>
  );
}

function Define() {
  const { value } = useEventTypes();
  const types = value?.event_types ?? [];
  return (
    <li class="card">
      <h2>Define a metric</h2>
      <div class="stack tight" role="status">
        {types.length === 0 ? (
          <p class="muted">No event has arrived yet. This page notices when one does.</p>
        ) : (
          <>
            <p>From the properties of events that arrived:</p>
            <div class="actions">
              {types.map(({ event, events }) => (
                <Link key={event} to="/metrics" params={newMetricParams(event)} class="button primary">
                  {event} <Chip label={`${events} events`}>{digits(events)}</Chip>
                </Link>
              ))}
            </div>
          </>
        )}
      </div>
      <Link to="/metrics" params={newMetricParams()} class="button plain">
        From an example
      </Link>
    </li>
  );
}
