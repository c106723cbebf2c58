import type { FAAErrorName } from './faa/faa.errors.js';

/** What of a job can go to the archive. */
export const TARGETS = ['result', 'report'] as const;
export type TargetName = (typeof TARGETS)[number];

export type TargetState = 'pending' | 'success' | 'failed';

export interface Target {
  state: TargetState;
  object_key: string;
  bytes: number;
  /** Lower-case hex. */
  sha256: string;
  /** The file's name in the archive: segments parted by slashes. */
  archive_name: string;
  promoted_at?: Date;
  /** Of the last attempt, when it failed. */
  error_name?: FAAErrorName | 'StorageUnavailableError';
}

/** What was promoted of one job. There is one a job; its id is made of the job's. */
export interface Promotion {
  id: string;
  tenant: string;
  project?: string;
  job_id: string;
  user_id: string;
  targets: Partial<Record<TargetName, Target>>;
  created_at: Date;
  updated_at: Date;
}
