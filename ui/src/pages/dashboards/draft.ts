// What is edited of a dashboard and not saved yet.
import { useEffect, useState } from 'preact/hooks';
import { type Board, boardText, sharedOf } from './board';
import type { Stored } from './store';

/** By dashboard, so that it is there again when its reader comes back to it. */
const drafts = new Map<string, Stored>();

export interface Draft {
  readonly board: Board;
  /** The version that it was made from. */
  readonly etag: string;
  /** Whether it differs from what is stored. */
  readonly changed: boolean;
  readonly set: (board: Board) => void;
  readonly forget: () => void;
}

/** Begins with what the reader saw: the document, with the settings of the address. */
export function useDraft(name: string, stored: Stored, params: URLSearchParams): Draft {
  const [draft, setDraft] = useState<Stored>(
    () =>
      drafts.get(name) ?? {
        board: { ...stored.board, ...sharedOf(stored.board, params) },
        etag: stored.etag,
      },
  );
  return {
    ...draft,
    changed: boardText(draft.board) !== boardText(stored.board),
    set: (board) => {
      const next = { board, etag: draft.etag };
      drafts.set(name, next);
      setDraft(next);
    },
    forget: () => drafts.delete(name),
  };
}

/** The browser asks before the page is closed with something that is not saved. */
export function useWarning(unsaved: boolean): void {
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent) => unsaved && event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [unsaved]);
}
