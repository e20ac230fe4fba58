// Whether the answer is followed, and whether that pauses.
import { Button } from '../components';
import type { Changes, ExploreState } from './state';

interface LiveProps {
  readonly state: ExploreState;
  readonly paused: boolean;
  readonly onPause: (paused: boolean) => void;
  readonly onChange: (changes: Changes, replace?: boolean) => void;
}

export function Live({ state, paused, onPause, onChange }: LiveProps) {
  const running = state.live && !paused;
  return (
    <>
      {state.live && (
        <Button kind="quiet" onClick={() => onPause(!paused)}>
          {paused ? 'Resume' : 'Pause'}
        </Button>
      )}
      <Button
        aria-pressed={state.live}
        class={running ? 'live running' : 'live'}
        onClick={() => {
          onPause(false);
          onChange({ live: state.live ? '' : 'true' }, true);
        }}
      >
        <span class="live-dot" aria-hidden="true" />
        Live
      </Button>
    </>
  );
}
