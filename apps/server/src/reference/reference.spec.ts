import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { RequestMethod, type DynamicModule, type Type } from '@nestjs/common';
import { HTTP_CODE_METADATA, METHOD_METADATA, MODULE_METADATA, PATH_METADATA } from '@nestjs/common/constants';
import { getMetadataStorage } from 'class-validator';
import { eventsTable } from './events.table.js';
import { ACCESS, type Access } from '../http/access.js';
import { statusOf } from '../http/status-of.js';
import { SubmitJobDto } from '../jobs/http/submit-job.dto.js';
import { problemsTable } from './problems.table.js';
import { ServerModule, type Foundations } from '../server.module.js';
import { Settings } from '../settings.js';

const pageAt = (name: string): string => readFileSync(resolve(__dirname, '../../../../docs/reference', name), 'utf8');
const metadata = <T>(key: string, target: object): T | undefined => Reflect.getMetadata(key, target) as T | undefined;

interface Route {
  /** As the headings of the page: method, path, who may call it, status of success. */
  heading: string;
  /** Fields of its bodies and queries. */
  fields: string[];
}

function routesOf(controller: Type): Route[] {
  const prefix = metadata<string>(PATH_METADATA, controller) ?? '';
  const prototype = controller.prototype as Record<string, () => unknown>;
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name]!;
    const method = metadata<RequestMethod>(METHOD_METADATA, handler);
    if (name === 'constructor' || method === undefined) return [];
    const path = [prefix, metadata<string>(PATH_METADATA, handler) ?? '']
      .filter((part) => !/^\/?$/.test(part))
      .join('/');
    const access = metadata<Access>(ACCESS, handler) ?? metadata<Access>(ACCESS, controller);
    const status = metadata<number>(HTTP_CODE_METADATA, handler) ?? (method === RequestMethod.POST ? 201 : 200);
    const shown = /^(_health|_metrics|metrics|\.well-known|tlog)\b/.test(path) ? `/${path}` : `/api/v1/${path}`;
    const heading = `\`${RequestMethod[method]} ${shown}\` · ${allowed(access)} · ${status}`;
    const given = Reflect.getMetadata('design:paramtypes', prototype, name) as Type[];
    return [{ heading, fields: given.flatMap(fieldsOf) }];
  });
}

/** What class-validator knows of a class; nothing for one that is no DTO. */
function fieldsOf(dto: Type): string[] {
  const rules = getMetadataStorage().getTargetValidationMetadatas(dto, '', true, false);
  return [...new Set(rules.map(({ propertyName }) => propertyName))];
}

function allowed(access: Access | undefined): string {
  if (access === undefined) return 'nobody';
  if ('permission' in access) return `\`${access.permission}\``;
  return 'anyKey' in access ? 'any key' : 'public';
}

function controllersIn(module: Type | DynamicModule): Type[] {
  const { controllers = [], imports = [] } =
    'module' in module
      ? module
      : {
          controllers: metadata<Type[]>(MODULE_METADATA.CONTROLLERS, module),
          imports: metadata<(Type | DynamicModule)[]>(MODULE_METADATA.IMPORTS, module),
        };
  return [...controllers, ...(imports as (Type | DynamicModule)[]).flatMap(controllersIn)];
}

describe('the pages of docs/reference (npm run docs writes events and problems)', () => {
  const routes = controllersIn(ServerModule.with({} as Foundations)).flatMap(routesOf);

  it('tell the kinds of events as the rooms declare them', () => {
    expect(pageAt('events.md')).toBe(eventsTable());
  });

  it('tell the problems as the table of the edge has them', () => {
    expect(pageAt('problems.md')).toBe(problemsTable());
  });

  it('tell every route, who may call it and its status', () => {
    const told = [...pageAt('api.md').matchAll(/^### (.+)$/gm)].map(([, heading]) => heading);
    expect(routes.length).toBeGreaterThan(0);
    expect(told.sort()).toEqual(routes.map(({ heading }) => heading).sort());
  });

  it('tell every field of their bodies and queries', () => {
    const sections = pageAt('api.md').split(/^### /m);
    // A submission is multipart: its fields are validated by hand.
    const submit = { heading: '`POST /api/v1/jobs`', fields: fieldsOf(SubmitJobDto) };
    const withFields = [...routes, submit].filter(({ fields }) => fields.length > 0);
    expect(withFields.length).toBeGreaterThan(3);
    for (const { heading, fields } of withFields) {
      const section = sections.find((text) => text.startsWith(heading)) ?? '';
      expect({ heading, untold: fields.filter((name) => !section.includes(name)) }).toEqual({ heading, untold: [] });
    }
  });

  it('name problems that there are', () => {
    const codes = new Set(Object.values(statusOf).map(({ code }) => code));
    const lines = [...pageAt('api.md').matchAll(/^Problems: (.+)\.$/gm)].map(([, line]) => line!);
    const named = lines.flatMap((line) => [...line.matchAll(/`(\w+)`/g)].map(([, code]) => code!));
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((code) => !codes.has(code))).toEqual([]);
  });

  it('name settings that there are', () => {
    const named = [...pageAt('api.md').matchAll(/`([A-Z]+_[A-Z_]+)`/g)].map(([, name]) => name!);
    const rows = new Settings({}).rows.map(({ name }) => name);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !rows.includes(name))).toEqual([]);
  });
});
