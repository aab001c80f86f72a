import { SecurityError } from '@aduana/core/errors/security-error';

/** An event as its source posts it: the members that every event has; more may follow. */
export interface PostedEvent {
  readonly v: 1;
  readonly id: string;
  readonly time: string;
  readonly source: { readonly instance: string; readonly boot_id: string; readonly n: number };
  readonly type: string;
  readonly class_uid: number;
  readonly outcome: string;
  readonly actor: { readonly sub: string; readonly client_id?: unknown };
  readonly request?: unknown;
  readonly trace?: unknown;
  readonly pii?: PostedPersonalData | null;
}

/** Of one person, and what an event says of them, in clear text. */
export interface PostedPersonalData {
  readonly subject: string;
  readonly values: Readonly<Record<string, string>>;
}

const MAX_EVENTS = 2000;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
/** From 1970 to 2999: drivers do not agree on what a year of less than four digits, or of more, is in a database. */
const TIME = /^(?:19[7-9]\d|2\d{3})-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const TYPE = /^[a-z][a-z_]{0,31}(\.[a-z][a-z_]{0,31}){0,3}$/;
const OUTCOMES: ReadonlySet<unknown> = new Set(['ALLOWED', 'PARTIAL', 'DENIED', 'FAILED']);
const MAX_NAME_CHARACTERS = 200;
const MAX_PERSONAL_VALUES = 64;
/** Of a person's name, as in their erasure, and of one value. */
const MAX_PERSONAL_CHARACTERS = 1024;

/** @throws SecurityError `BAD_REQUEST` naming the first member that is not as it must be, `PAYLOAD_TOO_LARGE` */
export function parseEvents(body: string): readonly PostedEvent[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body);
  } catch (error) {
    throw new SecurityError('BAD_REQUEST', { detail: 'the body is not JSON', cause: error });
  }
  const events = isObject(parsed) ? parsed['events'] : undefined;
  if (!Array.isArray(events))
    throw new SecurityError('BAD_REQUEST', { detail: 'there is no array `events`' });
  if (events.length > MAX_EVENTS) throw new SecurityError('PAYLOAD_TOO_LARGE', { detail: 'too many events' });
  return events.map((event: unknown, index) => {
    const wrong = findFault(event);
    if (wrong === undefined) return event as PostedEvent;
    throw new SecurityError('BAD_REQUEST', {
      detail: `events[${String(index)}]: ${wrong}`,
      extensions: { event: index, member: wrong },
    });
  });
}

/** Whether a value is an event as the log keeps it: what is not was put there by nobody's post. */
export function isStamped(event: unknown): boolean {
  return (
    findFault(event) === undefined &&
    isObject(event) &&
    isObject(event['source']) &&
    isName(event['source']['peer'])
  );
}

/** The name of the first member that an event lacks or has wrong. */
function findFault(event: unknown): string | undefined {
  if (!isObject(event)) return 'event';
  const { v, id, time, source, type, class_uid: classUid, outcome, actor, pii } = event;
  if (v !== 1) return 'v';
  if (typeof id !== 'string' || !UUID.test(id)) return 'id';
  if (typeof time !== 'string' || !TIME.test(time) || !isInCalendar(time)) return 'time';
  if (!isObject(source)) return 'source';
  if (!isName(source['instance'])) return 'source.instance';
  if (!isName(source['boot_id'])) return 'source.boot_id';
  if (!Number.isSafeInteger(source['n']) || (source['n'] as number) < 0) return 'source.n';
  if (typeof type !== 'string' || !TYPE.test(type)) return 'type';
  if (!Number.isSafeInteger(classUid)) return 'class_uid';
  if (!OUTCOMES.has(outcome)) return 'outcome';
  if (!isObject(actor) || typeof actor['sub'] !== 'string' || actor['sub'] === '') return 'actor';
  if (pii !== undefined && pii !== null && !isPersonalData(pii)) return 'pii';
  return undefined;
}

/** `Date` takes 30 February for 2 March; the database takes it for an error of all that is appended with it. */
function isInCalendar(time: string): boolean {
  const milliseconds = Date.parse(time);
  return !Number.isNaN(milliseconds) && new Date(milliseconds).toISOString() === time;
}

/** A name that distinguishes sources: printable, so that nothing has to be replaced in it. */
function isName(value: unknown): boolean {
  return typeof value === 'string' && value.length <= MAX_NAME_CHARACTERS && /^[\x21-\x7e]+$/.test(value);
}

/** Everything of it is sealed before the entry is cut to its size, so it is bounded by itself. */
function isPersonalData(value: unknown): value is PostedPersonalData {
  const { subject, values } = isObject(value) ? value : {};
  if (!isPersonalText(subject) || subject === '' || !isObject(values)) return false;
  const names = Object.keys(values);
  return (
    names.length <= MAX_PERSONAL_VALUES &&
    names.every((name) => name.length <= MAX_NAME_CHARACTERS && isPersonalText(values[name]))
  );
}

function isPersonalText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_PERSONAL_CHARACTERS;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
