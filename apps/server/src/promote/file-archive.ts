import { Injectable } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { Log } from '#libs/telemetry';
import { RecordFact } from '../audit/index.js';
import { Settings } from '../settings.js';
import { FileArchiveClient, type FileToArchive } from './faa/file-archive-client.js';
import { PromoteError } from './promote.errors.js';

const SYSTEM = 'system';

/** The organisation's file archive as configured; one client a process, so that all puts share token and breaker. */
@Injectable()
export class FileArchive {
  private readonly client: FileArchiveClient | undefined;
  /** Names of settings. */
  private readonly missing: string[];
  private readonly recording = new Set<Promise<void>>();

  constructor(
    settings: Settings,
    private readonly log: Log,
    private readonly commands: CommandBus,
  ) {
    const { url, tokenUrl, clientId, clientSecret, scope, timeoutMs } = settings.faa;
    const needed = { FAA_URL: url, FAA_TOKEN_URL: tokenUrl, FAA_CLIENT_ID: clientId, FAA_CLIENT_SECRET: clientSecret };
    this.missing = Object.entries(needed).flatMap(([name, value]) => (value ? [] : [name]));
    if (!url || !tokenUrl || !clientId || !clientSecret) return;
    const fields = { url, tokenUrl, clientId, clientSecret, scope, timeoutMs };
    this.client = new FileArchiveClient(fields, {
      tokenObtained: (fact) => {
        this.log.info('oauth.token_obtained', fact);
        const { expires_in_sec, access_token_length } = fact;
        this.record('oauth.token_obtained', { expires_in_sec, access_token_length });
      },
      tokenEndpointError: (fact) => {
        this.log.warn('oauth.token_endpoint_error', fact);
        const { status, error_code } = fact;
        this.record('oauth.token_endpoint_error', { ...(status !== undefined && { status }), error_code });
      },
    });
  }

  /** Throws PROMOTE.NOT_CONFIGURED. */
  assertConfigured(): void {
    if (this.client) return;
    const found = this.missing.join(', ');
    throw new PromoteError('PROMOTE.NOT_CONFIGURED', `expected the file archive's settings, found unset: ${found}`);
  }

  /** As FileArchiveClient.put; what it learnt of tokens is in the system ledger when this settles. */
  async put(file: FileToArchive): Promise<{ created: boolean }> {
    this.assertConfigured();
    try {
      return await this.client!.put(file);
    } finally {
      await Promise.all(this.recording);
    }
  }

  /** Tokens are the service's, not a tenant's. What cannot be recorded is in the log alone. */
  private record(kind: string, data: Record<string, unknown>): void {
    const draft = { kind, scope: { tenant: SYSTEM }, actor: { type: 'system', id: 'promote' }, data } as const;
    const recorded = this.commands
      .execute(new RecordFact(draft))
      .catch(() => this.log.warn('oauth.not_recorded', { event_kind: kind }))
      .finally(() => this.recording.delete(recorded));
    this.recording.add(recorded);
  }
}
