// Arithmetic on decimals without floats, for what the page computes itself: changes and percentages.
import { Decimal, type Json } from './json';

interface Scaled {
  readonly whole: bigint;
  readonly places: number;
}

/** Numbers beyond this many places are left to the reader's eye. */
const PLACES_MAX = 400;

function scaled(text: string): Scaled | undefined {
  const parts = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (parts === null) {
    return undefined;
  }
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = parts;
  const places = fraction.length - Number(exponent);
  if (Math.abs(places) > PLACES_MAX) {
    return undefined;
  }
  const digits = BigInt(sign + whole + fraction);
  return places >= 0
    ? { whole: digits, places }
    : { whole: digits * 10n ** BigInt(-places), places: 0 };
}

export interface Change {
  /** +3.2 %, −0.5 %, 0.0 %. */
  readonly text: string;
  readonly direction: -1 | 0 | 1;
}

/** How a value changed against an earlier one, to a tenth of a percent; undefined where that says nothing. */
export function change(now: Json | undefined, before: Json | undefined): Change | undefined {
  if (!(now instanceof Decimal) || !(before instanceof Decimal)) {
    return undefined;
  }
  const [a, b] = [scaled(now.text), scaled(before.text)];
  if (a === undefined || b === undefined || b.whole <= 0n) {
    return undefined;
  }
  const places = BigInt(Math.max(a.places, b.places));
  const left = a.whole * 10n ** (places - BigInt(a.places));
  const right = b.whole * 10n ** (places - BigInt(b.places));
  const difference = left - right;
  const size = difference < 0n ? -difference : difference;
  const tenths = (size * 2000n + right) / (2n * right);
  const sign = tenths === 0n ? '' : difference < 0n ? '\u2212' : '+';
  return {
    text: `${sign}${tenths / 10n}.${tenths % 10n}\u202f%`,
    direction: difference === 0n ? 0 : difference < 0n ? -1 : 1,
  };
}

/** A share as a percentage, to a tenth: 0.01625 as 1.6 %. */
export function percent(share: Decimal): string {
  const value = scaled(share.text);
  if (value === undefined || value.whole < 0n) {
    return share.text;
  }
  const one = 10n ** BigInt(value.places);
  const tenths = (value.whole * 2000n + one) / (2n * one);
  return `${tenths / 10n}${tenths % 10n === 0n ? '' : `.${tenths % 10n}`}\u202f%`;
}

/** The sum of values; undefined if one cannot be added exactly. What is missing adds nothing. */
export function sum(values: readonly Json[]): Decimal | undefined {
  let total: Scaled = { whole: 0n, places: 0 };
  for (const value of values.filter((value) => value !== null)) {
    const next = value instanceof Decimal ? scaled(value.text) : undefined;
    if (next === undefined) {
      return undefined;
    }
    const places = Math.max(total.places, next.places);
    const at = (one: Scaled) => one.whole * 10n ** BigInt(places - one.places);
    total = { whole: at(total) + at(next), places };
  }
  const text = String(total.whole < 0n ? -total.whole : total.whole).padStart(total.places + 1, '0');
  const split = text.length - total.places;
  const fraction = text.slice(split).replace(/0+$/, '');
  const sign = total.whole < 0n ? '-' : '';
  return new Decimal(`${sign}${text.slice(0, split)}${fraction && `.${fraction}`}`);
}
