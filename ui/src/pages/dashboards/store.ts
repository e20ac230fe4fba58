// Reads and writes dashboards. Every write says which version it was made from.
import { get, Problem, request } from '../../api';
import type { Writable } from '../../json';
import type { Board, BoardSummary } from './board';

/** The dashboard that was looked at or saved to last, since the page was opened. */
export const recent = { name: '', timezone: '' };

const PATH = '/v1/dashboards';

export interface Stored {
  readonly board: Board;
  /** The version that was read, for `If-Match`. */
  readonly etag: string;
}

export function boardUrl(name: string): string {
  return `${PATH}/${encodeURIComponent(name)}`;
}

export async function listBoards(signal?: AbortSignal): Promise<readonly BoardSummary[]> {
  return (await get<{ dashboards: readonly BoardSummary[] }>(PATH, signal)).dashboards;
}

export async function loadBoard(name: string, signal?: AbortSignal): Promise<Stored> {
  const reply = await request<Board>(boardUrl(name), signal === undefined ? {} : { signal });
  return { board: reply.value, etag: reply.headers.get('ETag') ?? '' };
}

/** Writes over the version that was read; without one it must be new. */
export async function saveBoard(name: string, board: Board, etag: string | undefined): Promise<Stored> {
  const headers: { [name: string]: string } =
    etag === undefined ? { 'If-None-Match': '*' } : { 'If-Match': etag };
  const body = board as unknown as Writable;
  try {
    const reply = await request(boardUrl(name), { method: 'PUT', headers, body });
    return { board, etag: reply.headers.get('ETag') ?? '' };
  } catch (error) {
    throw etag === undefined && isConflict(error) ? taken(name) : error;
  }
}

function taken(name: string): Problem {
  const detail = `There is a dashboard \`${name}\` already. Choose another name.`;
  return new Problem({ title: 'The name is taken', detail, code: 'name_taken' }, 412);
}

export async function deleteBoard(name: string): Promise<void> {
  await request(boardUrl(name), { method: 'DELETE' });
}

/** Whether another version was there than the one that was written over. */
export function isConflict(error: unknown): boolean {
  return error instanceof Problem && error.status === 412;
}
