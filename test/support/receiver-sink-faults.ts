import { expect } from '@jest/globals';
import { setTimeout as wait } from 'node:timers/promises';
import type { DoubleAnswer } from './https-double.ts';
import type { SiemReceiver } from './siem-receivers.ts';
import { each, EVENTS, HTTP, type MakeFault } from './sink-fault.ts';

const RETRY_AFTER_SECONDS = 40;

const POISON = 'RefusedForGood';

/** What a receiver answers instead of taking a batch. */
export const RECEIVER_FAULTS: Readonly<Record<string, MakeFault>> = {
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
