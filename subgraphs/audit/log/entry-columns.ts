import { isObject } from './parse-events.ts';

/** What an entry can be found by: its canonical text contains all of this too. */
export interface EntryColumns {
  readonly id: string;
  readonly peer: string;
  readonly time: string;
  readonly type: string;
  readonly outcome: string;
  readonly actor: string;
  readonly client_id: string | null;
  readonly operation: string | null;
  readonly trace_id: string | null;
  readonly instance: string;
  readonly boot_id: string;
  readonly n: number;
}

/** A stamped event, whole or as its canonical text has it. */
export interface StampedEvent {
  readonly id: string;
  readonly time: string;
  readonly source: {
    readonly peer: string;
    readonly instance: string;
    readonly boot_id: string;
    readonly n: number;
  };
  readonly type: string;
  readonly outcome: string;
  readonly actor: { readonly sub: string; readonly client_id?: unknown };
  readonly request?: unknown;
  readonly trace?: unknown;
}

const MAX_COLUMN_CHARACTERS = 256;
/** What may have to be replaced: halves of characters are, whole ones are not. */
const SUSPECT = /[\0\ud800-\udfff]/;

export function columnsOf({
  id,
  time,
  source,
  type,
  outcome,
  actor,
  request,
  trace,
}: StampedEvent): EntryColumns {
  return {
    id,
    peer: source.peer,
    time,
    type,
    outcome,
    actor: column(actor.sub) ?? '',
    client_id: column(actor.client_id),
    operation: column(isObject(request) ? request['operation_name'] : undefined),
    trace_id: column(isObject(trace) ? trace['trace_id'] : undefined),
    instance: source.instance,
    boot_id: source.boot_id,
    n: source.n,
  };
}

/** What an index can hold: a bounded text that every encoding has. */
function column(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  const bounded = value.slice(0, MAX_COLUMN_CHARACTERS);
  return SUSPECT.test(bounded) ? bounded.replaceAll(/[\0\p{Surrogate}]/gu, '\uFFFD') : bounded;
}
