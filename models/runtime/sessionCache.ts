/** Sessions kept open by key, the least recently used released first. */

import type { Session } from './session.ts';

/** Opening a session takes tens of milliseconds and each holds memory, so a few stay open and the rest make way. */
export class SessionCache {
  private readonly sessions = new Map<string, Promise<Session>>();

  constructor(private readonly limit: number) {}

  /** The session of this key, made by `make` where there is none. */
  async get(key: string, make: () => Promise<Session>): Promise<Session> {
    let session = this.sessions.get(key);
    if (session) {
      // Last in the map is the one used last.
      this.sessions.delete(key);
    } else {
      session = make();
      session.catch(() => this.sessions.delete(key));
    }
    this.sessions.set(key, session);
    const opened = await session;
    await this.trim();
    return opened;
  }

  get size(): number {
    return this.sessions.size;
  }

  private async trim(): Promise<void> {
    while (this.sessions.size > this.limit) {
      const [oldest] = this.sessions.entries().next().value as [string, Promise<Session>];
      const session = this.sessions.get(oldest);
      this.sessions.delete(oldest);
      await (await session)?.release();
    }
  }

  async release(): Promise<void> {
    const open = [...this.sessions.values()];
    this.sessions.clear();
    for (const session of open) await (await session).release();
  }
}
