import { uuidv7 } from '@aduana/core/platform/ids';
import { admitEvents } from '../../dist/subgraphs/audit/log/admit-events.js';
import { createSequencer } from '../../dist/subgraphs/audit/log/sequencer.js';
import { eventOf } from './event-record.js';

const AT_ONCE = 5000;

/** Appends `count` events as the log does, in the largest groups, each made while the last one is committed. */
export async function fillLog(writer, count) {
  const sequencer = createSequencer(writer);
  let appended;
  for (let from = 0; from < count; from += AT_ONCE) {
    const events = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, at) =>
      eventOf(from + at, uuidv7(1_767_225_600_000 + from + at)),
    );
    const entries = await admitEvents('gateway', events, undefined);
    await appended;
    appended = sequencer.append(entries);
  }
  await appended;
}
