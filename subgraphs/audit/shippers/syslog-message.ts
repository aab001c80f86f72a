import type { ShippedEvent } from './sink.ts';

/** Facility 13, log audit (RFC 5424 section 6.2.1). */
const FACILITY = 13;
const SEVERITY: Readonly<Record<string, number>> = { ALLOWED: 6, PARTIAL: 5, DENIED: 4, FAILED: 3 };
const NOTICE = 5;

/** A syslog message (RFC 5424 section 6) that holds the event, with the keys to find copies by in its structured data. */
export function syslogMessage({ id, seq, time, type, outcome, text }: ShippedEvent, host: string): Buffer {
  const priority = FACILITY * 8 + (SEVERITY[outcome] ?? NOTICE);
  const place = seq === undefined ? '' : ` seq="${String(seq)}"`;
  const header = `<${String(priority)}>1 ${new Date(time).toISOString()} ${host} aduana - ${type.slice(0, 32)}`;
  return Buffer.from(`${header} [event@32473 id="${id}"${place}] ${text}`);
}
