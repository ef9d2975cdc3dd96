/** Hears what the workstation tells: `subscribe('library.changed', …)`; the result ends it. */
import { events, type EventName, type Payload } from '#electron/contract/events.ts';
import { bridge } from './bridge.ts';

export function subscribe<E extends EventName>(event: E, listener: (payload: Payload<E>) => void): () => void {
  return bridge.subscribe(event, (payload) => listener(events[event].parse(payload) as Payload<E>));
}
