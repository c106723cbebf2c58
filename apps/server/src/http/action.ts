import { SetMetadata } from '@nestjs/common';
import type { ActionName } from '#libs/telemetry';

/** How the one line of a request is named. */
export interface RouteAction {
  done: ActionName;
  /** When the answer is 400 or above; default: as `done`. */
  failed: ActionName;
  /** Whether every refusal (4xx) is a security event: routes of keys, sessions and uploads. */
  sensitive: boolean;
}

export const ACTION = 'assay:action';

/** `@Action('jobs.created', { failed: 'jobs.create_failed' })`: what the request's line in the log is called. */
export const Action = (
  done: ActionName,
  { failed = done, sensitive = false }: Partial<Omit<RouteAction, 'done'>> = {},
) => SetMetadata(ACTION, { done, failed, sensitive } satisfies RouteAction);
