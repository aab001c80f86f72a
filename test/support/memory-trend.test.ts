import { expect, test } from '@jest/globals';
import { createMemoryTrend } from './memory-trend.ts';

function grown(sizeAt: (reading: number) => number, readings: number): readonly string[] {
  let reading = 0;
  const trend = createMemoryTrend(() => sizeAt(reading));
  for (; reading < readings; reading += 1) trend.sample('gateway', 7);
  return trend.grown(1.25);
}

test('a process that grows without end is told, and one that fills its caches at first is not', () => {
  expect(grown((reading) => 100 + reading / 2, 900)).toEqual(['gateway 7: 325 MiB, then 475']);
  expect(grown((reading) => Math.min(300, 100 + reading), 900)).toEqual([]);
});

test('a few readings reveal nothing', () => {
  expect(grown((reading) => 100 + reading * 10, 500)).toEqual([]);
});
