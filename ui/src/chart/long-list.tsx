// Long lists are shown in part at first, so that a page with ten thousand rows opens at once.
import { useState } from 'preact/hooks';
import { Button } from '../components/basic';
import { digits } from '../format';

export interface LongList<Item> {
  readonly shown: readonly Item[];
  /** Whether all are shown. */
  readonly whole: boolean;
  readonly showAll: () => void;
}

export function useLongList<Item>(items: readonly Item[], first: number): LongList<Item> {
  const [all, setAll] = useState(false);
  const whole = all || items.length <= first;
  return { shown: whole ? items : items.slice(0, first), whole, showAll: () => setAll(true) };
}

interface ShowAllProps {
  readonly list: LongList<unknown>;
  readonly count: number;
}

export function ShowAll({ list, count }: ShowAllProps) {
  return list.whole ? null : (
    <Button class="show-all" onClick={list.showAll}>
      Show all {digits(count)}
    </Button>
  );
}
