import type { GatewaySettings } from '../config.ts';

const ROOM_BYTES = 67_108_864;
const LARGEST_BODIES = 4;

/** What all bodies may take together: those of the largest size find room beside each other. */
export function bodyRoom({ LIMIT_BODY_BYTES: limit }: Pick<GatewaySettings, 'LIMIT_BODY_BYTES'>): {
  readonly bodyBytes: number;
} {
  return { bodyBytes: limit === 'off' ? ROOM_BYTES : Math.max(ROOM_BYTES, LARGEST_BODIES * limit) };
}
