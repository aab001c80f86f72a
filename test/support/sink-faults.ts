import { canMount } from './small-disk.ts';
import { EVENTS, type FaultWorld, honest, type SinkFault } from './sink-fault.ts';
import { ARCHIVE_FAULTS } from './archive-sink-faults.ts';
import { NETWORK_FAULTS } from './network-sink-faults.ts';
import { RECEIVER_FAULTS } from './receiver-sink-faults.ts';

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
  return Object.fromEntries(Object.entries({ ...NETWORK_FAULTS, ...RECEIVER_FAULTS, ...ARCHIVE_FAULTS }).map(([name, make]) => [name, { ...common, ...make(world) }]));
} // prettier-ignore
