import { isIP } from 'node:net';
import type { LoggedEvent } from './logged-event.ts';

const SEVERITY: Readonly<Record<string, number>> = { ALLOWED: 1, PARTIAL: 3, FAILED: 4, DENIED: 6 };

/** An event in the Common Event Format, version 0, for older SIEMs. */
export function toCef({ seq, envelope }: LoggedEvent): string {
  const { id, time, type, outcome, source, actor, request, trace, detail = {} } = envelope;
  const { source_address: address } = detail;
  const members: readonly (readonly [string, unknown])[] = [
    ['rt', Date.parse(time)],
    ['externalId', id],
    ['suid', actor.sub],
    ['suser', actor['client_id']],
    ['src', typeof address === 'string' && isIP(address) !== 0 ? address : undefined],
    ['outcome', outcome],
    ['reason', detail['code']],
    ['dvchost', source.peer],
    ['cn1Label', 'seq'],
    ['cn1', seq],
    ['cs1Label', 'operation'],
    ['cs1', request?.['operation_name']],
    ['cs2Label', 'trace'],
    ['cs2', trace?.['trace_id']],
  ];
  return cefLine(type, SEVERITY[outcome] ?? 5, members);
}

/** One line of the Common Event Format; members without a value are left out. */
export function cefLine(
  type: string,
  severity: number,
  members: readonly (readonly [string, unknown])[],
): string {
  const extension = members
    .filter(([, value]) => typeof value === 'string' || typeof value === 'number')
    .map(([name, value]) => `${name}=${escapeValue(String(value))}`)
    .join(' ');
  const header = ['CEF:0', 'Aduana', 'Aduana', '1', type, type, String(severity)];
  return `${header.map(escapeHeader).join('|')}|${extension}`;
}

function escapeHeader(value: string): string {
  return value.replaceAll(/[\\|]/g, '\\$&').replaceAll(/[\r\n]+/g, ' ');
}

function escapeValue(value: string): string {
  return value.replaceAll(/[\\=]/g, '\\$&').replaceAll('\r', '\\r').replaceAll('\n', '\\n');
}
