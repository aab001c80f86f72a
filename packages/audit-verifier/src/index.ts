/**
 * The offline verifier of an Aduana audit log. It depends on Node alone and shares no code with the server.
 *
 * @packageDocumentation
 */
export {
  type ConsistencyClaim,
  type Hash,
  type InclusionClaim,
  type TreeInclusion,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';
export { type ExportOptions, type ExportReport, verifyExport } from './verify-export.ts';
