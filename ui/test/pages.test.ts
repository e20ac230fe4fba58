import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from '../src/json';
import { hitShare, readFigures } from '../src/pages/health/figures';
import { positionText } from '../src/pages/health/status';
import { EMPTY_FORM, keyRequest, properties } from '../src/pages/keys/key';
import { purpose, type Run, tookMs } from '../src/pages/runs/run';

test('figures of Prometheus are read by name, and summed over labels', () => {
  const figures = readFigures(
    [
      '# HELP merganser_x Something',
      'merganser_x 12',
      'merganser_hits{cache="answers"} 3',
      'merganser_hits{cache="parts"} 4',
      'merganser_y NaN',
      'no figure',
    ].join('\n'),
  );
  assert.equal(figures.get('merganser_x'), 12);
  assert.equal(figures.get('merganser_hits{cache="parts"}'), 4);
  assert.equal(figures.get('merganser_hits'), 7);
  assert.equal(figures.has('merganser_y'), false);
});

test('the share of hits is not known before the first look-up', () => {
  assert.equal(hitShare(readFigures(''), 'answers'), undefined);
  const text = 'merganser_cache_hits_total{cache="answers"} 3\nmerganser_cache_misses_total{cache="answers"} 1';
  assert.equal(hitShare(readFigures(text), 'answers'), 0.75);
});

test('positions name each partition', () => {
  assert.equal(positionText({ 0: new Decimal('336776'), 1: new Decimal('7') }), '0:336776, 1:7');
});

test('a key is asked for with what its role has, and nothing empty', () => {
  const form = { ...EMPTY_FORM, metrics: ['sales'], filter: " tenant = 'acme' ", set: 'tenant=acme', rate: '5' };
  assert.deepEqual(keyRequest({ ...form, role: 'read' }), {
    role: 'read',
    note: undefined,
    expires: undefined,
    metrics: ['sales'],
    filter: "tenant = 'acme'",
    set: undefined,
    requests_per_s: 5,
  });
  const sender = keyRequest({ ...form, role: 'ingest' });
  assert.deepEqual(sender.set, { tenant: 'acme' });
  assert.equal(sender.metrics, undefined);
  assert.equal(sender.filter, undefined);
});

test('fixed properties are lines, and values may hold an equals sign', () => {
  assert.equal(properties(' \n'), undefined);
  assert.deepEqual(properties('a = 1\n\nb=x=y\nc'), { a: '1', b: 'x=y', c: '' });
});

test('what a run was for, and how long it took', () => {
  const run = {
    mode: 'full',
    started_at: '2026-11-28T12:00:00Z',
    ended_at: null,
    metrics: ['sales', 'visits'],
  } as unknown as Run;
  assert.equal(purpose(run), 'full, of sales, visits');
  assert.equal(purpose({ ...run, backfill: new Decimal('2') }), 'backfill of sales, visits');
  assert.equal(tookMs(run, Date.parse('2026-11-28T12:00:03Z')), 3000);
  assert.equal(tookMs({ ...run, started_at: null }, 0), undefined);
});
