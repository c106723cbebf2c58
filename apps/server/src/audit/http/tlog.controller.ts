import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import { CommandBus, QueryBus } from '@nestjs/cqrs';
import type { Response } from 'express';
import { RequireScopeUnlessOpen, type RequestWithCaller } from '../../http/access.js';
import { Action } from '../../http/action.js';
import { Settings } from '../../settings.js';
import { NoteAccess, type Access } from '../commands/note-access.command.js';
import { GetPublishedNote } from '../queries/get-published-note.query.js';
import { GetTile } from '../queries/get-tile.query.js';
import { sendStatic, type StaticContent } from './static-response.js';

/** The published checkpoint changes up to four times a second. */
const CHECKPOINT_SECONDS = 1;

const READ: Access = { kind: 'audit.read', data: { query: 'tlog', filters: [] }, same: 'tlog' };
const EXPORTED: Access = { kind: 'audit.exported', data: { form: 'tlog' }, same: 'tlog' };

/**
 * A tenant's ledger as C2SP tlog-tiles: what any checker of transparency logs reads. Reading is one event for each
 * credential and hour, and taking entries another; of an open tenant nobody is asked who reads, and nothing is noted.
 */
@Controller('tlog/:tenant')
export class TlogController {
  constructor(
    @Inject(Settings) private readonly settings: Pick<Settings, 'audit'>,
    private readonly commands: CommandBus,
    private readonly queries: QueryBus,
  ) {}

  @Get('checkpoint')
  @RequireScopeUnlessOpen('audit:read')
  @Action('tlog.checkpoint_read')
  async checkpoint(
    @Param('tenant') tenant: string,
    @Req() request: RequestWithCaller,
    @Res() response: Response,
  ): Promise<void> {
    const note = await this.queries.execute(new GetPublishedNote(tenant));
    await this.note(tenant, request, READ);
    await this.send(tenant, request, response, {
      body: Buffer.from(note),
      type: 'text/plain; charset=utf-8',
      keep: CHECKPOINT_SECONDS,
      compressible: false,
    });
  }

  /** The path as it was sent: a tile has one spelling. */
  @Get('tile/*path')
  @RequireScopeUnlessOpen('audit:read')
  @Action('tlog.tile_read')
  async tile(
    @Param('tenant') tenant: string,
    @Req() request: RequestWithCaller,
    @Res() response: Response,
  ): Promise<void> {
    const path = request.path.split('/').slice(3).join('/');
    const body = await this.queries.execute(new GetTile(tenant, path));
    const ofEntries = path.startsWith('tile/entries/');
    await this.note(tenant, request, ofEntries ? EXPORTED : READ);
    await this.send(tenant, request, response, {
      body,
      type: 'application/octet-stream',
      keep: 'for ever',
      compressible: ofEntries,
    });
  }

  private async note(tenant: string, { caller }: RequestWithCaller, access: Access): Promise<void> {
    if (caller) await this.commands.execute(new NoteAccess(tenant, caller.actor, caller.key_id, access));
  }

  private async send(
    tenant: string,
    request: RequestWithCaller,
    response: Response,
    content: Omit<StaticContent, 'isPublic'>,
  ): Promise<void> {
    await sendStatic(request, response, { ...content, isPublic: this.settings.audit.openTenants.includes(tenant) });
  }
}
