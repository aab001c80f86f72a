import { setTimeout as wait } from 'node:timers/promises';
import type { HurriedClock } from './hurried-clock.ts';
import type { SiemReceiver, SinkKind } from './siem-receivers.ts';
import { type SmallDisk } from './small-disk.ts';

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

/** Makes a fault in a world of receivers. */
export type MakeFault = (world: FaultWorld) => Partial<SinkFault> & Pick<SinkFault, 'kinds'>;

export const EVENTS = 1200;

export const HTTP: readonly SinkKind[] = ['splunk_hec', 'elastic_bulk', 'otlp_http'];
export const STREAMS: readonly SinkKind[] = ['syslog_tls', 'relp_tls'];
export const NETWORK: readonly SinkKind[] = [...STREAMS, ...HTTP];

export const honest = (victims: readonly SiemReceiver[]): Promise<void> => {
  for (const victim of victims) victim.answer = (request, take) => take(request);
  return Promise.resolve();
};

export const each = async (
  victims: readonly SiemReceiver[],
  act: (victim: SiemReceiver) => unknown,
): Promise<void> => {
  await Promise.all(victims.map(act));
};

export const up = (victims: readonly SiemReceiver[]): Promise<void> =>
  each(victims, ({ link }) => link?.up());
export const down = (victims: readonly SiemReceiver[]): Promise<void> =>
  each(victims, ({ link }) => link?.down());

/** Waits until a receiver takes more, so that what comes hits it in the middle. */
export async function untilTaking(victim: SiemReceiver): Promise<void> {
  const { length } = await victim.received();
  for (let attempt = 0; attempt < 1000 && (await victim.received()).length === length; attempt += 1) await wait(10);
} // prettier-ignore

export const archiveOf = (victims: readonly SiemReceiver[]): string => String(victims[0]?.entry['path']);
