import { Controller, Get, Param, Query, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Request, Response } from 'express';
import { base64Of, formatProof, hexOf } from '#libs/ledger';
import { Caller, RequireScope } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { annotate } from '../../http/request-context.js';
import { GetConsistency } from '../queries/get-consistency.query.js';
import { GetEventProof, type EventProof } from '../queries/get-event-proof.query.js';
import { GetEvent, type StoredEvent } from '../queries/get-event.query.js';
import { ListCheckpoints, type CheckpointPage } from '../queries/list-checkpoints.query.js';
import { noteRead } from './note-read.js';
import { CheckpointsDto, ConsistencyDto, ProofDto } from './proofs.dto.js';

const PRESET_LIMIT = 100;

/** One checkpoint of a consistency proof; root and hashes in base64, as in a note. */
interface ProvenTree {
  size: number;
  root: string;
  checkpoint: string;
}

/**
 * What proves one event, or one tree against another, to somebody who has the verifier key. Each kind of question is
 * one event for each credential and hour: whoever fetches ten thousand proofs does not add ten thousand entries.
 */
@Controller('audit')
export class ProofsController {
  constructor(
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get('events/:id')
  @RequireScope('audit:read')
  @Action('audit.event_read')
  async event(@Param('id') id: string, @Caller() caller: Caller): Promise<StoredEvent> {
    const event = await this.queries.execute(new GetEvent(caller.tenant, id));
    await noteRead(this.commands, caller, 'event');
    return event;
  }

  /** As `Accept` says: JSON, or for `text/plain` a C2SP tlog-proof file with the event's bytes as its extra data. */
  @Get('events/:id/proof')
  @RequireScope('audit:read')
  @Action('audit.proof_read')
  async proof(
    @Param('id') id: string,
    @Query() { size }: ProofDto,
    @Caller() caller: Caller,
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
  ): Promise<string | ReturnType<typeof proofJson>> {
    const proof = await this.queries.execute(new GetEventProof(caller.tenant, id, size));
    await noteRead(this.commands, caller, 'proof', size === undefined ? [] : ['size']);
    response.setHeader('Vary', 'Accept');
    if (request.accepts(['application/json', 'text/plain']) !== 'text/plain') return proofJson(proof);
    response.type('text/plain; charset=utf-8');
    response.setHeader('Content-Disposition', `attachment; filename="${proof.event_id}.tlog-proof"`);
    return formatProof({ index: proof.seq, proof: proof.proof, checkpoint: proof.checkpoint, extra: proof.bytes });
  }

  @Get('consistency')
  @RequireScope('audit:read')
  @Action('audit.consistency_read')
  async consistency(
    @Query() { from, to }: ConsistencyDto,
    @Caller() caller: Caller,
  ): Promise<{ from: ProvenTree; to: ProvenTree; proof: string[] }> {
    const found = await this.queries.execute(new GetConsistency(caller.tenant, from, to));
    await noteRead(this.commands, caller, 'consistency');
    const shown = ({ root, ...tree }: (typeof found)['from']): ProvenTree => ({ ...tree, root: base64Of(root) });
    return { from: shown(found.from), to: shown(found.to), proof: found.proof.map(base64Of) };
  }

  @Get('checkpoints')
  @RequireScope('audit:read')
  @Action('audit.checkpoints_read')
  async checkpoints(
    @Query() { limit, before_size }: CheckpointsDto,
    @Caller() caller: Caller,
  ): Promise<CheckpointPage> {
    const page = await this.queries.execute(new ListCheckpoints(caller.tenant, limit ?? PRESET_LIMIT, before_size));
    await noteRead(this.commands, caller, 'checkpoints');
    annotate({ result_count: page.checkpoints.length });
    return page;
  }
}

function proofJson({ event_id, seq, bytes, leafHash, size, root, proof, checkpoint }: EventProof) {
  return {
    event_id,
    seq,
    bytes: base64Of(bytes),
    leaf_hash: hexOf(leafHash),
    size,
    root: base64Of(root),
    proof: proof.map(base64Of),
    checkpoint,
  };
}
