// Random choices that can be had again: SEED in the environment replays what a failed test printed.

/** Gives functions that choose; `seed` says how to choose the same again. */
export function randomness(seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 31))) {
  let state = seed >>> 0;
  // mulberry32: 32 bits of state are enough to choose test cases.
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count) => Math.floor(next() * count);
  const one = (list) => list[below(list.length)];
  const chance = (share) => next() < share;
  const some = (list, most) => {
    const left = [...list];
    const count = Math.min(1 + below(most), left.length);
    return Array.from({ length: count }, () => left.splice(below(left.length), 1)[0]);
  };
  return { seed, below, one, chance, some };
}
