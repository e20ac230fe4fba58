// Colours: every series can be told from the ground and from every other one, by everybody.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

type Triple = readonly [number, number, number];

const css = readFileSync('src/css/base.css', 'utf8');

function token(name: string, theme: 0 | 1): Triple {
  const found = new RegExp(`--${name}: light-dark\\((#[0-9a-f]{6}), (#[0-9a-f]{6})\\)`).exec(css);
  const hex = found?.[theme + 1] ?? assert.fail(`no colour ${name}`);
  const part = (at: number) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [part(1), part(3), part(5)];
}

function contrast(a: Triple, b: Triple): number {
  const light = ([r, g, bl]: Triple) => 0.2126 * r + 0.7152 * g + 0.0722 * bl + 0.05;
  return Math.max(light(a), light(b)) / Math.min(light(a), light(b));
}

// Machado, Oliveira and Fernandes 2009, severity 1.
const EYES: { readonly [name: string]: readonly [Triple, Triple, Triple] } = {
  usual: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

const dot = (a: Triple, b: Triple) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];

/** Oklab (Ottosson 2020) of linear light. */
function oklab(color: Triple): Triple {
  const root = (row: Triple) => Math.cbrt(Math.max(0, dot(row, color)));
  const cones: Triple = [
    root([0.4122214708, 0.5363325363, 0.0514459929]),
    root([0.2119034982, 0.6806995451, 0.1073969566]),
    root([0.0883024619, 0.2817188376, 0.6299787005]),
  ];
  return [
    dot([0.2104542553, 0.793617785, -0.0040720468], cones),
    dot([1.9779984951, -2.428592205, 0.4505937099], cones),
    dot([0.0259040371, 0.7827717662, -0.808675766], cones),
  ];
}

const SERIES = ['s1', 's2', 's3', 's4', 's5', 's6', 's7', 's8', 'other'];

test('series stand out from the ground and from each other', () => {
  for (const theme of [0, 1] as const) {
    const ground = token('surface', theme);
    for (const name of SERIES) {
      assert.ok(contrast(token(name, theme), ground) >= 3, `${name} in theme ${theme}`);
    }
    for (const [eye, rows] of Object.entries(EYES)) {
      const seen = SERIES.map((name) => {
        const color = token(name, theme);
        const part = (row: Triple) => Math.min(1, Math.max(0, dot(row, color)));
        return oklab([part(rows[0]), part(rows[1]), part(rows[2])]);
      });
      seen.forEach((a, i) => {
        seen.slice(i + 1).forEach((b, n) => {
          const distance = Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
          const pair = `${SERIES[i]} and ${SERIES[i + 1 + n]}, ${eye}, theme ${theme}`;
          assert.ok(distance >= 0.07, `${pair}: ${distance}`);
        });
      });
    }
  }
});

test('text has the contrast that WCAG AA asks for', () => {
  for (const theme of [0, 1] as const) {
    for (const text of ['text', 'muted', 'accent', 'bad', 'warn', 'good']) {
      for (const ground of ['ground', 'surface', 'raised', 'sunken']) {
        const ratio = contrast(token(text, theme), token(ground, theme));
        assert.ok(ratio >= 4.5, `${text} on ${ground} in theme ${theme}: ${ratio}`);
      }
    }
    for (const tone of ['bad', 'warn', 'good']) {
      const ratio = contrast(token(tone, theme), token(`${tone}-soft`, theme));
      assert.ok(ratio >= 4.5, `${tone} in theme ${theme}: ${ratio}`);
    }
    assert.ok(contrast(token('on-accent', theme), token('accent', theme)) >= 4.5);
    assert.ok(contrast(token('line-strong', theme), token('surface', theme)) >= 3);
  }
});
