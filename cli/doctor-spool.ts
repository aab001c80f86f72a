import { auditUrl } from '@aduana/server-kit/config/service-settings';
import { runningSettings } from './deployment-client.ts';
import { type DoctorCheck, fine, warning } from './doctor-finding.ts';

const LOOPBACK = /^(localhost|127\.[\d.]+|\[::1\])$/;

/** Whether what is answered while the log is away survives the loss of a disk, where that is wanted. */
export const checkSpool: DoctorCheck = async ({ environment }) => {
  const settings = await runningSettings(environment);
  if (settings.SPOOL !== 'replicated') return [];
  const { hostname } = new URL(auditUrl(settings));
  return [
    LOOPBACK.test(hostname)
      ? warning(
          'SPOOL',
          'is replicated, but the audit service is on this machine: one disk may hold both copies',
          'Run the audit service on hosts of its own, and set AUDIT_URL to them',
        )
      : fine('SPOOL', `is replicated: what cannot be logged lies at ${hostname} too`),
  ];
};
