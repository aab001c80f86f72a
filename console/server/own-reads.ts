interface Recorded {
  readonly type?: unknown;
  readonly actor?: { readonly act?: unknown; readonly client_id?: unknown };
  readonly detail?: { readonly operation_kind?: unknown };
}

const CONSOLE = 'console';

/**
 * Whether an event is about a read of the console itself, on whoever's behalf: watching the log must not fill the page
 * with the watching. What somebody changes through the console is none.
 *
 * @param canonical the event as the log keeps it
 */
export function isOwnRead(canonical: string): boolean {
  const { type, actor, detail } = parse(canonical);
  const acts = Array.isArray(actor?.act) && actor.act.includes(CONSOLE);
  if (type === 'audit.read') return acts;
  if (typeof type === 'string' && type.startsWith('stream.')) return acts;
  if (type === 'request') return acts && detail?.operation_kind === 'query';
  return type === 'token.exchange' && (acts || actor?.client_id === CONSOLE);
}

/** What cannot be read is shown. */
function parse(canonical: string): Recorded {
  try {
    const event: unknown = JSON.parse(canonical);
    return typeof event === 'object' && event !== null ? event : {};
  } catch {
    return {};
  }
}
