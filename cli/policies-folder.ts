import { HOUSE_SETTINGS } from '@aduana/core/config/house-settings';
import { loadConfig } from '@aduana/core/config/load-config';
import type { CommandContext } from './command-context.ts';

export interface FolderOptions {
  readonly policies?: string;
}

/** The folder that a command is about: `--policies`, else POLICIES_DIR. */
export function policiesFolder({ policies }: FolderOptions, { environment }: CommandContext): string {
  return policies ?? loadConfig({ POLICIES_DIR: HOUSE_SETTINGS.POLICIES_DIR }, environment).POLICIES_DIR;
}
