// Keys: who may do what, made and revoked.
import { useState } from 'preact/hooks';
import { get, request } from '../api';
import { Ago, Button, Chip, type Column, Confirm, Empty, Gate, PageHeading, Table } from '../components';
import { useFetched } from '../fetched';
import { CreateKey } from './keys/create';
import { type Key, scopeLines } from './keys/key';

export function Keys() {
  const list = useFetched('keys', (signal) => get<{ keys: readonly Key[] }>('/v1/keys', signal));
  const [creating, setCreating] = useState(false);
  const [revoking, setRevoking] = useState<Key>();
  const none = list.value?.keys.length === 0;
  const revoke = async (key: Key) => {
    await request(`/v1/keys/${encodeURIComponent(key.id)}`, { method: 'DELETE' });
    list.reload();
  };
  return (
    <>
      <PageHeading title="Keys">
        {list.value && !none && (
          <Button kind="primary" onClick={() => setCreating(true)}>
            Create a key
          </Button>
        )}
      </PageHeading>
      <Gate of={list}>
        {({ keys }) =>
          keys.length === 0 ? (
            <Empty title="There are no keys: everybody who can connect may do everything.">
              <p>The first key has the role admin. From then on every request needs one.</p>
              <Button kind="primary" onClick={() => setCreating(true)}>
                Create the first key
              </Button>
            </Empty>
          ) : (
            <section class="card" aria-label="Keys">
              <Table
                caption="Keys, oldest first"
                columns={columns(setRevoking)}
                rows={keys}
                rowKey={({ id }) => id}
              />
            </section>
          )
        }
      </Gate>
      {creating && (
        <CreateKey
          first={none}
          onClose={() => setCreating(false)}
          onMade={() => {
            setCreating(false);
            list.reload();
          }}
        />
      )}
      {revoking && (
        <Confirm
          title={`Revoke ${revoking.id}?`}
          action="Revoke"
          onConfirm={() => revoke(revoking)}
          onClose={() => setRevoking(undefined)}
        >
          <p>
            {revoking.note ? <q class="break">{revoking.note}</q> : 'The key'} opens nothing from then on. Its
            open streams end.
          </p>
        </Confirm>
      )}
    </>
  );
}

function columns(onRevoke: (key: Key) => void): readonly Column<Key>[] {
  return [
    { key: 'id', title: 'Key', render: ({ id }) => <code class="nowrap">{id}</code> },
    { key: 'role', title: 'Role', render: ({ role }) => <Chip label={role}>{role}</Chip> },
    { key: 'note', title: 'Note', render: Note },
    { key: 'scope', title: 'Scope', render: Scope },
    { key: 'created', title: 'Created', render: ({ created_at }) => <Ago at={created_at} /> },
    { key: 'expires', title: 'Ends', render: Ends },
    {
      key: 'revoke',
      title: <span class="visually-hidden">Revoke</span>,
      number: true,
      render: (key) => (
        <Button aria-label={`Revoke ${key.id}`} onClick={() => onRevoke(key)}>
          Revoke
        </Button>
      ),
    },
  ];
}

/** Its first lines; all of it while the pointer is on it. */
function Note({ note }: Key) {
  return (
    <span class="break key-note" title={note ?? undefined}>
      {note ?? '–'}
    </span>
  );
}

function Scope(key: Key) {
  const lines = scopeLines(key);
  return lines.length === 0
    ? '–'
    : lines.map((line) => (
        <div key={line} class="break">
          {line}
        </div>
      ));
}

function Ends({ expires_at }: Key) {
  return expires_at ? (
    <span class="nowrap">
      <Ago at={expires_at} />
    </span>
  ) : (
    'never'
  );
}
