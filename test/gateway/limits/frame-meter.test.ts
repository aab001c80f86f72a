import { expect, test } from '@jest/globals';
import { CHUNK_BYTES } from '@aduana/core/http/body-budget';
import { FrameMeter } from '../../../gateway/limits/frame-meter.ts';

interface Frame {
  readonly opcode: number;
  readonly isLast: boolean;
  readonly length: number;
  readonly isMasked?: boolean;
}

function frameOf({ opcode, isLast, length, isMasked = true }: Frame): Buffer {
  const mask = isMasked ? 0x80 : 0;
  const head =
    length < 126
      ? [mask | length]
      : length < 65_536
        ? [mask | 126, length >> 8, length & 0xff]
        : [mask | 127, 0, 0, 0, 0, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff];
  return Buffer.from([
    opcode | (isLast ? 0x80 : 0),
    ...head,
    ...(isMasked ? [0, 0, 0, 0] : []),
    ...Buffer.alloc(length, 0xff),
  ]);
}

const text = (length: number, isLast = true): Frame => ({ opcode: 1, isLast, length });
const rest = (length: number, isLast = true): Frame => ({ opcode: 0, isLast, length });
const ping = (length: number): Frame => ({ opcode: 9, isLast: true, length });

test.each([
  ['short', [text(5)]],
  ['empty', [text(0)]],
  ['of two bytes of length', [text(126)]],
  ['of eight bytes of length', [text(70_000)]],
  ['without a mask', [{ ...text(300), isMasked: false }]],
  ['in parts', [text(10, false), rest(200, false), rest(0)]],
  ['in parts with a ping between them', [text(10, false), ping(125), rest(3)]],
  ['after another', [text(1), text(2), ping(0), text(3)]],
] as const)(
  'nothing waits where a message is whole (%s), however it is cut into chunks',
  (_name, frames: readonly Frame[]) => {
    const parts = frames.map(frameOf);
    const bytes = Buffer.concat(parts);
    const ends = endsOf(frames, parts);
    for (const size of [1, 2, 3, 7, 64, 1_000, bytes.length]) {
      const meter = new FrameMeter();
      const wrong: number[] = [];
      for (let at = 0; at < bytes.length; at += size) {
        meter.read(bytes.subarray(at, at + size));
        const end = Math.min(at + size, bytes.length);
        if (meter.held > 0 === ends.has(end)) wrong.push(end);
      }
      expect(wrong).toEqual([]);
    }
  },
);

test('what waits counts with what each chunk and each part takes beside its bytes', () => {
  const meter = new FrameMeter();
  const whole = frameOf(text(1_000, false));
  meter.read(whole.subarray(0, 500));
  expect(meter.held).toBe(500 + CHUNK_BYTES);
  meter.read(whole.subarray(500));
  expect(meter.held).toBe(whole.length + 3 * CHUNK_BYTES);
  meter.read(frameOf(ping(10)));
  expect(meter.held).toBe(whole.length + 3 * CHUNK_BYTES);
});

test('a part of one byte keeps all that was read together with it', () => {
  const meter = new FrameMeter();
  const pings = Array.from({ length: 100 }, () => frameOf(ping(125)));
  meter.read(Buffer.concat([frameOf(text(1, false)), ...pings]));
  expect(meter.held).toBeGreaterThan(13_000);
  meter.read(Buffer.concat([...pings, frameOf(rest(1, false)), frameOf(rest(1, false))]));
  expect(meter.held).toBeGreaterThan(26_000);
  expect(meter.held).toBeLessThan(32_000);
  meter.read(Buffer.concat([...pings, frameOf(rest(1))]));
  expect(meter.held).toBe(0);
  meter.read(Buffer.concat([frameOf(text(1, false)), frameOf(rest(1)), ...pings, frameOf(text(1, false))]));
  expect(meter.held).toBeGreaterThan(13_000);
});

/** After which bytes nothing waits: a message has ended, or a frame between messages. */
function endsOf(frames: readonly Frame[], parts: readonly Buffer[]): ReadonlySet<number> {
  const ends = new Set<number>();
  let length = 0;
  let isOpen = false;
  for (const [index, { opcode, isLast }] of frames.entries()) {
    length += parts[index]?.length ?? 0;
    if (opcode < 8) isOpen = !isLast;
    if (!isOpen) ends.add(length);
  }
  return ends;
}
