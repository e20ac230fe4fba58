// Marks an estimate as one.
import { Tooltip } from '../components/tooltip';

export function Approximate({ error }: { readonly error: string }) {
  return (
    <span class="approximate">
      <Tooltip text={`An estimate: its error is about ${error} (one standard deviation).`}>
        ± {error}
      </Tooltip>
    </span>
  );
}
