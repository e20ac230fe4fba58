// A new metric: from the events that have arrived, or from an example.
import { useState } from 'preact/hooks';
import { get, withParams } from '../../api';
import { type Column, Empty, Gate, Link, PageHeading, Table } from '../../components';
import { useFetched } from '../../fetched';
import { digits } from '../../format';
import { place } from '../../router';
import { DefinitionEditor, type EditorProps } from './editor';
import { type Properties, type Property, suggest, TEMPLATE } from './suggest';

const EVERY_MS = 5000;

export function newMetricParams(event?: string): URLSearchParams {
  return new URLSearchParams(event === undefined ? { new: '1' } : { new: '1', event });
}

/** The types of events that arrived, newest events first; renewed as more arrive. */
export function useEventTypes() {
  return useFetched<Properties>('types', (signal) => get('/v1/properties?limit=1', signal), EVERY_MS);
}

export function NewMetric() {
  const event = place.value.params.get('event') ?? undefined;
  return <NewFrom key={event} event={event} />;
}

/** Once it is created, the editor changes it. */
function NewFrom({ event }: { readonly event: string | undefined }) {
  const [created, setCreated] = useState<string>();
  const editor = { onCreated: setCreated, ...(created !== undefined && { name: created }) };
  return (
    <>
      <PageHeading title={created ?? 'New metric'}>
        <Link to="/metrics" class="button plain">
          All metrics
        </Link>
      </PageHeading>
      <div class="stack">
        {created === undefined && <EventChoice current={event} />}
        {event === undefined ? (
          <DefinitionEditor first={TEMPLATE} {...editor} />
        ) : (
          <Suggested event={event} editor={editor} />
        )}
      </div>
    </>
  );
}

function EventChoice({ current }: { readonly current: string | undefined }) {
  const types = useEventTypes();
  const found = types.value?.event_types ?? [];
  if (found.length === 0) {
    return null;
  }
  return (
    <nav class="card" aria-label="Start from events that arrived">
      <div class="card-heading">
        <h2>Start from events that arrived</h2>
        <span class="muted">the newest {digits(types.value?.events.read ?? '0')}</span>
      </div>
      <div class="actions">
        {found.map(({ event, events }) => (
          <Link
            key={event}
            to="/metrics"
            params={newMetricParams(event)}
            class="facet"
            current={event === current}
          >
            {event} <span class="muted">{digits(events)}</span>
          </Link>
        ))}
      </div>
    </nav>
  );
}

interface SuggestedProps {
  readonly event: string;
  readonly editor: Omit<EditorProps, 'first'>;
}

function Suggested({ event, editor }: SuggestedProps) {
  const found = useFetched<Properties>(`properties ${event}`, (signal) =>
    get(withParams('/v1/properties', { event }), signal),
  );
  return (
    <Gate of={found}>
      {({ properties }) => (
        <>
          <DefinitionEditor first={suggest(event, properties)} {...editor} />
          <PropertyList properties={properties} />
        </>
      )}
    </Gate>
  );
}

const COLUMNS: readonly Column<Property>[] = [
  { key: 'path', title: 'Property', render: ({ path }) => <code class="break">{path}</code> },
  { key: 'types', title: 'Types', render: ({ types }) => Object.keys(types).join(', ') },
  {
    key: 'examples',
    title: 'Examples',
    render: ({ examples }) => <span class="break muted">{examples.map(String).join(' · ')}</span>,
  },
];

function PropertyList({ properties }: { readonly properties: readonly Property[] }) {
  return (
    <section class="card" aria-label="Properties">
      <h2>Properties</h2>
      {properties.length === 0 ? (
        <Empty title="These events have no properties." />
      ) : (
        <Table caption="Properties" columns={COLUMNS} rows={properties} rowKey={({ path }) => path} />
      )}
    </section>
  );
}
