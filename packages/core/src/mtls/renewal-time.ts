import type { X509Certificate } from 'node:crypto';
import { notAfterOf, notBeforeOf } from './leaf-problem.ts';

const EARLIEST = 0.52;
const SPREAD = 0.12;

/**
 * When a leaf is to be replaced, in milliseconds since the epoch: between 52 % and 64 % of its life, at a point that
 * its fingerprint chooses, so that services do not renew in step.
 */
export function renewalTime(leaf: X509Certificate): number {
  const point = Number.parseInt(leaf.fingerprint256.slice(0, 2), 16) / 255;
  const begin = notBeforeOf(leaf);
  return begin + (notAfterOf(leaf) - begin) * (EARLIEST + SPREAD * point);
}

/** @param now milliseconds since the epoch */
export function isDue(leaf: X509Certificate, now: number): boolean {
  return now >= renewalTime(leaf);
}
