import { mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SinkSettings } from '../../subgraphs/audit/shippers/sink-settings.ts';
import { type FaultyLink, openFaultyLink } from './faulty-link.ts';
import { type DoubleAnswer, type DoubleRequest, openHttpsDouble } from './https-double.ts';
import { openRsyslog } from './rsyslog.ts';

export type SinkKind = SinkSettings['kind'];

/** A SIEM that remembers what it holds, and fails as a test sets it. */
export interface SiemReceiver {
  readonly kind: SinkKind;
  /** The sink's entry in `SIEM_SINKS`. */
  readonly entry: Readonly<Record<string, unknown>>;
  /** Undefined where there is no network between. */
  readonly link: FaultyLink | undefined;
  /** Of an HTTP receiver: answers in its place, or lets it take the request, or another one. */
  answer: (request: DoubleRequest, take: (request: DoubleRequest) => DoubleAnswer) => DoubleAnswer;
  /** The ids of all that it holds, in the order in which it took it, copies included. */
  received(): Promise<readonly string[]>;
  /** As SIGKILL: what is not held yet is gone. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

const honestly: SiemReceiver['answer'] = (request, take) => take(request);

/** @param folder for what the file sink writes */
export async function openSiemReceivers(archive: string): Promise<readonly SiemReceiver[]> {
  return [
    await openSyslogReceiver('syslog_tls'),
    await openSyslogReceiver('relp_tls'),
    await openHttpReceiver('splunk_hec', splunk, { token: 't' }),
    await openHttpReceiver('elastic_bulk', elastic, { index: 'aduana' }),
    await openHttpReceiver('otlp_http', otlp, {}),
    await openArchive(archive),
  ];
}

async function openSyslogReceiver(kind: 'syslog_tls' | 'relp_tls'): Promise<SiemReceiver> {
  const rsyslog = await openRsyslog(kind === 'syslog_tls' ? 'imtcp' : 'imrelp');
  const link = await openFaultyLink(rsyslog.port, kind === 'relp_tls');
  await rsyslog.start();
  return {
    kind,
    entry: { name: kind, kind, address: `localhost:${String(link.port)}`, tls: rsyslog.tls },
    link,
    answer: honestly,
    received: async () => (await rsyslog.received()).map(({ metadata }) => metadata.uid),
    kill: () => rsyslog.kill(),
    start: () => rsyslog.start(),
    async remove() {
      await link.down();
      await rsyslog.remove();
    },
  };
}

/** What a protocol does with a request: the ids go to `held` once the receiver would not lose them any more. */
type Protocol = (held: string[]) => {
  answer(request: DoubleRequest): DoubleAnswer;
  /** What was taken and is not held is gone. */
  forget(): void;
};

async function openHttpReceiver(
  kind: 'splunk_hec' | 'elastic_bulk' | 'otlp_http',
  protocol: Protocol,
  members: object,
): Promise<SiemReceiver> {
  const held: string[] = [];
  const speaker = protocol(held);
  const double = await openHttpsDouble((request) =>
    receiver.answer(request, (taken) => speaker.answer(taken)),
  );
  const link = await openFaultyLink(Number(new URL(double.url).port), true);
  const receiver: SiemReceiver = {
    kind,
    entry: { name: kind, kind, url: `https://localhost:${String(link.port)}`, tls: { ca: double.ca }, ...members },
    link,
    answer: honestly,
    received: () => Promise.resolve(held),
    async kill() {
      await link.down();
      speaker.forget();
    },
    start: () => link.up(),
    async remove() {
      await link.down();
      await double.close();
    },
  }; // prettier-ignore
  return receiver;
}

/** Holds what it has indexed, which takes it until it is asked for the second time. */
const splunk: Protocol = (held) => {
  const waiting = new Map<number, { readonly ids: readonly string[]; isAsked: boolean }>();
  let last = 0;
  return {
    answer({ path, body }) {
      if (path === '/services/collector/event') {
        last += 1;
        waiting.set(last, { ids: matches(body, /"fields":\{"id":"([^"]+)"/g), isAsked: false });
        return { status: 200, body: { text: 'Success', code: 0, ackId: last } };
      }
      const { acks } = JSON.parse(body) as { acks: readonly number[] };
      const told = acks.map((id) => {
        const batch = waiting.get(id);
        if (batch?.isAsked === true) {
          held.push(...batch.ids);
          waiting.delete(id);
          return [id, true] as const;
        }
        if (batch !== undefined) batch.isAsked = true;
        return [id, false] as const;
      });
      return { status: 200, body: { acks: Object.fromEntries(told) } };
    },
    forget() {
      waiting.clear();
    },
  };
};

/** Creates a document once. */
const elastic: Protocol = (held) => {
  const known = new Set<string>();
  return {
    answer({ body }) {
      const items = matches(body, /^\{"create":\{"_index":"[^"]+","_id":"([^"]+)"/gm).map((id) => {
        if (known.has(id)) return { create: { status: 409, error: { type: 'version_conflict_engine_exception' } } };
        known.add(id);
        held.push(id);
        return { create: { status: 201 } };
      });
      return { status: 200, body: { errors: false, items } };
    },
    forget: () => undefined,
  }; // prettier-ignore
};

const otlp: Protocol = (held) => ({
  answer({ body }) {
    held.push(...matches(body, /"key":"event\.id","value":\{"stringValue":"([^"]+)"/g));
    return { status: 200, body: {} };
  },
  forget: () => undefined,
});

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, id = '']) => id);
}

/** An archive that was moved away once goes on as `.1`. */
async function openArchive(path: string): Promise<SiemReceiver> {
  await mkdir(dirname(path), { recursive: true });
  const read = (file: string): Promise<string> => readFile(file, 'utf8').catch(() => '');
  return {
    kind: 'file',
    entry: { name: 'file', kind: 'file', path },
    link: undefined,
    answer: honestly,
    async received() {
      const lines = [...(await read(`${path}.1`)).split('\n'), ...(await read(path)).split('\n')];
      return lines.flatMap(uidOf);
    },
    kill: () => Promise.resolve(),
    start: () => Promise.resolve(),
    remove: () => Promise.resolve(),
  };
}

/** Of a line that was cut there is none. */
function uidOf(line: string): string[] {
  try {
    return [(JSON.parse(line) as { metadata: { uid: string } }).metadata.uid];
  } catch {
    return [];
  }
}
