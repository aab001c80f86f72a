import { expect, test } from '@jest/globals';
import { countedNetwork } from '@aduana/core/platform/counted-network';

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['::FFFF:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1::5:6:7:8', '2001:db8:1:0::/64'],
  ['1:2:3:4:5:6:7::', '1:2:3:4::/64'],
  ['::1', '0:0:0:0::/64'],
  ['::', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['64:ff9b::192.0.2.1', '64:ff9b::192.0.2.1'],
  ['64:FF9B::c000:201', '64:ff9b::c000:201'],
  ['unknown', 'unknown'],
  ['', ''],
])('%s counts as %s', (address, network) => {
  expect(countedNetwork(address)).toBe(network);
});

test('all texts of one address count as one', () => {
  const texts = ['2001:db8:0:0:1::1', '2001:db8::1:0:0:1', '2001:DB8:0:0:1:0:0:1'];
  expect(new Set(texts.map(countedNetwork)).size).toBe(1);
});
