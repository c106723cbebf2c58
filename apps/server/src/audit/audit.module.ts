import { Module, type DynamicModule } from '@nestjs/common';
import type { EventKind } from '#libs/ledger';
import { Log } from '#libs/telemetry';
import { Settings } from '../settings.js';
import { AnchorProgress } from './anchors/anchor-progress.js';
import { AnchorReader } from './anchors/anchor-reader.js';
import { AnchorTargets } from './anchors/anchor-targets.js';
import { AnchorTask } from './anchors/anchor-task.js';
import { Appenders } from './append/appenders.js';
import { PreparedEvents } from './append/prepared-events.js';
import { ArchivedEntries } from './tiers/archived-entries.js';
import { ColdCopier } from './cold/cold-copier.js';
import { ColdCopyProgress } from './cold/cold-copy-progress.js';
import { ColdCopyTask } from './cold/cold-copy-task.js';
import { ArchiveGuards } from './archive/archive-guards.js';
import { ArchiveObjects } from './archive/archive-objects.js';
import { ArchiveReports } from './archive/archive-reports.js';
import { ArchiveRun } from './archive/archive-run.js';
import { ArchiveSource } from './archive/archive-source.js';
import { ArchiveTask } from './archive/archive-task.js';
import { BatchLeaving } from './archive/batch-leaving.js';
import { BatchMaking } from './archive/batch-making.js';
import { PreviousManifest } from './archive/previous-manifest.js';
import { NewestArchivedIds } from './archive/newest-archived-ids.js';
import { BatchRestoring } from './tiers/batch-restoring.js';
import { RestorationExpiry } from './tiers/restoration-expiry.js';
import { ColdStores } from './cold/cold-stores.js';
import { Statements } from './cold/statements.js';
import { WholeLedger } from './tiers/whole-ledger.js';
import { BatchRetiring } from './retention/batch-retiring.js';
import { RetentionMetrics } from './retention/retention-metrics.js';
import { OrphanedObjects } from './retention/orphaned-objects.js';
import { RetentionReport } from './retention/retention-report.js';
import { RetentionRun } from './retention/retention-run.js';
import { RetentionTask } from './retention/retention-task.js';
import { Tombstones } from './retention/tombstones.js';
import { TieredEvents } from './tiers/tiered-events.js';
import { CheckpointSigner } from './checkpoints/checkpoint-signer.js';
import { HighWaterFiles } from './checkpoints/high-water-files.js';
import { NotedLedgers } from './checkpoints/noted-ledgers.js';
import { SigningRound } from './checkpoints/signing-round.js';
import { SigningTask } from './checkpoints/signing-task.js';
import { StartCheck } from './checkpoints/start-check.js';
import { StoreSurvey } from './checkpoints/store-survey.js';
import { Suspending } from './checkpoints/suspending.js';
import { MarkKeyCompromisedHandler } from './commands/mark-key-compromised.handler.js';
import { NoteAccessHandler } from './commands/note-access.handler.js';
import { EraseSubjectHandler } from './commands/erase-subject.handler.js';
import { PlaceHoldHandler } from './commands/place-hold.handler.js';
import { ReleaseHoldHandler } from './commands/release-hold.handler.js';
import { ReplayErasuresHandler } from './commands/replay-erasures.handler.js';
import { NoteLedgersHandler } from './commands/note-ledgers.handler.js';
import { RecordEventsHandler } from './commands/record-events.handler.js';
import { RecordFactHandler } from './commands/record-fact.handler.js';
import { RetireKeyHandler } from './commands/retire-key.handler.js';
import { RotateKeyHandler } from './commands/rotate-key.handler.js';
import { ReopenLedgerHandler } from './commands/reopen-ledger.handler.js';
import { RestoreArchiveHandler } from './commands/restore-archive.handler.js';
import { RunArchiveHandler } from './commands/run-archive.handler.js';
import { SealEventsHandler } from './commands/seal-events.handler.js';
import { CancelVerificationHandler } from './commands/cancel-verification.handler.js';
import { VerifyArchiveHandler } from './commands/verify-archive.handler.js';
import { StartVerificationHandler } from './commands/start-verification.handler.js';
import { ErasureReplay } from './erasure/erasure-replay.js';
import { ErasureTask } from './erasure/erasure-task.js';
import { Erasing } from './erasure/erasing.js';
import { KnownKinds } from './events/known-kinds.js';
import { Holds } from './holds/holds.js';
import { HoldKeeping } from './holds/hold-keeping.js';
import { HoldRecords } from './holds/hold-records.js';
import { HoldRenewal } from './holds/hold-renewal.js';
import { HoldTask } from './holds/hold-task.js';
import { AnchorsController } from './http/anchors.controller.js';
import { ArchivesController } from './http/archives.controller.js';
import { AuditController } from './http/audit.controller.js';
import { ErasuresController } from './http/erasures.controller.js';
import { HoldsController } from './http/holds.controller.js';
import { RetentionController } from './http/retention.controller.js';
import { KeysController } from './http/keys.controller.js';
import { PublicKeysController } from './http/public-keys.controller.js';
import { VerificationsController } from './http/verifications.controller.js';
import { LedgersController } from './http/ledgers.controller.js';
import { ProofsController } from './http/proofs.controller.js';
import { TlogController } from './http/tlog.controller.js';
import { AuditKeys } from './keys/audit-keys.js';
import { EventKeyUse } from './keys/event-key-use.js';
import { KeyChanges } from './keys/key-changes.js';
import { KeyUse } from './keys/key-use.js';
import { PublicKeys } from './keys/public-keys.js';
import { GetArchiveHandler } from './queries/get-archive.handler.js';
import { ListArchivesHandler } from './queries/list-archives.handler.js';
import { GetAuditHealthHandler } from './queries/get-audit-health.handler.js';
import { GetErasureHandler } from './queries/get-erasure.handler.js';
import { ListErasuresHandler } from './queries/list-erasures.handler.js';
import { ListHoldsHandler } from './queries/list-holds.handler.js';
import { GetRetentionHandler } from './queries/get-retention.handler.js';
import { GetPublicKeysHandler } from './queries/get-public-keys.handler.js';
import { GetVerifierKeysHandler } from './queries/get-verifier-keys.handler.js';
import { ListKeysHandler } from './queries/list-keys.handler.js';
import { GetConsistencyHandler } from './queries/get-consistency.handler.js';
import { GetEventProofHandler } from './queries/get-event-proof.handler.js';
import { GetEventHandler } from './queries/get-event.handler.js';
import { GetLatestCheckpointHandler } from './queries/get-latest-checkpoint.handler.js';
import { GetPublishedNoteHandler } from './queries/get-published-note.handler.js';
import { GetLedgerHandler } from './queries/get-ledger.handler.js';
import { GetSubjectsHandler } from './queries/get-subjects.handler.js';
import { GetTileHandler } from './queries/get-tile.handler.js';
import { ListAnchorsHandler } from './queries/list-anchors.handler.js';
import { ListCheckpointsHandler } from './queries/list-checkpoints.handler.js';
import { ListEventsHandler } from './queries/list-events.handler.js';
import { GetVerificationHandler } from './queries/get-verification.handler.js';
import { ListVerificationsHandler } from './queries/list-verifications.handler.js';
import { ListLedgersHandler } from './queries/list-ledgers.handler.js';
import { VerifyLedgerHandler } from './queries/verify-ledger.handler.js';
import { Anchors } from './storage/anchors.store.js';
import { AppendLines } from './storage/append-lines.store.js';
import { ArchiveDays } from './storage/archive-days.store.js';
import { ArchiveDrafts } from './storage/archive-drafts.store.js';
import { ArchiveBatches } from './storage/archive-batches.store.js';
import { Checkpoints } from './storage/checkpoints.store.js';
import { Erasures } from './storage/erasures.store.js';
import { LegalHolds } from './storage/holds.store.js';
import { Retirements } from './storage/retirements.store.js';
import { KeyStatements } from './storage/key-statements.store.js';
import { LedgerEntries } from './storage/ledger-entries.store.js';
import { LedgerKeys } from './storage/ledger-keys.store.js';
import { LedgerReader } from './storage/ledger-reader.store.js';
import { LedgerVerdicts } from './storage/ledger-verdicts.store.js';
import { Ledgers } from './storage/ledgers.store.js';
import { Verifications } from './storage/verifications.store.js';
import { Restorations } from './storage/restorations.store.js';
import { RestoredEntries } from './storage/restored-entries.store.js';
import { SetAsides } from './storage/set-aside.store.js';
import { SubjectKeys } from './storage/subject-keys.store.js';
import { TileEntries } from './tiers/tile-entries.js';
import { Tiles } from './storage/tiles.store.js';
import { PublishedTrees } from './tiles/published-trees.js';
import { TileWriter } from './tiles/tile-writer.js';
import { ArchiveVerification } from './verification/archive-verification.js';
import { BackgroundVerification } from './verification/background-verification.js';
import { BatchOpening } from './verification/batch-opening.js';
import { LedgersFreshness } from './verification/ledger-freshness.js';
import { SavedRuns } from './verification/saved-runs.js';
import { SegmentThreads } from './verification/segment-threads.js';
import { SignedManifests } from './verification/signed-manifests.js';
import { VerificationEngine } from './verification/verification-engine.js';
import { VerificationLine } from './verification/verification-line.js';
import { VerificationMetrics } from './verification/verification-metrics.js';
import { VerificationRun } from './verification/verification-run.js';
import { VerificationTask } from './verification/verification-task.js';

/** Stands on the foundations alone: no other room. */
@Module({})
export class AuditModule {
  /** `kinds`: what the rooms declare at their doors, all of them. */
  static with(kinds: readonly EventKind[]): DynamicModule {
    return {
      module: AuditModule,
      controllers: [
        AnchorsController,
        ArchivesController,
        AuditController,
        ErasuresController,
        HoldsController,
        RetentionController,
        KeysController,
        PublicKeysController,
        ProofsController,
        TlogController,
        VerificationsController,
        LedgersController,
      ],
      providers: [
        { provide: KnownKinds, useValue: new KnownKinds(kinds) },
        {
          provide: AuditKeys,
          inject: [Settings],
          useFactory: (settings: Settings) => AuditKeys.load(settings),
        },
        ...[
          Ledgers,
          LedgerEntries,
          LedgerReader,
          Checkpoints,
          SubjectKeys,
          AppendLines,
          ArchiveBatches,
          Appenders,
          PreparedEvents,
          HighWaterFiles,
          Suspending,
          NotedLedgers,
          StartCheck,
          StoreSurvey,
          SetAsides,
          SigningRound,
          CheckpointSigner,
          SigningTask,
        ],
        {
          provide: ColdStores,
          inject: [Settings, Log],
          useFactory: (settings: Settings, log: Log) => ColdStores.load(settings, log),
        },
        ...[ColdCopier, ColdCopyProgress, ColdCopyTask],
        ...[ArchivedEntries, Restorations, RestoredEntries, TieredEvents],
        ...[BatchRestoring, RestorationExpiry, RestoreArchiveHandler],
        ...[ArchiveDrafts, ArchiveDays, ArchiveGuards, ArchiveSource, ArchiveObjects, ArchiveReports],
        ...[NewestArchivedIds, WholeLedger, PreviousManifest, BatchMaking, BatchLeaving, ArchiveRun, ArchiveTask],
        ...[RunArchiveHandler, ListArchivesHandler, GetArchiveHandler],
        ...[LedgerKeys, KeyStatements, PublicKeys, EventKeyUse, KeyChanges, KeyUse],
        ...[RotateKeyHandler, RetireKeyHandler, MarkKeyCompromisedHandler],
        ...[ListKeysHandler, GetPublicKeysHandler, GetVerifierKeysHandler],
        ...[Verifications, LedgerVerdicts, LedgersFreshness, SegmentThreads, VerificationEngine, SavedRuns],
        ...[BatchOpening, ArchiveVerification, VerificationLine, VerifyArchiveHandler],
        ...[VerificationMetrics, VerificationRun, VerificationTask, BackgroundVerification],
        ...[StartVerificationHandler, CancelVerificationHandler, GetVerificationHandler, ListVerificationsHandler],
        {
          provide: AnchorTargets,
          inject: [Settings, PublicKeys, Anchors, Checkpoints],
          useFactory: anchorTargets,
        },
        ...[Statements, Erasures, Erasing, ErasureReplay, ErasureTask, EraseSubjectHandler, ReplayErasuresHandler],
        ...[LegalHolds, Holds, HoldKeeping, HoldRecords, HoldRenewal, HoldTask, PlaceHoldHandler, ReleaseHoldHandler],
        ...[GetErasureHandler, ListErasuresHandler, ListHoldsHandler, GetRetentionHandler],
        ...[
          SignedManifests,
          Tombstones,
          Retirements,
          BatchRetiring,
          RetentionRun,
          OrphanedObjects,
          RetentionReport,
          RetentionMetrics,
          RetentionTask,
        ],
        ...[Anchors, AnchorProgress, AnchorReader, AnchorTask, ListAnchorsHandler],
        ...[Tiles, TileEntries, TileWriter, PublishedTrees],
        ...[GetPublishedNoteHandler, GetTileHandler, GetEventHandler, GetEventProofHandler, GetConsistencyHandler],
        ...[SealEventsHandler, RecordEventsHandler, RecordFactHandler, NoteAccessHandler, NoteLedgersHandler],
        ...[ReopenLedgerHandler, ListLedgersHandler, GetLedgerHandler],
        ...[
          ListCheckpointsHandler,
          ListEventsHandler,
          GetLatestCheckpointHandler,
          GetAuditHealthHandler,
          GetSubjectsHandler,
          VerifyLedgerHandler,
        ],
      ],
    };
  }
}

async function anchorTargets(
  settings: Settings,
  keys: PublicKeys,
  anchors: Anchors,
  checkpoints: Checkpoints,
): Promise<AnchorTargets> {
  return AnchorTargets.load(settings, keys, {
    cosigned: async (tenant, origin, name) =>
      (await anchors.newest({ tenant, origin, kind: 'witness', name }))?.size ?? 0,
    published: (tenant) => checkpoints.publishedSize(tenant),
  });
}
