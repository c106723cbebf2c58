import { Injectable } from '@nestjs/common';
import type { EventKind } from '#libs/ledger';

/** The closed list of kinds, as the server assembles it from the rooms' doors. */
@Injectable()
export class KnownKinds {
  private readonly kinds: ReadonlyMap<string, EventKind>;

  constructor(kinds: readonly EventKind[]) {
    this.kinds = new Map(kinds.map((kind) => [kind.kind, kind]));
  }

  get(kind: string): EventKind | undefined {
    return this.kinds.get(kind);
  }
}
