// The dashboards that there are, and a new one.
import { useState } from 'preact/hooks';
import { useAction } from '../../action';
import { Ago, Button, type Column, Dialog, Empty, Field, Gate, Link } from '../../components';
import { PageHeading, ProblemView, Table } from '../../components';
import { useFetched } from '../../fetched';
import { digits } from '../../format';
import { navigate } from '../../router';
import { may } from '../../session';
import { boardName, type BoardSummary, isBoardName } from './board';
import { listBoards, saveBoard } from './store';

export function BoardList() {
  const list = useFetched('boards', listBoards);
  const [creating, setCreating] = useState(false);
  const create = may('admin') && (
    <Button kind="primary" onClick={() => setCreating(true)}>
      New dashboard
    </Button>
  );
  return (
    <>
      <PageHeading title="Dashboards">{list.value && list.value.length > 0 && create}</PageHeading>
      <Gate of={list}>
        {(boards) =>
          boards.length === 0 ? (
            <Empty title="There is no dashboard yet.">
              <p>
                Look at a metric in <Link to="/explore">Explore</Link> and save the chart to a dashboard, or
                begin with an empty one.
              </p>
              {create}
            </Empty>
          ) : (
            <section class="card" aria-label="Dashboards">
              <Table caption="Dashboards" columns={COLUMNS} rows={boards} rowKey={({ name }) => name} />
            </section>
          )
        }
      </Gate>
      {creating && <NewBoard onClose={() => setCreating(false)} />}
    </>
  );
}

const COLUMNS: readonly Column<BoardSummary>[] = [
  {
    key: 'title',
    title: 'Dashboard',
    render: ({ name, title }) => (
      <Link to={`/d/${name}`} class="break">
        {title || name}
      </Link>
    ),
  },
  { key: 'name', title: 'Name', render: ({ name }) => <code>{name}</code> },
  { key: 'charts', title: 'Charts', number: true, render: ({ charts }) => digits(charts) },
  { key: 'updated', title: 'Changed', number: true, render: ({ updated_at }) => <Ago at={updated_at} /> },
];

function NewBoard({ onClose }: { readonly onClose: () => void }) {
  const [title, setTitle] = useState('');
  const [typed, setName] = useState<string>();
  const { busy, problem, run } = useAction();
  const name = typed ?? (title === '' ? '' : boardName(title));
  const create = (event: Event) => {
    event.preventDefault();
    void run(async () => {
      await saveBoard(name, { title: title.trim(), charts: [] }, undefined);
      navigate(`/d/${name}`);
    });
  };
  return (
    <Dialog title="New dashboard" onClose={onClose}>
      <form class="fields" onSubmit={create}>
        <Field label="Title">
          <input
            autoFocus
            required
            value={title}
            placeholder="Sales"
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </Field>
        <NameField value={name} onInput={setName} />
        {problem && <ProblemView problem={problem} />}
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy || !isBoardName(name)}>
            Create dashboard
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

interface NameProps {
  readonly value: string;
  readonly onInput: (name: string) => void;
}

export function NameField({ value, onInput }: NameProps) {
  const wrong = value !== '' && !isBoardName(value);
  return (
    <Field
      label="Name"
      hint={`Its address: /ui/d/${value || '…'}`}
      error={wrong ? 'It begins with a letter, and has a to z, 0 to 9, _ and -, up to 64.' : undefined}
    >
      <input value={value} spellcheck={false} onInput={(event) => onInput(event.currentTarget.value)} />
    </Field>
  );
}
