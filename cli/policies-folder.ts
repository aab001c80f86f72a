import { SERVICE_SETTINGS } from '@aduana/server-kit/config/service-settings';
import { loadConfig } from '@aduana/server-kit/config/load-config';
import type { CommandContext } from './command-context.ts';

export interface FolderOptions {
  readonly policies?: string;
}

/** The folder that a command is about: `--policies`, else POLICIES_DIR. */
export function policiesFolder({ policies }: FolderOptions, { environment }: CommandContext): string {
  return policies ?? loadConfig({ POLICIES_DIR: SERVICE_SETTINGS.POLICIES_DIR }, environment).POLICIES_DIR;
}
