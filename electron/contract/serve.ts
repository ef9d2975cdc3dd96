/** This side's end of the contract: checks what comes, calls its handler, and carries faults as data. */
import { Fault, type FaultFields } from '#models/base/fault.ts';
import { contract, isMethod, type Handlers, type Reply } from './contract.ts';

/**
 * Answers one call. Unknown methods and arguments that do not fit are faults of the caller; a bug of ours is told to `onDefect` and reaches the window
 * without its details.
 */
export async function serve(handlers: Handlers, method: unknown, argument: unknown, onDefect: (error: unknown) => void = () => undefined): Promise<Reply> {
  if (!isMethod(method)) return refuse('contract.method', 'This cannot be asked.', `There is no method ${JSON.stringify(String(method).slice(0, 60))}.`);
  const parsed = contract[method].argument.safeParse(argument);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse('contract.argument', 'This cannot be asked so.', `${method}: ${issue?.path.join('.') || 'the argument'}: ${issue?.message ?? 'it does not fit'}.`);
  }
  try {
    const value = await (handlers[method] as (given: unknown) => Promise<unknown>)(parsed.data);
    return { ok: true, value };
  } catch (thrown) {
    return { ok: false, fault: faultOf(thrown, onDefect) };
  }
}

function faultOf(thrown: unknown, onDefect: (error: unknown) => void): FaultFields {
  if (thrown instanceof Fault) return thrown.toJSON();
  onDefect(thrown);
  return {
    code: 'internal', what: 'Something went wrong inside Loupe.', why: thrown instanceof Error ? thrown.message : String(thrown),
    mend: 'This is a defect. Try again; if it stays, report what the terminal shows.',
  };
}

const refuse = (code: string, what: string, why: string): Reply => ({ ok: false, fault: { code, what, why, mend: 'This is a defect of the page: reload it, and report it if it stays.' } });
