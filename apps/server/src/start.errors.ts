import { CodedError } from '#libs/kernel';

/** A setting that is well formed and cannot be used. The message names it first; the code is the cause's own. */
class StartError extends CodedError<string> {}

/** Rejects with a StartError that names `setting`, and says what to do, when `opening` fails. */
export async function forSetting<T>(setting: string, advice: string, opening: () => Promise<T> | T): Promise<T> {
  try {
    return await opening();
  } catch (cause) {
    const { code = 'unknown', message } = cause as { code?: string; message: string };
    throw new StartError(code, `${setting}: ${message}; ${advice}`, { cause });
  }
}
