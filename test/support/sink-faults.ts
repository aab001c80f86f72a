import { expect } from '@jest/globals';
import { once } from 'node:events';
import { appendFileSync, readFileSync, rmSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { createServer } from 'node:tls';
import type { DoubleAnswer } from './https-double.ts';
import type { HurriedClock } from './hurried-clock.ts';
import type { SiemReceiver, SinkKind } from './siem-receivers.ts';
import { canMount, type SmallDisk } from './small-disk.ts';
import { createTestCa } from './test-ca.ts';

/** Something that befalls receivers. */
export interface SinkFault {
  readonly kinds: readonly SinkKind[];
  begin(victims: readonly SiemReceiver[]): Promise<void>;
  /** The events that are recorded meanwhile. */
  load(): Promise<void>;
  /** How far the receivers fall behind while it lasts; 0: they keep up with it. */
  readonly leastLag: number;
  /** Before it ends. */
  prove(): Promise<void>;
  end(victims: readonly SiemReceiver[]): Promise<void>;
  /** The receiver itself takes the later parts of a batch before the earlier ones. */
  readonly outOfOrder: boolean;
}

export interface FaultWorld {
  readonly clock: HurriedClock;
  readonly disk: SmallDisk | undefined;
  readonly post: (count: number, operation?: string) => Promise<void>;
}

const EVENTS = 1200;
/** One event a second. */
const HOUR_OF_EVENTS = 3600;
const HOUR_MS = 3_600_000;
const RETRY_AFTER_SECONDS = 40;
const HTTP: readonly SinkKind[] = ['splunk_hec', 'elastic_bulk', 'otlp_http'];
const STREAMS: readonly SinkKind[] = ['syslog_tls', 'relp_tls'];
const NETWORK: readonly SinkKind[] = [...STREAMS, ...HTTP];
const POISON = 'RefusedForGood';

export const SINK_FAULTS: readonly string[] = [
  'not there at the start',
  'away for an hour',
  'killed in the middle, three times',
  'connection reset, five times',
  'hangs, and dies of it',
  'certificate of another CA',
  '429 with Retry-After',
  '503',
  'a part of each batch is refused',
  'acknowledgement never comes',
  'acknowledgement false, then true',
  'rotated',
  ...(canMount ? ['disk full', 'no permission'] : []),
  'a single event refused for good',
];

type Make = (world: FaultWorld) => Partial<SinkFault> & Pick<SinkFault, 'kinds'>;

export function createSinkFaults(world: FaultWorld): Readonly<Record<string, SinkFault>> {
  const nothing = (): Promise<void> => Promise.resolve();
  const common = {
    begin: nothing,
    load: () => world.post(EVENTS),
    leastLag: EVENTS,
    prove: nothing,
    end: honest,
    outOfOrder: false,
  };
  return Object.fromEntries(Object.entries(FAULTS).map(([name, make]) => [name, { ...common, ...make(world) }]));
} // prettier-ignore

const honest = (victims: readonly SiemReceiver[]): Promise<void> => {
  for (const victim of victims) victim.answer = (request, take) => take(request);
  return Promise.resolve();
};

const each = async (
  victims: readonly SiemReceiver[],
  act: (victim: SiemReceiver) => unknown,
): Promise<void> => {
  await Promise.all(victims.map(act));
};

const up = (victims: readonly SiemReceiver[]): Promise<void> => each(victims, ({ link }) => link?.up());
const down = (victims: readonly SiemReceiver[]): Promise<void> => each(victims, ({ link }) => link?.down());

/** Waits until a receiver takes more, so that what comes hits it in the middle. */
async function untilTaking(victim: SiemReceiver): Promise<void> {
  const { length } = await victim.received();
  for (let attempt = 0; attempt < 1000 && (await victim.received()).length === length; attempt += 1) await wait(10);
} // prettier-ignore

const archiveOf = (victims: readonly SiemReceiver[]): string => String(victims[0]?.entry['path']);

const FAULTS: Readonly<Record<string, Make>> = {
  'not there at the start': () => ({ kinds: NETWORK, begin: down, end: up }),

  'away for an hour': ({ clock, post }) => ({
    kinds: NETWORK,
    leastLag: HOUR_OF_EVENTS,
    begin: down,
    async load() {
      const { speed } = clock;
      const over = clock.monotonic() + HOUR_MS;
      clock.speed = 1200;
      for (let part = 0; part < 12; part += 1) {
        await post(HOUR_OF_EVENTS / 12);
        await wait(200);
      }
      while (clock.monotonic() < over) await wait(50);
      clock.speed = speed;
    },
    end: up,
  }),

  'killed in the middle, three times': ({ clock, post }) => {
    let dying: readonly SiemReceiver[] = [];
    return {
      kinds: NETWORK,
      leastLag: 0,
      begin(victims) {
        dying = victims;
        return Promise.resolve();
      },
      async load() {
        const { speed } = clock;
        clock.speed = 4; // nothing but time tells that syslog has arrived
        for (let kill = 0; kill < 3; kill += 1) {
          const taking = dying.map(untilTaking);
          await post(EVENTS / 3);
          await Promise.all(
            dying.map(async (victim, at) => {
              await taking[at];
              await victim.kill();
            }),
          );
          await post(100);
          await each(dying, (victim) => victim.start());
        }
        await wait(1500);
        clock.speed = speed;
      },
    };
  },

  'connection reset, five times': ({ post }) => {
    let cut: readonly SiemReceiver[] = [];
    return {
      kinds: NETWORK,
      leastLag: 0,
      begin(victims) {
        cut = victims;
        return Promise.resolve();
      },
      async load() {
        for (let reset = 0; reset < 5; reset += 1) {
          const taking = cut.map(untilTaking);
          await post(EVENTS / 5);
          await Promise.all(
            cut.map(async (victim, at) => {
              await taking[at];
              victim.link?.reset();
            }),
          );
        }
      },
    };
  },

  'hangs, and dies of it': () => ({
    kinds: NETWORK,
    begin: (victims) =>
      each(victims, ({ link }) => {
        if (link !== undefined) link.isSilent = true;
      }),
    end: (victims) =>
      each(victims, ({ link }) => {
        if (link === undefined) return;
        link.isSilent = false;
        link.reset();
      }),
  }),

  'certificate of another CA': () => {
    let heard = 0;
    let close: () => void = () => undefined;
    const genuine = new Map<SiemReceiver, number>();
    return {
      kinds: NETWORK,
      async begin(victims) {
        const { cert, key } = await (await createTestCa()).issue('sts');
        const impostor = createServer({ cert, key }, (socket) => {
          socket.on('error', () => undefined).on('data', ({ length }: Buffer) => (heard += length));
        }).listen(0, '127.0.0.1');
        await once(impostor, 'listening');
        close = () => impostor.close();
        const { port } = impostor.address() as AddressInfo;
        await each(victims, (victim) => {
          if (victim.link === undefined) return;
          genuine.set(victim, victim.link.target);
          victim.link.target = port;
          victim.link.reset();
        });
      },
      prove() {
        expect(heard).toBe(0);
        return Promise.resolve();
      },
      async end(victims) {
        await each(victims, (victim) => {
          if (victim.link === undefined) return;
          victim.link.target = genuine.get(victim) ?? 0;
          victim.link.reset();
        });
        close();
      },
    };
  },

  '429 with Retry-After': ({ clock }) => {
    const asked = new Map<SiemReceiver, number[]>();
    return {
      kinds: HTTP,
      begin: (victims) =>
        each(victims, (victim) => {
          const times: number[] = [];
          asked.set(victim, times);
          victim.answer = () => {
            times.push(clock.monotonic());
            return { status: 429, body: {}, headers: { 'retry-after': String(RETRY_AFTER_SECONDS) } };
          };
        }),
      async prove() {
        while ([...asked.values()].some(({ length }) => length < 2)) await wait(50);
        for (const [first = 0, second = 0] of asked.values())
          expect(second - first).toBeGreaterThan(RETRY_AFTER_SECONDS * 990);
      },
    };
  },

  '503': () => ({
    kinds: HTTP,
    begin: (victims) =>
      each(victims, (victim) => {
        victim.answer = () => ({ status: 503, body: {} });
      }),
  }),

  'a part of each batch is refused': () => ({
    kinds: ['elastic_bulk'],
    leastLag: 0,
    outOfOrder: true,
    begin: (victims) => each(victims, (victim) => (victim.answer = refuseSome)),
  }),

  'acknowledgement never comes': () => ({
    kinds: ['splunk_hec'],
    begin: (victims) => each(victims, (victim) => (victim.answer = acknowledgeAfter(Infinity))),
  }),

  'acknowledgement false, then true': () => ({
    kinds: ['splunk_hec'],
    leastLag: 0,
    begin: (victims) => each(victims, (victim) => (victim.answer = acknowledgeAfter(3))),
  }),

  rotated: () => ({
    kinds: ['file'],
    leastLag: 0,
    begin: (victims) => rename(archiveOf(victims), `${archiveOf(victims)}.1`),
  }),

  'disk full': ({ disk }) => ({
    kinds: ['file'],
    begin: async () => disk?.fill(30_000),
    end: async () => disk?.free(),
  }),

  'no permission': ({ disk }) => {
    let permit: (() => void) | undefined;
    return {
      kinds: ['file'],
      begin(victims) {
        const path = archiveOf(victims);
        appendFileSync(`${path}.1`, readFileSync(path));
        rmSync(path); // who has it open must open it again, and in one turn with what follows cannot
        permit = disk?.protect(dirname(path));
        return Promise.resolve();
      },
      end() {
        permit?.();
        return Promise.resolve();
      },
    };
  },

  'a single event refused for good': ({ post }) => ({
    kinds: HTTP,
    leastLag: 0,
    begin: (victims) => each(victims, (victim) => (victim.answer = refuseTheOne)),
    async load() {
      await post(EVENTS / 2);
      await post(1, POISON);
      await post(EVENTS / 2);
    },
  }),
};

type Answer = SiemReceiver['answer'];

interface BulkAnswer {
  readonly items: readonly unknown[];
}

/** Takes the bulk lines that are wanted; the others get this status. */
function takeSome(
  [request, take]: Parameters<Answer>,
  isRefused: (document: string, at: number) => boolean,
  status: number,
): DoubleAnswer {
  const lines = request.body.trimEnd().split('\n');
  const pairs = Array.from({ length: lines.length / 2 }, (_, at) => lines.slice(at * 2, at * 2 + 2));
  const refused = pairs.map(([, document = ''], at) => isRefused(document, at));
  const body = pairs.filter((_, at) => refused[at] !== true).map((pair) => `${pair.join('\n')}\n`);
  const taken = [...(take({ ...request, body: body.join('') }).body as BulkAnswer).items];
  const items = refused.map((is) =>
    is ? { create: { status, error: { type: 'some_exception' } } } : taken.shift(),
  );
  return { status: 200, body: { errors: true, items } };
}

const refuseSome: Answer = (...call) => takeSome(call, (_, at) => at % 150 === 149, 429);

function acknowledgeAfter(times: number): Answer {
  let asked = 0;
  return (request, take) => {
    if (!request.path.includes('/ack')) return take(request);
    asked += 1;
    return asked % times === 0 ? take(request) : { status: 200, body: { acks: {} } };
  };
}

const refuseTheOne: Answer = (request, take) => {
  if (!request.body.includes(POISON)) return take(request);
  if (request.path === '/_bulk') return takeSome([request, take], (document) => document.includes(POISON), 400);
  return { status: 400, body: { code: 6 } };
}; // prettier-ignore
