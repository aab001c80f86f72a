import type { Environment } from '@aduana/server-kit/config/load-config';
import { ACTUATOR_SETTINGS } from '../examples/actuator/config.ts';
import { BFF_SETTINGS } from '../examples/bff/config.ts';
import { LEADS_SETTINGS } from '../examples/leads/config.ts';
import { CONSOLE_SETTINGS } from '../console/server/config.ts';
import { GATEWAY_SETTINGS } from '../gateway/config.ts';
import { AUDIT_SETTINGS } from '../subgraphs/audit/config.ts';
import { STS_SETTINGS } from '../subgraphs/sts/config.ts';

const KNOWN = Object.keys({
  ...GATEWAY_SETTINGS,
  ...CONSOLE_SETTINGS,
  ...STS_SETTINGS,
  ...AUDIT_SETTINGS,
  ...BFF_SETTINGS,
  ...LEADS_SETTINGS,
  ...ACTUATOR_SETTINGS,
});
/** Of a long name two letters may be wrong; a short one that differs in two is likely another. */
const LONG = 12;
const SHORTEST = 8;

export interface Misspelling {
  readonly name: string;
  readonly meant: string;
}

/** Variables that are none of Aduana's, and nearly one: what they say is not heard, and nobody would notice. */
export function misspelledVariables(environment: Environment): readonly Misspelling[] {
  const unknown = Object.keys(environment).filter(
    (name) => name.length >= SHORTEST && environment[name] && !KNOWN.includes(name),
  );
  return unknown.flatMap((name) => {
    const meant = KNOWN.find((known) => distance(name, known) <= (known.length < LONG ? 1 : 2));
    return meant === undefined ? [] : [{ name, meant }];
  });
}

/** Letters to insert, drop, change or swap with their neighbour (optimal string alignment). */
function distance(from: string, to: string): number {
  const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity;
  for (let row = 1; row <= from.length; row += 1) {
    rows.push([row]);
    for (let column = 1; column <= to.length; column += 1) {
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      rows[row]?.push(
        Math.min(
          at(row - 1, column) + 1,
          at(row, column - 1) + 1,
          at(row - 1, column - 1) + (from[row - 1] === to[column - 1] ? 0 : 1),
          swapped ? at(row - 2, column - 2) + 1 : Infinity,
        ),
      );
    }
  }
  return at(from.length, to.length);
}
