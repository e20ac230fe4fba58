// Takes the answer elsewhere: a link, a frozen link, a line for the shell, a file.
import { useState } from 'preact/hooks';
import type { Answer } from '../answer';
import { Dialog, Menu } from '../components';
import { position } from '../provenance';
import { hrefOf } from '../router';
import { session } from '../session';
import { queryOf, withChanges } from './state';

interface ShareProps {
  readonly params: URLSearchParams;
  readonly answer: Answer | undefined;
}

export function Share({ params, answer }: ShareProps) {
  const [copied, setCopied] = useState<{ readonly what: string; readonly text?: string }>();
  const copy = (what: string, text: string) => () => {
    const done = () => {
      setCopied({ what });
      setTimeout(() => setCopied(undefined), 2000);
    };
    // Outside of https and loopback browsers have no clipboard for pages; then the text is shown.
    const refused = () => setCopied({ what, text });
    navigator.clipboard === undefined
      ? refused()
      : navigator.clipboard.writeText(text).then(done, refused);
  };
  const link = (changed: URLSearchParams) => location.origin + hrefOf('/explore', changed);
  const file = (format: string) => ({
    href: `/v1/query?${queryOf(params, ['totals', 'other'])}&format=${format}`,
    name: `${params.get('metric') ?? 'answer'}.${format}`,
  });
  return (
    <>
      <span class="visually-hidden" role="status">
        {copied?.text === undefined && copied ? `${copied.what} copied` : ''}
      </span>
      <Menu
        label={copied?.text === undefined && copied ? 'Copied' : 'Share'}
        name="Share"
        items={[
          { label: 'Copy link', hint: 'range as typed', onSelect: copy('Link', link(params)) },
          {
            label: 'Copy frozen link',
            hint: 'this range, at least these events',
            disabled: answer === undefined,
            onSelect: copy('Frozen link', link(frozen(params, answer))),
          },
          { label: 'Copy as curl', onSelect: copy('Command', curlLine(params)) },
          { label: 'Download CSV', download: file('csv') },
          { label: 'Download Parquet', download: file('parquet') },
        ]}
      />
      {copied?.text !== undefined && (
        <Dialog title={copied.what} onClose={() => setCopied(undefined)}>
          <textarea class="code" rows={5} readOnly value={copied.text} aria-label={copied.what} />
        </Dialog>
      )}
    </>
  );
}

/** The same range whenever it is opened, and every event that the answer has. */
export function frozen(params: URLSearchParams, answer: Answer | undefined): URLSearchParams {
  if (answer === undefined) {
    return params;
  }
  const now = new Date().toISOString();
  return withChanges(params, {
    from: answer.from ?? undefined,
    to: answer.to ?? now,
    after: position(answer.provenance.speed.through),
    live: undefined,
  });
}

/** A line for the shell. */
export function curlLine(params: URLSearchParams): string {
  const key = session.value?.authentication === 'none' ? '' : '-H "Authorization: Bearer $MERGANSER_KEY" ';
  const url = `${location.origin}/v1/query?${queryOf(params)}`;
  return `curl -s ${key}'${url.replaceAll("'", '%27')}'`;
}
