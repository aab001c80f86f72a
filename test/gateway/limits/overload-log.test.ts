import { expect, test } from '@jest/globals';
import { createLog } from '@aduana/server-kit/platform/create-log';
import { createOverloadLog } from '../../../gateway/limits/overload-log.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

test('an overload is reported once a minute, with how many were refused since', async () => {
  const clock = createFakeClock();
  const lines: unknown[] = [];
  const log = createLog('warn', (line) => lines.push(JSON.parse(line)));
  const tell = createOverloadLog({ clock, log }, 'too much', { subgraph: 'leads' });
  for (let refusal = 0; refusal < 500; refusal += 1) tell();
  expect(lines).toMatchObject([{ msg: 'too much', subgraph: 'leads', refused: 1 }]);
  await clock.advance(60_000);
  tell();
  expect(lines).toHaveLength(2);
  expect(lines[1]).toMatchObject({ refused: 500 });
});
