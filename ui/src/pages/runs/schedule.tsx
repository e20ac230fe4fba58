// When runs start by themselves, and the form that changes it.
import { useState } from 'preact/hooks';
import { useAction } from '../../action';
import { request } from '../../api';
import { Ago, Button, Dialog, Facts, Field, ProblemView } from '../../components';
import { dateTime } from '../../format';
import { may } from '../../session';

export interface Schedule {
  readonly incremental: string;
  readonly full: string;
  readonly timezone: string;
  readonly next: { readonly incremental: string | null; readonly full: string | null };
}

interface ScheduleProps {
  readonly schedule: Schedule;
  readonly onChange: () => void;
}

export function ScheduleCard({ schedule, onChange }: ScheduleProps) {
  const [editing, setEditing] = useState(false);
  return (
    <section class="card" aria-label="Schedule">
      <div class="card-heading">
        <h2>Schedule</h2>
        {may('admin') && <Button onClick={() => setEditing(true)}>Change schedule</Button>}
      </div>
      <Facts
        facts={[
          ['Incremental', <Start cron={schedule.incremental} next={schedule.next.incremental} />],
          ['Full', <Start cron={schedule.full} next={schedule.next.full} />],
          ['Time zone', schedule.timezone],
        ]}
      />
      {editing && (
        <ScheduleForm schedule={schedule} onClose={() => setEditing(false)} onChange={onChange} />
      )}
    </section>
  );
}

function Start({ cron, next }: { readonly cron: string; readonly next: string | null }) {
  if (cron === '') {
    return <span class="muted">never by itself</span>;
  }
  return (
    <>
      <code>{cron}</code>
      {next !== null && (
        <span class="next">
          next <Ago at={next} /> <span class="muted">({dateTime(next)})</span>
        </span>
      )}
    </>
  );
}

interface FormProps extends ScheduleProps {
  readonly onClose: () => void;
}

function ScheduleForm({ schedule, onClose, onChange }: FormProps) {
  const [incremental, setIncremental] = useState(schedule.incremental);
  const [full, setFull] = useState(schedule.full);
  const [timezone, setTimezone] = useState(schedule.timezone);
  const { busy, problem, run } = useAction();
  const save = async (event: Event) => {
    event.preventDefault();
    const body = { incremental: incremental.trim(), full: full.trim(), timezone: timezone.trim() };
    if (await run(() => request('/v1/schedule', { method: 'PUT', body }))) {
      onChange();
      onClose();
    }
  };
  const errorAt = (pointer: string) => (problem?.pointer === pointer ? problem.message : undefined);
  const placed = ['/incremental', '/full', '/timezone'].includes(problem?.pointer ?? '');
  return (
    <Dialog title="Change schedule" onClose={onClose}>
      <form class="fields" onSubmit={(event) => void save(event)}>
        <p class="muted">
          Cron with five fields: minute, hour, day of month, month, day of week. Empty: no run starts by
          itself.
        </p>
        <Field label="Incremental runs" hint="What is new since the last run." error={errorAt('/incremental')}>
          <input
            value={incremental}
            placeholder="*/5 * * * *"
            spellcheck={false}
            onInput={(event) => setIncremental(event.currentTarget.value)}
          />
        </Field>
        <Field label="Full runs" hint="All events ever accepted, computed anew." error={errorAt('/full')}>
          <input
            value={full}
            placeholder="0 3 * * *"
            spellcheck={false}
            onInput={(event) => setFull(event.currentTarget.value)}
          />
        </Field>
        <Field label="Time zone" hint="An IANA name, as Europe/Berlin." error={errorAt('/timezone')}>
          <input
            value={timezone}
            spellcheck={false}
            onInput={(event) => setTimezone(event.currentTarget.value)}
          />
        </Field>
        {problem && !placed && <ProblemView problem={problem} />}
        <footer>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="primary" type="submit" disabled={busy}>
            Save
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
