// The editor of a definition: text, the line that is wrong, preview, and the backfill after saving.
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { Problem } from '../../api';
import { type Definition, dimensionNames, loadMetrics, metrics } from '../../catalog';
import { Button, Link, ProblemView, Tabs } from '../../components';
import { LiveRun } from '../runs/live';
import { type Format, preview, type Preview, type PreviewOptions } from './definition';
import { definitionJson } from './toml';
import { readDefinition, save, type Saved, written } from './definition';
import { useMarkedAction } from './marked';
import { PreviewOptionFields, PreviewResult, Warnings } from './preview';
import { SourceField } from './source';

export interface EditorProps {
  /** The metric that is changed; undefined for a new one. */
  readonly name?: string;
  readonly first: Definition;
  readonly actions?: ComponentChildren;
  readonly onCreated?: (name: string) => void;
}

const FORMATS = [
  ['toml', 'TOML'],
  ['json', 'JSON'],
] as const;

export function DefinitionEditor({ name, first, actions, onCreated }: EditorProps) {
  const [format, setFormat] = useState<Format>('toml');
  const [text, setText] = useState(() => written(first, format));
  const [options, setOptions] = useState<PreviewOptions>({});
  /** Of the text as it stands. */
  const [result, setResult] = useState<Preview>();
  const [saved, setSaved] = useState<Saved>();
  const { busy, problem, mark, attempt, clear } = useMarkedAction();

  const edit = (value: string) => {
    setText(value);
    setSaved(undefined);
    setResult(undefined);
    clear();
  };
  const change = (to: Format) =>
    attempt(text, format, async () => {
      setText(written(await readDefinition(text, format), to));
      setFormat(to);
    });
  const look = (chosen: PreviewOptions) =>
    attempt(text, format, async () => {
      setOptions(chosen);
      try {
        setResult(await preview(text, format, chosen));
      } catch (error) {
        setResult(undefined);
        throw error;
      }
    });
  const keep = () =>
    attempt(text, format, async () => {
      const definition = await readDefinition(text, format);
      const target = name ?? definition.name ?? '';
      if (name === undefined) {
        await refuseTaken(target);
      }
      setSaved(await save(target, format === 'json' ? text : definitionJson(definition)));
      await loadMetrics(true);
      onCreated?.(target);
    });
  return (
    <div class="stack">
      <section class="card stack editor" aria-label="Definition">
        <Tabs label="Format" tabs={FORMATS} current={format} onSelect={(to) => to !== format && change(to)} />
        <SourceField label="Definition" value={text} mark={mark} onInput={edit} />
        {problem && <ProblemView problem={problem} />}
        <div class="actions">
          <Button disabled={busy} onClick={() => look(options)}>
            Preview
          </Button>
          <Button kind="primary" disabled={busy} onClick={keep}>
            {name === undefined ? 'Create metric' : 'Save'}
          </Button>
          {actions}
        </div>
      </section>
      {saved && <SavedNote saved={saved} onEnd={() => void loadMetrics(true)} />}
      {result && (
        <section class="card stack" aria-label="Preview">
          <div class="card-heading">
            <h2>Preview</h2>
            <PreviewOptionFields
              options={options}
              dimensions={dimensionNames(result.definition ?? first)}
              onChange={look}
            />
          </div>
          <PreviewResult result={result} />
        </section>
      )}
    </div>
  );
}

/** A new metric does not change one that is there: that is what its own editor is for. */
async function refuseTaken(name: string): Promise<void> {
  await loadMetrics(true);
  if (metrics.value?.some((metric) => metric.name === name)) {
    const detail = `There is a metric \`${name}\` already. Choose another name, or edit it on its own page.`;
    throw new Problem({ title: 'The name is taken', detail, code: 'name_taken', pointer: '/name' }, 422);
  }
}

interface SavedProps {
  readonly saved: Saved;
  readonly onEnd: () => void;
}

function SavedNote({ saved: { metric, run }, onEnd }: SavedProps) {
  return (
    <section class="stack" role="status" aria-label="Saved">
      <div class="verdict good">
        <strong>{run === undefined ? 'Nothing to change' : 'Saved'}</strong>
        <span>
          {run === undefined
            ? 'The same definition stands already.'
            : 'A run computes it from all events. Until then the old version answers, if there is one.'}
        </span>
        <span class="row">
          <Link to={`/metrics/${encodeURIComponent(metric.name)}`}>Metric {metric.name}</Link>
          <Link to="/explore" params={new URLSearchParams({ metric: metric.name })}>
            Explore it
          </Link>
        </span>
      </div>
      <Warnings warnings={metric.warnings ?? []} />
      {run !== undefined && <LiveRun key={run} id={run} onEnd={onEnd} />}
    </section>
  );
}
