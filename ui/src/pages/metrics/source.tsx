// A text with numbered lines, of which one may be marked as wrong.
import { withCode } from '../../components';
import { useEffect, useId, useRef } from 'preact/hooks';

export interface Mark {
  /** From 1. */
  readonly line: number;
  readonly message: string;
}

interface SourceProps {
  readonly label: string;
  readonly value: string;
  readonly mark?: Mark | undefined;
  readonly onInput: (value: string) => void;
}

const LINE_PX = 20;
const LINES_MIN = 12;
const LINES_MAX = 32;

/** A field for text. Tab leaves it, as everywhere; the marked line is selected when it is new. */
export function SourceField({ label, value, mark, onInput }: SourceProps) {
  const area = useRef<HTMLTextAreaElement>(null);
  const gutter = useRef<HTMLDivElement>(null);
  const id = useId();
  const lines = value.split('\n');
  const rows = Math.min(LINES_MAX, Math.max(LINES_MIN, lines.length + 1));
  useEffect(() => {
    const element = area.current;
    if (mark === undefined || element === null) {
      return;
    }
    const start = lines.slice(0, mark.line - 1).reduce((sum, line) => sum + line.length + 1, 0);
    element.focus();
    element.setSelectionRange(start, start + (lines[mark.line - 1]?.length ?? 0));
    element.scrollTop = Math.max(0, (mark.line - rows / 2) * LINE_PX);
  }, [mark]);
  const follow = () => {
    if (gutter.current !== null && area.current !== null) {
      gutter.current.scrollTop = area.current.scrollTop;
    }
  };
  return (
    <div class="source">
      <div class={mark ? 'source-text wrong' : 'source-text'} style={{ height: `${rows * LINE_PX + 18}px` }}>
        <div ref={gutter} class="source-lines" aria-hidden="true">
          {lines.map((_, index) => (
            <div key={index} class={mark?.line === index + 1 ? 'wrong' : undefined}>
              {index + 1}
            </div>
          ))}
        </div>
        <textarea
          ref={area}
          class="code"
          aria-label={label}
          aria-invalid={mark !== undefined}
          aria-describedby={mark ? id : undefined}
          value={value}
          wrap="off"
          spellcheck={false}
          autocapitalize="off"
          onScroll={follow}
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      </div>
      {mark && (
        <p id={id} class="source-mark" role="alert">
          <strong>Line {mark.line}</strong> {withCode(mark.message)}
        </p>
      )}
    </div>
  );
}
