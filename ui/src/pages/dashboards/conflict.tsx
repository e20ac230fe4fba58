// Somebody else has changed the dashboard since it was read: both ways out.
import { useAction } from '../../action';
import { Button, CopyButton, Dialog, Gate, ProblemView } from '../../components';
import { useFetched } from '../../fetched';
import { plural } from '../../format';
import { type Board, boardText } from './board';
import { loadBoard, saveBoard, type Stored } from './store';

interface ConflictProps {
  readonly name: string;
  readonly mine: Board;
  readonly onClose: () => void;
  /** The version that stands now, whichever was taken. */
  readonly onDone: (stored: Stored) => void;
}

export function Conflict({ name, mine, onClose, onDone }: ConflictProps) {
  const theirs = useFetched(name, (signal) => loadBoard(name, signal));
  const { busy, problem, run } = useAction();
  return (
    <Dialog title="The dashboard has changed meanwhile" onClose={onClose}>
      <p>Somebody saved it after you began to edit. Nothing of either is lost until you choose.</p>
      <Gate of={theirs}>
        {(stored) => (
          <>
            <dl class="fact-grid">
              <Side title="Yours" board={mine} />
              <Side title="Theirs" board={stored.board} />
            </dl>
            {problem && <ProblemView problem={problem} />}
            <footer>
              <Button onClick={() => onDone(stored)}>Take theirs</Button>
              <Button
                kind="primary"
                disabled={busy}
                onClick={() => void run(async () => onDone(await saveBoard(name, mine, stored.etag)))}
              >
                Replace with mine
              </Button>
            </footer>
          </>
        )}
      </Gate>
    </Dialog>
  );
}

function Side({ title, board }: { readonly title: string; readonly board: Board }) {
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        <span class="break">{board.title || '–'}</span>, {plural(board.charts.length, 'chart')}
        <div>
          <CopyButton text={boardText(board)} what={`${title.toLowerCase()} as text`} />
        </div>
      </dd>
    </div>
  );
}
