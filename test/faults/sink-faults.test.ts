import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { postedBody, postedEvent } from '../support/audit-events.ts';
import { createHurriedClock } from '../support/hurried-clock.ts';
import { openTestLog, type TestLog } from '../support/open-test-log.ts';
import { describeRsyslog } from '../support/rsyslog.ts';
import { openSiemReceivers, type SiemReceiver } from '../support/siem-receivers.ts';
import { createSinkFaults, SINK_FAULTS } from '../support/sink-faults.ts';
import { type SinkFault } from '../support/sink-fault.ts';
import { canMount, describeSmallDisk, mountSmallDisk, type SmallDisk } from '../support/small-disk.ts';
import { describeOneStore } from '../support/stores.ts';
import { LONGEST_WAIT_MS, underLoad } from '../support/until.ts';

const SPEED = 20;
/** No append waits for a sink: this is what a hundred events take at most. */
const APPEND_MS = 3000;

describeRsyslog('the sinks, all six of one log, under faults', () => {
  describeOneStore('one after the other', (openStore) => {
    const clock = createHurriedClock(1);
    let folder: string;
    let disk: SmallDisk | undefined;
    let audit: TestLog;
    const closers: (() => Promise<unknown>)[] = [];
    let receivers: readonly SiemReceiver[] = [];
    let faults: Readonly<Record<string, SinkFault>>;
    let slowest = 0;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'aduana-siem-'));
      closers.unshift(() => rm(folder, { recursive: true }));
      if (canMount) disk = await mountSmallDisk(64);
      closers.unshift(async () => disk?.remove());
      receivers = await openSiemReceivers(join(disk?.folder ?? folder, 'archive/events.jsonl'));
      closers.unshift(() => Promise.all(receivers.map((receiver) => receiver.remove())));
      faults = createSinkFaults({ clock, disk, post });
      const file = join(folder, 'siem.yaml');
      const sinks = receivers.map(({ entry }) => entry);
      await writeFile(file, JSON.stringify({ version: 1, sinks }));
      for (const { link } of receivers) await link?.down();
      audit = await openTestLog(openStore, { SIEM_SINKS: file }, clock);
      closers.unshift(() => audit.remove());
      clock.speed = SPEED;
    });
    afterAll(async () => {
      clock.speed = 1;
      for (const close of closers) await close();
    });

    /** As services do, with the time that the slowest append took. */
    async function post(count: number, operation = 'Leads'): Promise<void> {
      const request = { operation_name: operation, document_sha256: null, fields: [], subgraphs: [] };
      for (let left = count; left > 0; left -= 100) {
        const events = Array.from({ length: Math.min(left, 100) }, () => postedEvent({ request }));
        const began = performance.now();
        await audit.log.ingest.accept('gateway', postedBody(...events));
        slowest = Math.max(slowest, performance.now() - began);
      }
    }

    async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
      const deadline = performance.now() + LONGEST_WAIT_MS;
      while (!(await holds())) {
        if (performance.now() > deadline) {
          expect(await sinks()).toBe('as they should be');
          return;
        }
        await wait(50);
      }
    }

    const sinks = async () => new Map((await audit.log.integrity()).sinks.map((sink) => [sink.name, sink]));

    async function lagInMetrics(kind: string): Promise<number> {
      const { body } = await audit.metrics.expose();
      return Number(new RegExp(`^aduana_sink_lag_events\\{sink="${kind}"\\} (\\d+)$`, 'm').exec(body)?.[1]);
    }

    async function idsInLog(): Promise<readonly string[]> {
      const { rows } = await audit.store.reader.query<{ id: string }>('SELECT id::text FROM entries ORDER BY seq');
      return rows.map(({ id }) => id);
    } // prettier-ignore

    const entriesOf = async (receiver: SiemReceiver): Promise<readonly string[]> =>
      (await receiver.received()).filter((id) => !id.startsWith('checkpoint-'));

    /** Whatever happens, what lies below a cursor is with the receiver. */
    async function expectHeldBelowCursors(): Promise<void> {
      const states = await sinks();
      const ids = await idsInLog();
      for (const receiver of receivers) {
        const held = new Set(await entriesOf(receiver));
        const refused = await deadLetters(receiver);
        const below = ids.slice(0, states.get(receiver.kind)?.cursor);
        expect([receiver.kind, below.filter((id, seq) => !held.has(id) && !refused.has(seq))]).toEqual([
          receiver.kind,
          [],
        ]);
      }
    }

    async function deadLetters({ kind }: SiemReceiver): Promise<ReadonlySet<number>> {
      const { rows } = await audit.store.reader.query<{ seq: number }>(
        'SELECT seq FROM dead_letters WHERE sink = $1',
        [kind],
      );
      return new Set(rows.map(({ seq }) => seq));
    }

    /** While it lasts: told in `auditIntegrity` and metrics, and nobody else's business, over a restart as well. */
    async function sufferThrough(victims: readonly SiemReceiver[], fault: SinkFault): Promise<number> {
      const kinds = new Set(victims.map(({ kind }) => kind));
      await until(async () =>
        [...(await sinks()).values()].every(({ name, lag, lastError }) =>
          kinds.has(name as never) ? lag >= fault.leastLag && lastError !== null : lag === 0,
        ),
      );
      await until(async () => {
        const lags = await Promise.all(victims.map(({ kind }) => lagInMetrics(kind)));
        return lags.every((lag) => lag >= fault.leastLag);
      });
      await fault.prove();
      await expectHeldBelowCursors();
      const before = await sinks();
      clock.speed = 1;
      await audit.restart();
      clock.speed = SPEED;
      await expectHeldBelowCursors();
      for (const { kind } of victims)
        expect((await sinks()).get(kind)?.cursor).toBeGreaterThanOrEqual(before.get(kind)?.cursor ?? 0);
      return Math.max(...victims.map(({ kind }) => before.get(kind)?.lag ?? 0));
    }

    if (!canMount) describeSmallDisk('disk full, no permission', () => undefined);
    test.each(SINK_FAULTS)(
      '%s',
      async (name) => {
        const fault = faults[name];
        if (fault === undefined) throw new TypeError('this fault is not known');
        const victims = receivers.filter(({ kind }) => fault.kinds.includes(kind));
        const heldBefore = await Promise.all(victims.map(async (victim) => (await entriesOf(victim)).length));
        const sizeBefore = (await audit.log.integrity()).size;
        slowest = 0;
        await fault.begin(victims);
        await fault.load();
        const isOver = async (): Promise<boolean> =>
          [...(await sinks()).values()].every((sink) => sink.lag === 0);
        const lag = fault.leastLag > 0 ? await sufferThrough(victims, fault) : 0;
        if (fault.leastLag === 0) await until(isOver);
        await fault.end(victims);
        await until(isOver);
        const ids = await idsInLog();
        await until(isOver); // the log may have had something to tell of itself meanwhile
        await expectHeldBelowCursors();
        const places = new Map(ids.map((id, seq) => [id, seq]));
        for (const [at, receiver] of victims.entries()) {
          const held = await entriesOf(receiver);
          const refused = await deadLetters(receiver);
          const from = heldBefore[at] === 0 ? 0 : sizeBefore;
          const once = [...new Set(held)].map((id) => places.get(id) ?? -1).filter((seq) => seq >= from);
          if (fault.outOfOrder) once.sort((a, b) => a - b);
          expect(once).toEqual(ids.flatMap((_, seq) => (seq < from || refused.has(seq) ? [] : [seq])));
          const sent = ids.length - from;
          tell(name, receiver, {
            sent,
            refused: refused.size,
            held: held.length - (heldBefore[at] ?? 0),
            lag,
          });
        }
        expect(slowest).toBeLessThan(underLoad(APPEND_MS));
      },
      240_000,
    );

    function tell(
      name: string,
      { kind }: SiemReceiver,
      { sent, refused, held, lag }: Readonly<Record<'sent' | 'refused' | 'held' | 'lag', number>>,
    ): void {
      const received = sent - refused;
      const order = faults[name]?.outOfOrder === true ? 'ordered by sequence' : 'in order';
      process.stdout.write(
        `${kind.padEnd(13)} ${name.padEnd(38)} sent ${String(sent)}, received ${String(received)} ` +
          `(${String(held - received)} twice), ${refused === 0 ? '' : `${String(refused)} set aside, `}${order}, ` +
          `lag seen ${String(lag)}, slowest append ${slowest.toFixed(0)} ms\n`,
      );
    }
  });
});
