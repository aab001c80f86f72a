export const AUDIT_SCHEMA = 'audit';

/** Entries lie in partitions of this many: retention drops whole ones. */
export const PARTITION_ENTRIES = 65_536;
