import type { Actor } from '#libs/ledger';

/** How a download ended. `unknown`: the process that sent it ended first. */
export type DownloadOutcome = 'success' | 'storage_failed' | 'stream_error' | 'client_closed' | 'timeout' | 'unknown';

export interface Ending {
  outcome: DownloadOutcome;
  /** Bytes handed to the connection; absent where nobody knows. */
  sent_bytes?: number;
  /** Dotted or snake_case, of what went wrong. */
  error_code?: string;
}

/** A download from its first byte to its outcome. */
export interface Download {
  /** UUIDv7. */
  id: string;
  tenant: string;
  project?: string;
  job_id: string;
  user_id: string;
  actor: Actor;
  request_id?: string;
  object_key: string;
  bytes: number;
  sha256: string;
  file_name: string;
  media_type: string;
}

/** The bytes of a file. It fails, instead of ending, when they are not the ones that were stored. */
export interface Body extends AsyncIterable<Uint8Array> {
  /** Ends the reading at once, also one that is stuck. */
  destroy(): unknown;
}

export interface OpenDownload extends Download {
  body: Body;
}
