// Reads and writes dashboards. Every write says which version it was made from.
import { get, Problem, request } from '../../api';
import type { Json, Writable } from '../../json';
import type { Board, BoardSummary } from './board';

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
export async function saveBoard(
  name: string,
  board: Board | Json,
  etag: string | undefined,
): Promise<Stored> {
  const headers = etag === undefined ? { 'If-None-Match': '*' } : { 'If-Match': etag };
  const reply = await request<Board>(boardUrl(name), {
    method: 'PUT',
    headers: etag === '' ? {} : headers,
    body: board as unknown as Writable,
  });
  const written = reply.headers.get('ETag');
  return written === null ? loadBoard(name) : { board: board as Board, etag: written };
}

export async function deleteBoard(name: string): Promise<void> {
  await request(boardUrl(name), { method: 'DELETE' });
}

/** Whether another version was there than the one that was written over. */
export function isConflict(error: unknown): boolean {
  return error instanceof Problem && error.status === 412;
}
