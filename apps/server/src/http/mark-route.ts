import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';
import type { MarkedRequest } from './access-line.js';
import { ACTION, type RouteAction } from './action.js';

/** Called by the guard, first of all: what the line at the end says of the route, also when the guard refuses. */
export function markRoute(context: ExecutionContext, reflector: Reflector): void {
  const request = context.switchToHttp().getRequest<MarkedRequest>();
  const template = (request.route as { path?: unknown } | undefined)?.path;
  const action = reflector.getAllAndOverride<RouteAction | undefined>(ACTION, [
    context.getHandler(),
    context.getClass(),
  ]);
  request.marked = { route: typeof template === 'string' ? template : 'unmatched', action };
}
