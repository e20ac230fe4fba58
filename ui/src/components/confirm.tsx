// A question before something that cannot be undone.
import type { ComponentChildren } from 'preact';
import { useAction } from '../action';
import { Button } from './basic';
import { Dialog } from './dialog';
import { ProblemView } from './problem';

interface ConfirmProps {
  readonly title: string;
  /** What the button does, as `Delete flights`. */
  readonly action: string;
  readonly onConfirm: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Confirm({ title, action, onConfirm, onClose, children }: ConfirmProps) {
  const { busy, problem, run } = useAction();
  const confirm = async () => {
    if (await run(onConfirm)) {
      onClose();
    }
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button autoFocus onClick={onClose}>
            Keep
          </Button>
          <Button kind="danger" disabled={busy} onClick={() => void confirm()}>
            {busy ? 'Working…' : action}
          </Button>
        </>
      }
    >
      {children}
      {problem && <ProblemView problem={problem} />}
    </Dialog>
  );
}
