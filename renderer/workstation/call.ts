/** The page's end of the contract: `await call('library.study', { studyId })`. */
import { contract, type GivenArgument, type Method, type Result } from '#electron/contract/contract.ts';
import { Fault } from '#models/base/fault.ts';
import { bridge } from './bridge.ts';

/** @throws Fault as the workstation gave it */
export async function call<M extends Method>(method: M, argument: GivenArgument<M>): Promise<Result<M>> {
  const reply = await bridge.invoke(method, argument);
  if (!reply.ok) throw new Fault(reply.fault);
  return contract[method].result.parse(reply.value) as Result<M>;
}
