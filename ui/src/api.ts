// Talks with the service: requests, problem documents, and answers that are sent again when they change.
import { type Json, readJson, type Writable, writeJson } from './json';

/** A problem document (RFC 9457), or what went wrong before there was one. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly parameter: string | undefined;
  readonly pointer: string | undefined;
  /** Seconds after which a new attempt makes sense, if the service said so. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly fields: { readonly [key: string]: Json },
    status: number,
    retryAfter?: number,
  ) {
    super(text(fields['detail']) || text(fields['title']) || `The service answered ${status}.`);
    this.status = status;
    this.code = text(fields['code']) ?? (status === 0 ? 'no_connection' : 'unknown');
    this.parameter = text(fields['parameter']);
    this.pointer = text(fields['pointer']);
    this.retryAfter = retryAfter;
  }

  get title(): string {
    return text(this.fields['title']) ?? (this.status === 0 ? 'No connection' : 'Not answered');
  }
}

/** Whether a request was given up by the page itself. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Any error as a Problem, so that pages show one kind only. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) {
    return error;
  }
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem({ title: 'The page failed', detail, code: 'page_failed' }, 0);
}

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Written as JSON, unless it is a text, which is sent as it is. */
  readonly body?: Writable;
  readonly headers?: { readonly [name: string]: string };
  readonly signal?: AbortSignal;
}

export interface Reply<T> {
  readonly value: T;
  readonly status: number;
  readonly headers: Headers;
}

/** What is called when the service says that no session is there. */
export const onUnauthorized: { call: () => void } = { call: () => {} };

/** Sends a request; an answer below 400 is read as JSON, every other one is thrown as a Problem. */
export async function request<T = Json>(url: string, options: RequestOptions = {}): Promise<Reply<T>> {
  const response = await open(url, options);
  const body = await response.text();
  const value = isJson(response) && body !== '' ? readJson(body) : body === '' ? null : body;
  return { value: value as T, status: response.status, headers: response.headers };
}

/** The value of a GET. */
export async function get<T = Json>(url: string, signal?: AbortSignal): Promise<T> {
  return (await request<T>(url, signal === undefined ? {} : { signal })).value;
}

/** A path with parameters; undefined and empty ones are left out. */
export function withParams(
  path: string,
  params: { readonly [name: string]: string | number | boolean | undefined },
): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== '') {
      query.set(name, String(value));
    }
  }
  const written = query.toString();
  return written === '' ? path : `${path}?${written}`;
}

async function open(url: string, options: RequestOptions): Promise<Response> {
  const headers = new Headers({ Accept: 'application/json', ...options.headers });
  let body: string | undefined;
  if (typeof options.body === 'string') {
    body = options.body;
  } else if (options.body !== undefined) {
    body = writeJson(options.body);
    if (!headers.has('Content-Type')) {
      headers.set('Content-Type', 'application/json');
    }
  }
  let response: Response;
  try {
    response = await fetch(url, {
      method: options.method ?? 'GET',
      headers,
      body: body ?? null,
      signal: options.signal ?? null,
      credentials: 'same-origin',
      cache: 'no-store',
    });
  } catch (error) {
    throw isAbort(error)
      ? error
      : new Problem({ detail: 'The service cannot be reached. It may be stopped or restarting.' }, 0);
  }
  if (response.ok) {
    return response;
  }
  const problem = await problemOf(response);
  if (problem.status === 401) {
    onUnauthorized.call();
  }
  throw problem;
}

async function problemOf(response: Response): Promise<Problem> {
  const retry = Number(response.headers.get('Retry-After') ?? Number.NaN);
  let fields: { [key: string]: Json } = {};
  try {
    const body = await response.text();
    const value = isJson(response) ? readJson(body) : body === '' ? {} : { detail: body.slice(0, 500) };
    if (value !== null && typeof value === 'object' && !Array.isArray(value)) {
      fields = value as { [key: string]: Json };
    }
  } catch {
    // A body that is cut or no JSON says nothing that the status does not say.
  }
  return new Problem(fields, response.status, Number.isFinite(retry) ? retry : undefined);
}

function isJson(response: Response): boolean {
  return /^application\/(?:[\w.-]+\+)?json\b/.test(response.headers.get('Content-Type') ?? '');
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

export interface Follower<T> {
  readonly onValue: (value: T) => void;
  /** The stream broke or was refused. It is tried again by itself where that may help. */
  readonly onProblem: (problem: Problem) => void;
}

/** Follows server-sent events until the function that it gives is called. */
export function follow<T = Json>(url: string, follower: Follower<T>): () => void {
  const control = new AbortController();
  void followUntil(url, follower, control.signal);
  return () => control.abort();
}

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 15_000;

async function followUntil<T>(url: string, follower: Follower<T>, signal: AbortSignal): Promise<void> {
  let pause = FIRST_PAUSE_MS;
  while (!signal.aborted) {
    try {
      const response = await open(url, { headers: { Accept: 'text/event-stream' }, signal });
      await readEvents(response, (data) => {
        pause = FIRST_PAUSE_MS;
        follower.onValue(readJson(data) as T);
      });
    } catch (error) {
      if (isAbort(error) || signal.aborted) {
        return;
      }
      const problem = asProblem(error);
      follower.onProblem(problem);
      if (problem.status >= 400 && problem.status < 500 && problem.status !== 429) {
        return;
      }
      pause = Math.max(pause, (problem.retryAfter ?? 0) * 1000);
    }
    await sleep(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      done();
    });
  });
}

async function readEvents(response: Response, onData: (data: string) => void): Promise<void> {
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let rest = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    rest += decoder.decode(value, { stream: true });
    const parts = rest.split('\n\n');
    rest = parts.pop() ?? '';
    for (const part of parts) {
      const data = eventData(part);
      if (data !== '') {
        onData(data);
      }
    }
  }
}

/** The data of one server-sent event; empty for comments. */
export function eventData(event: string): string {
  return event
    .split('\n')
    .filter((line) => line.startsWith('data:'))
    .map((line) => line.slice(line.startsWith('data: ') ? 6 : 5))
    .join('\n');
}
