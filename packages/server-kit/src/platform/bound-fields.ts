const MOST_CHARACTERS = 16_384;
const MOST_MEMBERS = 100;
const MOST_DEPTH = 8;
const MOST_VALUES = 1000;

/**
 * Fields of a log line as far as a line has room: what is too long, too much or too deep is cut, and says so. Whatever a
 * peer has sent may be among them, and each member costs the redaction several looks.
 */
export function boundFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return boundMembers(fields, MOST_DEPTH, { left: MOST_VALUES });
}

interface Room {
  left: number;
}

function bound(value: unknown, depth: number, room: Room): unknown {
  room.left -= 1;
  if (typeof value === 'string') return boundText(value);
  if (typeof value !== 'object' || value === null || !isPlain(value)) return value;
  if (depth === 0 || room.left <= 0) return '[cut]';
  return Array.isArray(value) ? boundList(value, depth, room) : boundMembers(value, depth, room);
}

function boundText(text: string): string {
  const over = text.length - MOST_CHARACTERS;
  return over > 0 ? `${text.slice(0, MOST_CHARACTERS)} [${String(over)} more characters]` : text;
}

function boundList(list: readonly unknown[], depth: number, room: Room): unknown[] {
  const shown = list.slice(0, MOST_MEMBERS).map((value) => bound(value, depth - 1, room));
  return list.length > MOST_MEMBERS ? [...shown, `[${String(list.length - MOST_MEMBERS)} more]`] : shown;
}

function boundMembers(members: object, depth: number, room: Room): Record<string, unknown> {
  const bounded: Record<string, unknown> = {};
  let count = 0;
  for (const [name, value] of Object.entries(members)) {
    count += 1;
    if (count > MOST_MEMBERS) {
      bounded['…'] = '[more]';
      break;
    }
    bounded[name] = bound(value, depth - 1, room);
  }
  return bounded;
}

/** Errors, dates and the like have forms of their own. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === Object.prototype || prototype === null;
}
