import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';

interface Load {
  readonly requestsPerDay: number;
  readonly mutations?: number;
  readonly peak?: number;
  readonly retentionDays?: number;
}
type Figures = Readonly<
  Record<'gatewayMs' | 'auditUs' | 'postgresUs' | 'storedBytes' | 'eventsPerSecond', number>
>;
type Size = Readonly<Record<'requestsPerSecond' | 'eventsPerSecond' | 'gatewayCores' | 'auditCores' | 'postgresCores' | 'gigabytesPerDay' | 'gigabytesKept' | 'logs', number>>; // prettier-ignore

/** The tools are plain JavaScript, without types. */
const tool = (name: string): Promise<unknown> => import(`../../tools/${name}.js`);
const { sizeOf, createSizingTable, readFigures } = (await tool('sizing')) as {
  sizeOf(load: Load, figures?: Figures): Size;
  createSizingTable(): string;
  readFigures(): Figures;
};

describe('the sizing page', () => {
  test('shows what the calculation makes of the committed measurements: run `node tools/write-sizing-table.js`', () => {
    const cells = (table: string): readonly string[] =>
      table.split('\n').filter((line) => /^\| +[\d,]+ /.test(line)).map((line) => line.replace(/ +/g, ' ').trim());
    const page = readFileSync('docs/guides/sizing.md', 'utf8');
    const shown = cells(page.slice(page.indexOf('<!-- sizes'), page.indexOf('<!-- /sizes')));
    expect(shown).toHaveLength(4);
    expect(shown).toEqual(cells(createSizingTable()));
  }); // prettier-ignore

  test('names the figures that were measured', () => {
    const page = readFileSync('docs/guides/sizing.md', 'utf8');
    const { gatewayMs, auditUs, postgresUs, storedBytes, eventsPerSecond } = readFigures();
    for (const figure of [gatewayMs.toFixed(2), auditUs, postgresUs, storedBytes, eventsPerSecond].map(
      String,
    ))
      expect(page).toContain(figure);
  });
});

describe('the calculation of a size', () => {
  const figures = { gatewayMs: 0.6, auditUs: 60, postgresUs: 30, storedBytes: 1000, eventsPerSecond: 5000 };

  test('multiplies what a request and an event cost by how many there are at the peak', () => {
    const size = sizeOf({ requestsPerDay: 86_400_000, mutations: 0.5, peak: 2, retentionDays: 10 }, figures);
    expect(size.requestsPerSecond).toBe(2000);
    expect(size.eventsPerSecond).toBe(3000);
    expect(size.gatewayCores).toBeCloseTo(2);
    expect(size.auditCores).toBeCloseTo(0.3);
    expect(size.postgresCores).toBeCloseTo(0.15);
    expect(size.gigabytesPerDay).toBeCloseTo(129.6);
    expect(size.gigabytesKept).toBeCloseTo(1296);
    expect(size.logs).toBe(1);
  });

  test('asks for as many logs as take the events of the peak', () => {
    expect(sizeOf({ requestsPerDay: 864_000_000, mutations: 0, peak: 1 }, figures).logs).toBe(2);
    expect(sizeOf({ requestsPerDay: 864_000_000, mutations: 0.1, peak: 1 }, figures).logs).toBe(3);
  });
});
