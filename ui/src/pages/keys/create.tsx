// The form that makes a key, and the only sight of its text.
import { useState } from 'preact/hooks';
import { type Action, useAction } from '../../action';
import { get, request } from '../../api';
import { Button, CopyText, Dialog, Field, ProblemView } from '../../components';
import { useFetched } from '../../fetched';
import { logIn } from '../../session';
import { EMPTY_FORM, type Key, type KeyForm, keyRequest, type Role } from './key';

interface CreateProps {
  /** Whether there is none yet: then it must be an admin's, and ends the time without keys. */
  readonly first: boolean;
  readonly onClose: () => void;
  readonly onMade: () => void;
}

export function CreateKey({ first, onClose, onMade }: CreateProps) {
  const [form, setForm] = useState<KeyForm>(first ? { ...EMPTY_FORM, role: 'admin' } : EMPTY_FORM);
  const [made, setMade] = useState<Key>();
  const action = useAction();
  const submit = (event: Event) => {
    event.preventDefault();
    void action.run(async () => {
      setMade((await request<Key>('/v1/keys', { method: 'POST', body: keyRequest(form) })).value);
    });
  };
  if (made !== undefined) {
    return <MadeKey made={made} first={first} onClose={onMade} />;
  }
  return (
    <Dialog title={first ? 'Create the first key' : 'Create a key'} onClose={onClose}>
      <form class="fields" onSubmit={submit}>
        {first && (
          <p>
            From then on every request needs a key: also those of senders, commands and this page. The first
            key has the role <code>admin</code>.
          </p>
        )}
        <Fields form={form} first={first} action={action} onChange={setForm} />
        {action.problem && !PLACES.includes(action.problem.pointer ?? '') && (
          <ProblemView problem={action.problem} />
        )}
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={action.busy}>
            Create key
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

const PLACES = ['/note', '/expires', '/filter', '/set', '/requests_per_s'];

const ROLES: readonly (readonly [Role, string])[] = [
  ['read', 'read: asks queries'],
  ['ingest', 'ingest: sends events'],
  ['admin', 'admin: everything'],
];

interface FieldsProps {
  readonly form: KeyForm;
  readonly first: boolean;
  readonly action: Action;
  readonly onChange: (form: KeyForm) => void;
}

function Fields({ form, first, action, onChange }: FieldsProps) {
  const errorAt = (pointer: string) =>
    action.problem?.pointer === pointer ? action.problem.message : undefined;
  const text = (name: 'note' | 'expires' | 'filter' | 'rate', placeholder: string) => ({
    value: form[name],
    placeholder,
    spellcheck: false,
    onInput: (event: { readonly currentTarget: HTMLInputElement }) =>
      onChange({ ...form, [name]: event.currentTarget.value }),
  });
  return (
    <>
      <Field label="Role">
        <select
          value={form.role}
          disabled={first}
          onChange={(event) => onChange({ ...form, role: event.currentTarget.value as Role })}
        >
          {ROLES.map(([role, label]) => (
            <option key={role} value={role}>
              {label}
            </option>
          ))}
        </select>
      </Field>
      <Field label="Note" hint="Who has it, and what for." error={errorAt('/note')}>
        <input {...text('note', "Acme's dashboard")} />
      </Field>
      <Field label="Ends after" hint="90d, 12h, 30m or an RFC 3339 time. Empty: never." error={errorAt('/expires')}>
        <input {...text('expires', '90d')} />
      </Field>
      {form.role === 'read' && (
        <>
          <MetricChoice chosen={form.metrics} onChange={(metrics) => onChange({ ...form, metrics })} />
          <Field
            label="Only where"
            hint="A condition over dimensions that holds for all that the key sees. Empty: everything."
            error={errorAt('/filter')}
          >
            <input {...text('filter', "tenant = 'acme'")} />
          </Field>
        </>
      )}
      {form.role === 'ingest' && (
        <Field
          label="Fixed properties"
          hint="Written into every event that the key sends. One a line, as tenant=acme."
          error={errorAt('/set')}
        >
          <textarea
            class="code"
            rows={2}
            value={form.set}
            spellcheck={false}
            onInput={(event) => onChange({ ...form, set: event.currentTarget.value })}
          />
        </Field>
      )}
      <Field label="Requests a second" hint="Empty: any number." error={errorAt('/requests_per_s')}>
        <input type="number" min={1} step={1} {...text('rate', '100')} />
      </Field>
    </>
  );
}

interface ChoiceProps {
  readonly chosen: readonly string[];
  readonly onChange: (chosen: readonly string[]) => void;
}

function MetricChoice({ chosen, onChange }: ChoiceProps) {
  const list = useFetched('metrics', (signal) =>
    get<{ metrics: readonly { readonly name: string }[] }>('/v1/metrics', signal),
  );
  const names = list.value?.metrics.map(({ name }) => name) ?? [];
  if (names.length === 0) {
    return null;
  }
  const toggle = (name: string) =>
    onChange(chosen.includes(name) ? chosen.filter((other) => other !== name) : [...chosen, name]);
  return (
    <fieldset>
      <legend>Only these metrics</legend>
      <div class="choices">
        {names.map((name) => (
          <label key={name} class="check">
            <input type="checkbox" checked={chosen.includes(name)} onChange={() => toggle(name)} />
            {name}
          </label>
        ))}
      </div>
      <span class="field-hint">None chosen: all metrics.</span>
    </fieldset>
  );
}

interface MadeProps {
  readonly made: Key;
  readonly first: boolean;
  readonly onClose: () => void;
}

/** The text, once. No other request is sent meanwhile: the answer to one may be the form for a key. */
function MadeKey({ made, first, onClose }: MadeProps) {
  const action = useAction();
  const text = made.key ?? '';
  return (
    <Dialog
      title={`Key ${made.id}`}
      onClose={onClose}
      actions={
        first ? (
          <Button
            kind="primary"
            disabled={action.busy}
            onClick={() => void action.run(() => logIn(text)).then((done) => done && onClose())}
          >
            I have kept it: log in with it
          </Button>
        ) : (
          <Button kind="primary" onClick={onClose}>
            I have kept it
          </Button>
        )
      }
    >
      <p>
        This is the text of the key. It is shown only now: the service keeps its digest and cannot show it
        again.
      </p>
      <CopyText text={text} what="the key" />
      {action.problem && <ProblemView problem={action.problem} />}
    </Dialog>
  );
}
