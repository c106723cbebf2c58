import { Injectable } from '@nestjs/common';
import { codeOf } from '#libs/kernel';
import { Log, Metrics } from '#libs/telemetry';
import { AuditError } from '../audit.errors.js';
import type { ArchiveBatch } from '../domain/archive-batch.types.js';

/** Of what is stored: somebody has to look, trying again changes nothing. */
const ALARMING: readonly string[] = [
  'AUDIT.ENTRY_CONTRADICTED',
  'AUDIT.TILE_MISSING',
  'AUDIT.ARCHIVE_UNPROVEN',
  'AUDIT.ARCHIVE_OCCUPIED',
  'AUDIT.ARCHIVE_ALTERED',
  'OBJECT_STORE.CORRUPT',
  'OBJECT_STORE.NOT_FOUND',
];

/** What the runs of the archive in this process did, as lines and numbers. Codes and our own words, never a provider's. */
@Injectable()
export class ArchiveReports {
  private readonly events;
  private readonly bytes;
  private readonly failures;

  constructor(
    metrics: Metrics,
    private readonly log: Log,
  ) {
    this.events = metrics.counter({
      name: 'assay_archive_events_total',
      help: 'Events that runs of this process moved from hot storage to the archive',
    });
    this.bytes = metrics.counter({
      name: 'assay_archive_bytes_total',
      help: 'Bytes of those events, as lines and as stored',
      labels: ['form'],
    });
    this.failures = metrics.counter({
      name: 'assay_archive_failures_total',
      help: 'Runs of this process that failed, by code',
      labels: ['code'],
    });
  }

  moved({ _id, tenant, eventCount, bytesUncompressed, bytesStored }: ArchiveBatch, duration_ms: number): void {
    this.events.inc(eventCount);
    this.bytes.inc({ form: 'lines' }, bytesUncompressed);
    this.bytes.inc({ form: 'stored' }, bytesStored);
    const fields = { tenant_id: tenant, run_id: _id, count: eventCount, size_bytes: bytesStored };
    this.log.info('audit.archived', { ...fields, duration_ms: Math.round(duration_ms) });
  }

  failed(tenant: string, error: unknown): void {
    const code = codeOf(error);
    this.failures.inc({ code });
    const fields = { tenant_id: tenant, error_code: code };
    const message = error instanceof AuditError ? { error_message: error.message } : {};
    if (ALARMING.includes(code)) this.log.error('audit.archive_failed', { ...fields, ...message });
    else this.log.warn('audit.archive_failed', { ...fields, ...message });
  }
}
