import type { Platform } from '@aduana/core/platform/platform';
import type { LivePolicies } from '@aduana/server-kit/iam/live-policies';
import { keepPolling } from './poll-transmitters.ts';
import { sendPoll } from './send-poll.ts';
import {
  createTakeSecurityEvent,
  type TakeSecurityEvent,
  type TakeSecurityEventOptions,
} from './take-security-event.ts';

export interface Signals {
  readonly takeSecurityEvent: TakeSecurityEvent;
  stop(): Promise<void>;
}

/** Takes the security events of trusted issuers, and polls those that the policies say are polled. */
export function openSignals(
  options: Omit<TakeSecurityEventOptions, 'clock' | 'log'>,
  policies: Pick<LivePolicies, 'current' | 'onChange'>,
  platform: Pick<Platform, 'clock' | 'log' | 'metrics'>,
): Signals {
  const { clock, log } = platform;
  const take = createTakeSecurityEvent({ ...options, clock, log });
  const { stop } = keepPolling({ policies, take, send: sendPoll, audit: options.audit, platform });
  return { takeSecurityEvent: take, stop };
}
